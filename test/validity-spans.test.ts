import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqlServer } from '../cli/migrate-database.ts'
import { foldAllSpans } from '../processors/engine/validation-spans.ts'
import type { CatalogRow } from './views/catalog-rows.ts'
import { sampleCoverage } from './views/coverage-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { printSeed, seed } from './views/seed.ts'

/**
 * Spans of validity are worked out by whoever takes in a block of the catalogue, of what the block bears on. The
 * oracle looks at all of the catalogue at once; that spans answer as validity does is for the tests of views.
 */

const writers = 3
const catalog = sampleCoverage(seed, 60)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('spans of validity')
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

async function rowsOf(spans: string): Promise<unknown[]> {
  const sql = `SELECT * EXCEPT (generation) FROM ${spans} ORDER BY validation_id`
  return sqlServer(database.client).query(sql)
}

const all = `validation_spans_folded(log = '', topic = '', partition = 0, first = 0, last = 0,
  slice = 0, slices = 1, generation = 0)`

test('several who take in the catalogue at once leave the spans that all of it makes', async () => {
  const parts: CatalogRow[][] = Array.from({ length: writers }, () => [])
  for (const [index, row] of catalog.entries()) {
    parts[index % writers]?.push({ ...row, partition: index % writers })
  }
  await Promise.all(parts.map((rows) => load(database, 'catalog_events', rows, { blocks: 2 })))
  const held = await rowsOf('validation_spans FINAL')
  expect(held).toEqual(await rowsOf(all))
  expect(held.length).toBeGreaterThan(80)
}, 60_000)

test('spans that are gone are made anew of all, slice by slice', async () => {
  const held = await rowsOf('validation_spans FINAL')
  await database.client.command({ query: 'TRUNCATE TABLE validation_spans SYNC' })
  expect(await rowsOf('validation_spans FINAL')).toEqual([])
  await foldAllSpans(database.client, { perSlice: 50 })
  expect(await rowsOf('validation_spans FINAL')).toEqual(held)
})
