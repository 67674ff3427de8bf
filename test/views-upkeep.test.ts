import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack, catalogDay0, halfDayMs, sampleCatalog } from './views/catalog-histories.ts'
import { catalogRows } from './views/catalog-rows.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { progressRows, sampleProgress } from './views/ingest-histories.ts'
import { isoTime, load } from './views/load.ts'
import { ingestHealth } from './views/oracle/ingest.ts'
import { Lifecycle } from './views/oracle/lifecycle.ts'
import { ownersAt, queueAt, reviewsAt, snapshotsAt, velocity } from './views/oracle/upkeep.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleUpkeep } from './views/upkeep-histories.ts'
import { workedVelocity } from './views/worked-velocity.ts'

/** Queue, owners, snapshots, reviews and what was taken in, against what is worked out by hand. */

const catalog = [
  ...sampleCatalog(seed),
  ...sampleUpkeep(seed, 12, 10_000),
  ...catalogRows(
    workedVelocity.flatMap(({ changes }) => changes),
    { firstOffset: 50_000 },
  ),
]
const lifecycle = new Lifecycle(catalog, attack)
const progress = sampleProgress(seed, 200)
/** Before, within and after the changes, which lie on a grid of five days. */
const instants = [0, 1, 100, 215, 401].map((halves) => catalogDay0 + halves * halfDayMs)

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of upkeep')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', catalog, { blocks: 4 })
  await load(database, 'ingest_progress', progressRows(progress), { blocks: 2 })
}, 60_000)
afterAll(() => database.close())

async function read(view: string, atMs: number): Promise<Record<string, unknown>[]> {
  return database.views.select<Record<string, unknown>>(view, { at_s: atMs / 1000 })
}

/** By key, with the members that the oracle knows. */
function keyed(
  rows: readonly Record<string, unknown>[],
  key: string,
  like: Record<string, unknown> = {},
): Record<string, unknown> {
  const entries = rows.map((row) => [
    String(row[key]),
    Object.fromEntries(Object.keys(like).map((name) => [name, row[name]])),
  ])
  return Object.fromEntries(entries)
}

test.concurrent.each([
  ['revalidation_queue', 'item_id', queueAt],
  ['technique_owners', 'technique_id', ownersAt],
  ['coverage_snapshots', 'date', snapshotsAt],
] as const)('%s is the fold of its records as of any instant', async (view, key, oracle) => {
  let rows = 0
  for (const atMs of instants) {
    const expected = oracle(catalog, atMs)
    const seen = await read(view, atMs)
    expect(keyed(seen, key, expected[0]), isoTime(atMs)).toEqual(keyed(expected, key, expected[0]))
    expect(seen).toHaveLength(expected.length)
    rows += expected.length
  }
  expect(rows).toBeGreaterThan(20)
})

test.concurrent('a technique has one open item at most, as of any instant', async () => {
  for (const atMs of instants) {
    const open = (await read('revalidation_queue', atMs)).filter((row) => row['closed_at'] === null)
    const techniques = open.map((row) => row['technique_id'])
    expect(new Set(techniques).size, isoTime(atMs)).toBe(techniques.length)
  }
})

test.concurrent('a review is the explicit one, else the newest validation', async () => {
  for (const atMs of instants) {
    const expected = reviewsAt(catalog, lifecycle, atMs).map((one) => ({
      technique_id: one.technique_id,
      reviewed_at: isoTime(one.reviewedMs),
      is_explicit: one.isExplicit,
      reviewed_by: one.reviewed_by,
      status: one.status,
    }))
    const seen = await read('technique_reviews', atMs)
    const like = expected[0]
    expect(keyed(seen, 'technique_id', like)).toEqual(keyed(expected, 'technique_id', like))
  }
})

test.concurrent('velocity is the mean over weeks with a review, and compares recent with earlier', async () => {
  for (const atMs of instants) {
    const expected = velocity(reviewsAt(catalog, lifecycle, atMs), atMs)
    expect(await read('coverage_velocity', atMs), isoTime(atMs)).toEqual([expected])
  }
})

test.concurrent.each(workedVelocity)('$name', async ({ atMs, expected }) => {
  expect(await read('coverage_velocity', atMs)).toMatchObject([expected])
  expect(velocity(reviewsAt(catalog, lifecycle, atMs), atMs)).toMatchObject(expected)
})

test.concurrent('what became of every record adds up only where every offset is in one block', async () => {
  const seen = await database.views.select<Record<string, unknown>>('ingest_health')
  const expected = progress.map(ingestHealth)
  const like = expected[0]
  expect(keyed(seen, 'topic', like)).toEqual(keyed(expected, 'topic', like))
  expect(new Set(expected.map((row) => row['adds_up']))).toEqual(new Set([true, false]))
})
