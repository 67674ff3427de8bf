import { afterAll, beforeAll, expect, test } from 'vitest'
import { catalogDay0, halfDayMs } from './views/catalog-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { decayAssets, decayTechniques, sampleDecay } from './views/decay-histories.ts'
import { isoTime, load } from './views/load.ts'
import {
  confidenceHistoryAt,
  decayRunsAt,
  mappingsAt,
  validityChangesAt,
} from './views/oracle/history.ts'
import { printSeed, seed } from './views/seed.ts'

/** What the daily run recorded and what was ever mapped, against a fold of the records one by one. */

const keys = 150
const catalog = sampleDecay(seed, keys, 0)
/** Before, within and after the changes, which lie on a grid of five days. */
const instants = [-1, 0, 55, 200, 205, 401].map((halves) => catalogDay0 + halves * halfDayMs)

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of what was recorded')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', catalog, { blocks: 4 })
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
    const expected = mappingsAt(catalog, atMs)
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
  expect(rows).toBeGreaterThan(50)
})

test.concurrent('a run that was asked for is told with its answer, the first of each', async () => {
  for (const atMs of instants) {
    const expected = decayRunsAt(catalog, atMs)
    expect(sorted(await read('decay_runs', atMs)), isoTime(atMs)).toEqual(sorted(expected))
  }
})
