import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack, catalogDay0, halfDayMs, sampleRuleCatalog } from './views/catalog-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { decayAssets, decayTechniques, sampleDecay } from './views/decay-histories.ts'
import { compared } from './views/lifecycle-world.ts'
import { isoTime, load } from './views/load.ts'
import {
  confidenceHistoryAt,
  decayRunsAt,
  mappingsAt,
  validityChangesAt,
} from './views/oracle/history.ts'
import { Lifecycle } from './views/oracle/lifecycle.ts'
import { revalidationsDue } from './views/oracle/records.ts'
import { testRounds } from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { testRow } from './views/test-histories.ts'

/** What the daily run recorded and what was ever mapped, against a fold of the records one by one. */

const keys = 150
const catalog = sampleDecay(seed, keys, 0)
const rules = sampleRuleCatalog(seed, 50_000)
const half = fc.integer({ min: 0, max: 600 }).map((count) => catalogDay0 + count * halfDayMs)
/** Tests that the validations of rules name, redone or not. */
const tests = fc
  .sample(
    fc.record({
      test_id: fc.constantFrom('t1', 't2', 't3', 't4'),
      round: fc.constantFrom(null, null, 1, 2, 3),
      event_time: half,
      red_started_at: fc.option(half),
      red_ended_at: fc.option(half),
      hosts: fc.constantFrom([], ['ws1'], ['ws2', 'ws2.example.local']),
      targets: fc.constantFrom([], ['dc1'], ['ws1']),
    }),
    { seed, numRuns: 40 },
  )
  .map(({ red_started_at, ...given }, offset) =>
    testRow({
      ...given,
      offset,
      // No two at one instant: which of them was the last would be anybody's guess.
      red_started_at: red_started_at === null ? null : red_started_at + offset,
    }),
  )
/** Before, within and after the changes, which lie on a grid of five days. */
const instants = [-1, 0, 55, 200, 205, 401].map((halves) => catalogDay0 + halves * halfDayMs)

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of what was recorded')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', catalog, { blocks: 4 })
  await load(database, 'catalog_events', rules, { blocks: 2 })
  await load(database, 'test_events', tests, { blocks: 2 })
}, 60_000)
afterAll(() => database.close())

type Rows = readonly Record<string, unknown>[]

async function read(view: string, atMs: number, more: Record<string, string> = {}): Promise<Rows> {
  return database.views.select<Record<string, unknown>>(view, { at_s: atMs / 1000, ...more })
}

function sorted(rows: Rows): Rows {
  const keyOf = (row: Record<string, unknown>) => JSON.stringify(Object.entries(row).sort())
  return rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

test.concurrent('asset and technique that were ever mapped are told with when, of all or of one asset', async () => {
  for (const atMs of instants) {
    const expected = mappingsAt([...catalog, ...rules], atMs)
    const seen = await read('asset_mappings', atMs, { asset_id: '' })
    expect(sorted(seen), isoTime(atMs)).toEqual(sorted(expected))
  }
  const [, , , atMs = 0] = instants
  for (let key = 0; key < keys; key += 30) {
    const [asset_id = ''] = decayAssets(key)
    const expected = mappingsAt(catalog, atMs).filter((one) => one['asset_id'] === asset_id)
    expect(sorted(await read('asset_mappings', atMs, { asset_id }))).toEqual(sorted(expected))
  }
})

test.concurrent.each([
  ['validity_changes', validityChangesAt],
  ['confidence_history', confidenceHistoryAt],
] as const)('%s of a technique is what was recorded of it by any instant', async (view, oracle) => {
  let rows = 0
  for (let key = 0; key < keys; key += 3) {
    for (const [index, technique_id] of decayTechniques(key).entries()) {
      const atMs = instants[(key / 3 + index) % instants.length] ?? 0
      // Of its own history only: keys share nothing.
      const expected = oracle(catalog, technique_id, atMs)
      const seen = await read(view, atMs, { technique_id })
      expect(sorted(seen), `${technique_id} ${isoTime(atMs)}`).toEqual(sorted(expected))
      rows += expected.length
    }
  }
  expect(rows).toBeGreaterThan(20)
})

test.concurrent('a run that was asked for is told with its answer, the first of each', async () => {
  for (const atMs of instants) {
    const expected = decayRunsAt(catalog, atMs)
    expect(sorted(await read('decay_runs', atMs)), isoTime(atMs)).toEqual(sorted(expected))
  }
})

test.concurrent('what can be validated anew is what fell because its rule was changed, with its last test', async () => {
  const lifecycle = new Lifecycle(rules, attack)
  let due = 0
  for (const halves of [60, 130, 300, 450, 601]) {
    const atMs = catalogDay0 + halves * halfDayMs + 1
    const expected = revalidationsDue(rules, lifecycle, testRounds(tests, atMs), atMs)
    const seen = await read('revalidation_due', atMs)
    const pair = ['asset_id', 'technique_id']
    expect(compared(seen, pair, expected[0] ?? {}), isoTime(atMs)).toEqual(compared(expected, pair))
    due += expected.length
  }
  expect(due).toBeGreaterThan(10)
})
