import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack } from './views/catalog-histories.ts'
import { coverageInstants, sampleCoverage } from './views/coverage-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { compared } from './views/lifecycle-world.ts'
import { listed } from './views/listed.ts'
import { isoTime, load } from './views/load.ts'
import { assetsAt } from './views/oracle/assets.ts'
import { regression } from './views/oracle/coverage.ts'
import { detectionRow, Lifecycle, validityRow } from './views/oracle/lifecycle.ts'
import { infrastructureAt } from './views/oracle/records.ts'
import { reviewsAt } from './views/oracle/upkeep.ts'
import { printSeed, seed } from './views/seed.ts'

/**
 * What upholds coverage and what it lost, in hundreds of histories of their own, every column against
 * a look at one validation after the other.
 */

const catalog = sampleCoverage(seed, 220)
const lifecycle = new Lifecycle(catalog, attack)
const [instants = []] = fc.sample(coverageInstants, { seed, numRuns: 1 })
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of coverage')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', catalog, { blocks: 4 })
}, 60_000)
afterAll(() => database.close())

type Found = Record<string, unknown>

async function read(view: string, parameters: Record<string, number | string>): Promise<Found[]> {
  return database.views.select<Found>(view, parameters)
}

/** Every column, but for those that only order rows. */
function without(rows: readonly Found[], ...names: string[]): Found[] {
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name))),
  )
}

test('validations are told with what their assets were then, and with who voided them', async () => {
  let voided = 0
  for (const atMs of instants) {
    const expected = lifecycle.validations(atMs).map(validityRow)
    const seen = without(await read('validity', { at_s: atMs / 1000, asset_id: '' }), 'version')
    expect(compared(seen, ['validation_id']), isoTime(atMs)).toEqual(
      compared(expected, ['validation_id']),
    )
    voided += expected.filter((row) => row['invalidated_at'] !== null).length
  }
  expect(voided).toBeGreaterThan(20)
})

test('detections are told with their asset and with the validations that govern and came last', async () => {
  const keys = ['technique_id', 'asset_id']
  for (const atMs of instants) {
    const expected = lifecycle.detections(atMs).map(detectionRow)
    const seen = without(await read('detection_state', { at_s: atMs / 1000 }), 'last_version')
    expect(compared(seen, keys), isoTime(atMs)).toEqual(compared(expected, keys))
  }
})

test('assets are listed with all that is said of them', async () => {
  const nothing = { alerts: [], tests: [], hits: new Map(), arrivals: new Map() }
  for (const atMs of instants.slice(0, 3)) {
    const expected = assetsAt(catalog, { atMs, lifecycle, ...nothing })
    const seen = await listed(database, atMs)
    expect(compared(seen, ['asset_id']), isoTime(atMs)).toEqual(compared(expected, ['asset_id']))
  }
})

test('infrastructure changes are listed as they were last told', async () => {
  for (const atMs of instants) {
    const expected = infrastructureAt(catalog, atMs)
    const seen = await read('infrastructure_changes', { at_s: atMs / 1000 })
    expect(compared(seen, ['change_id']), isoTime(atMs)).toEqual(compared(expected, ['change_id']))
  }
})

test('what coverage lost is told with the versions and the changes that are its cause', async () => {
  const keys = ['technique_id', 'upheld_technique_id', 'asset_id']
  const causes = new Set<string>()
  let changes = 0
  for (const [first, last] of [
    [0, 2],
    [1, 4],
    [2, 5],
    [0, 5],
    [4, 5],
  ] as const) {
    const times = [instants[first] ?? 0, instants[last] ?? 0]
    const [fromMs, toMs] = [Math.min(...times), Math.max(...times)]
    const expected = regression(lifecycle, fromMs, toMs, attack)
    const seen = await read('coverage_regression', { from_s: fromMs / 1000, to_s: toMs / 1000 })
    const message = `${isoTime(fromMs)} to ${isoTime(toMs)}`
    expect(compared(seen, keys), message).toEqual(compared(expected, keys))
    expect(seen, message).toHaveLength(expected.length)
    for (const row of expected) {
      for (const cause of [row['causes']].flat()) causes.add(String(cause))
      changes += [row['infrastructure_change_ids']].flat().length
    }
  }
  expect(causes.size).toBeGreaterThan(5)
  expect(changes).toBeGreaterThan(0)
})

test('a review is told with who made it, and of two at one time the last that was told counts', async () => {
  for (const atMs of instants) {
    const expected = reviewsAt(catalog, lifecycle, atMs).map((one) => ({
      technique_id: one.technique_id,
      reviewed_at: isoTime(one.reviewedMs),
      is_explicit: one.isExplicit,
      reviewed_by: one.reviewed_by,
      status: one.status,
    }))
    const seen = await read('technique_reviews', { at_s: atMs / 1000 })
    expect(compared(seen, ['technique_id']), isoTime(atMs)).toEqual(
      compared(expected, ['technique_id']),
    )
  }
})
