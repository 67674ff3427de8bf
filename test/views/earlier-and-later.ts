import { expect } from 'vitest'
import type { Row, TableName } from '../../schemas/table.ts'
import { halfDayMs } from './catalog-histories.ts'
import type { CatalogRow } from './catalog-rows.ts'

type Timed<Name extends TableName> = Row<Name> & {
  readonly event_time: number
  readonly ingest_time: number
}

interface Parts<Name extends TableName> {
  readonly earlier: readonly Timed<Name>[]
  /** Taken in later, too. */
  readonly later: readonly Timed<Name>[]
}

/** A table's rows of up to an instant, and those after it, of which there are some. */
export function earlierAndLater<Name extends TableName>(
  table: Name,
  rows: readonly Timed<Name>[],
  atMs: number,
  isLater: (row: Timed<Name>) => boolean = (row) => row.event_time > atMs,
): Parts<Name> {
  const later = rows.filter(isLater).map((row) => {
    return { ...row, ingest_time: row.ingest_time + 1_200 * halfDayMs }
  })
  expect(later.length, table).toBeGreaterThan(0)
  return { earlier: rows.filter((row) => !isLater(row)), later }
}

/** A validation is of when it was seen, a review of when it was made: recorded late, it is late. */
export function isLaterRecord(row: CatalogRow, atMs: number): boolean {
  const { validated_at, reviewed_at } = JSON.parse(row.derived)
  const seen = validated_at ?? reviewed_at
  return row.event_time > atMs && (seen === undefined || Date.parse(seen) > atMs)
}
