import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqlServer } from '../cli/migrate-database.ts'
import { foldAllValidationSpans } from '../processors/engine/validation-spans.ts'
import { type CatalogRow, catalogRows } from './views/catalog-rows.ts'
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

async function rowsOf({ client }: ViewsDatabase, spans: string): Promise<unknown[]> {
  const sql = `SELECT * EXCEPT (generation) FROM ${spans} ORDER BY validation_id`
  return sqlServer(client).query(sql)
}

const all = 'validation_spans_folded(assets = [], generation = 0)'

test('several who take in the catalogue at once leave the spans that all of it makes', async () => {
  const parts: CatalogRow[][] = Array.from({ length: writers }, () => [])
  for (const [index, row] of catalog.entries()) {
    parts[index % writers]?.push({ ...row, partition: index % writers })
  }
  await Promise.all(parts.map((rows) => load(database, 'catalog_events', rows, { blocks: 2 })))
  const held = await rowsOf(database, 'validation_spans FINAL')
  expect(held).toEqual(await rowsOf(database, all))
  expect(held.length).toBeGreaterThan(80)
}, 60_000)

const policy = {
  kind: 'decay_policy',
  id: 'held-policy',
  event_time: Date.UTC(2020, 0, 1),
  entity: { name: 'shorter', default_validity_days: 7 },
}
const withPolicy = [...catalog, ...catalogRows([policy], { firstOffset: catalog.length })]
/** Whatever comes later has validations to bear on. */
const kinds = [
  'validation',
  'detection_asset',
  'invalidation',
  'infrastructure_change',
  'decay_policy',
]

test('what records of one kind bear on is worked out when they come by themselves', async () => {
  const apart = await openViewsDatabase()
  let before: unknown[] = []
  for (const kind of kinds) {
    const rows = withPolicy.filter((row) => row.kind === kind)
    await load(apart, 'catalog_events', rows, { blocks: 1 })
    const held = await rowsOf(apart, 'validation_spans FINAL')
    expect(held, kind).toEqual(await rowsOf(apart, all))
    expect(held, kind).not.toEqual(before)
    before = held
  }
  await apart.close()
}, 60_000)

test('spans that are gone are made anew of all, some at a time', async () => {
  const held = await rowsOf(database, 'validation_spans FINAL')
  await database.client.command({ query: 'TRUNCATE TABLE validation_spans SYNC' })
  expect(await rowsOf(database, 'validation_spans FINAL')).toEqual([])
  await foldAllValidationSpans(database.client, { assets: 7, validations: 50 })
  expect(await rowsOf(database, 'validation_spans FINAL')).toEqual(held)
  await foldAllValidationSpans(database.client)
  expect(await rowsOf(database, 'validation_spans'), 'each is there once').toEqual(held)
})
