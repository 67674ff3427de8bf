/** The seam to ClickHouse. TypeScript says only INSERT INTO table and SELECT … FROM view(parameters). */

export type Parameter = string | number | boolean | readonly string[] | readonly number[] | null

/** Reads of the API: one view a call. */
export interface Views {
  /**
   * `SELECT * FROM view(name = value, …)`; rows as JSON objects, 64-bit integers as numbers.
   * Throws `TransientError` when the server cannot answer now.
   */
  select<Row>(view: string, parameters?: Readonly<Record<string, Parameter>>): Promise<Row[]>
}
