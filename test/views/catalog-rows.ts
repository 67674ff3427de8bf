import { createCatalogProcessor } from '../../processors/catalog.ts'
import type { Row } from '../../schemas/table.ts'

/** Changes of the catalogue as its own processor writes them. */

export type CatalogRow = Row<'catalog_events'>

export interface Change {
  readonly kind: string
  readonly id: string
  readonly op?: 'put' | 'delete'
  readonly actor?: string
  /** Epoch milliseconds. */
  readonly event_time: number
  readonly entity?: Readonly<Record<string, unknown>>
  readonly derived?: Readonly<Record<string, unknown>>
}

/** Later than every change here, so that no time of them is capped. */
const lateMs = Date.UTC(2030, 0, 1)

export interface Log {
  /** Offset of the first change; the others follow. */
  readonly firstOffset?: number
  /** When they are taken in, epoch milliseconds. */
  readonly timeMs?: number
  /** By its code: a refusal that the test means to be there. */
  readonly mayRefuse?: (code: string) => boolean
}

/** One row a change, offsets in their order. Throws for a change that the processor refuses, unless told. */
export function catalogRows(changes: readonly Change[], log: Log = {}): readonly CatalogRow[] {
  const { firstOffset = 0, timeMs = lateMs, mayRefuse = () => false } = log
  const { process } = createCatalogProcessor({ recordBytesMax: 1_000_000 })
  const records = changes.map(({ event_time, ...change }, index) => ({
    offset: firstOffset + index,
    timestampMs: event_time,
    key: null,
    value: Buffer.from(
      JSON.stringify({ actor: 'u-1', ...change, event_time: new Date(event_time).toISOString() }),
    ),
  }))
  const revision = { id: 'r0', rules: [], match: () => [] }
  const context = { log: 'l1', topic: 'ttp.catalog', partition: 0, timeMs }
  const { rows } = process({ ...context, revision, states: new Map() }, records)
  const letter = rows.dead_letters?.find(({ code }) => !mayRefuse(code))
  if (letter !== undefined) throw new Error(`a change of this test is refused: ${letter.reason}`)
  return rows.catalog_events ?? []
}
