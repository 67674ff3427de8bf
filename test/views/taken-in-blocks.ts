import fc from 'fast-check'
import { catalogDay0, halfDayMs } from './catalog-histories.ts'
import { type CatalogRow, type Change, catalogRows } from './catalog-rows.ts'

interface Order {
  readonly seed: number
  readonly firstOffset: number
  /** Every so many-th change comes once more. */
  readonly repeatEvery: number
  readonly blockRows: number
}

/** Changes shuffled, some repeated, taken in over some blocks: what came first is told by time and offset. */
export function takenInBlocks(
  changes: readonly Change[],
  { seed, firstOffset, repeatEvery, blockRows }: Order,
): CatalogRow[] {
  const all = [...changes, ...changes.filter((_, index) => index % repeatEvery === 0)]
  const [order = []] = fc.sample(fc.shuffledSubarray(all, { minLength: all.length }), {
    seed,
    numRuns: 1,
  })
  const rows: CatalogRow[] = []
  for (let first = 0; first < order.length; first += blockRows) {
    const timeMs = catalogDay0 + 1_000 * halfDayMs + first
    const block = order.slice(first, first + blockRows)
    rows.push(...catalogRows(block, { firstOffset: firstOffset + first, timeMs }))
  }
  return rows
}
