import type { Parameter, Views } from '../core/clickhouse.ts'

/** Views in memory: rows by view name, and what was asked. For tests of parameters and roles only. */
export class ViewRecorder implements Views {
  readonly calls: { view: string; parameters: Readonly<Record<string, Parameter>> }[] = []
  readonly #rows: Readonly<Record<string, readonly object[]>>

  constructor(rows: Readonly<Record<string, readonly object[]>> = {}) {
    this.#rows = rows
  }

  async select<Row>(
    view: string,
    parameters: Readonly<Record<string, Parameter>> = {},
  ): Promise<Row[]> {
    this.calls.push({ view, parameters })
    // The caller states the row type, as with the real store; here it is the test's own rows.
    return [...(this.#rows[view] ?? [])] as Row[]
  }
}
