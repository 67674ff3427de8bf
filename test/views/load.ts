import { sha256Hex } from '../../core/hash.ts'
import type { Row, TableName } from '../../schemas/table.ts'
import type { ViewsDatabase } from './database.ts'

/** Blocks of an engine: each is inserted twice under its token, as after a crash. */
export async function load<Name extends TableName>(
  { store }: ViewsDatabase,
  table: Name,
  rows: readonly Row<Name>[],
  options: { blocks: number },
): Promise<void> {
  const size = Math.ceil(rows.length / options.blocks)
  for (let first = 0; first < rows.length; first += size) {
    const block = rows.slice(first, first + size)
    // Of its content: two loads of as many rows are not taken for one.
    const token = `${table}:${first}:${sha256Hex(JSON.stringify(block))}`
    for (let attempt = 0; attempt < 2; attempt++) {
      await store.insert(table, block, token)
    }
  }
}

/** Makes alert_spans of all alerts that are there, as is done every half hour. */
export async function refreshAlertSpans({ client }: ViewsDatabase): Promise<void> {
  await client.command({ query: 'SYSTEM REFRESH VIEW alert_spans_refreshed' })
  await client.command({ query: 'SYSTEM WAIT VIEW alert_spans_refreshed' })
}

/** A time as the API's client reads it from a view. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
