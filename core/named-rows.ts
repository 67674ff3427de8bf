import { assert, TransientError } from './error.ts'

/**
 * Rows after a line with the names of their columns: half as much text as with the names in each row, and an answer
 * that got lost on its way is not taken for one without rows.
 */
export const namedRows = 'JSONCompactEachRowWithNames'

/** What a client of ClickHouse gives for a query that asked for `namedRows`. */
export interface NamedRows {
  stream(): AsyncIterable<readonly { json(): unknown }[]>
}

/**
 * The rows as objects; of which type is the caller's statement about a view of ours, which system tests hold to it.
 * Throws `TransientError` for an answer without names. `onRows` hears how many rows there are so far.
 */
export async function readNamedRows<Row>(
  answer: NamedRows,
  onRows?: (count: number) => void,
): Promise<Row[]> {
  let names: readonly string[] | undefined
  const rows: Row[] = []
  for await (const chunk of answer.stream()) {
    for (const line of chunk) {
      const values = line.json()
      assert(Array.isArray(values), 'a line of ClickHouse is a list')
      if (names === undefined) names = values.map(String)
      else rows.push(named(names, values) as Row)
    }
    onRows?.(rows.length)
  }
  if (names === undefined) {
    throw new TransientError('clickhouse-unavailable', 'ClickHouse answered without any columns')
  }
  return rows
}

function named(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  names.forEach((name, place) => {
    row[name] = values[place]
  })
  return row
}
