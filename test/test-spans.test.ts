import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqlServer } from '../cli/migrate-database.ts'
import { foldAllTestSpans } from '../processors/engine/test-spans.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import type { TestRow } from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleTests } from './views/test-histories.ts'

/**
 * Spans of tests are worked out by whoever takes in a block of updates. The oracle looks at all updates at once; that
 * spans tell what the updates tell is for the tests of views.
 */

const writers = 3
const updates = sampleTests(seed, 120)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('spans of tests')
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

async function rowsOf(spans: string): Promise<unknown[]> {
  const sql = `SELECT * FROM ${spans} ORDER BY test_id, round, from_time`
  return sqlServer(database.client).query(sql)
}

test('several who take in updates at once leave the spans that all of them make', async () => {
  const parts: TestRow[][] = Array.from({ length: writers }, () => [])
  // Late ones among them: the order of updates is not that of blocks.
  for (const [index, row] of updates.entries()) {
    const partition = (index * 7) % writers
    parts[partition]?.unshift({ ...row, partition })
  }
  await Promise.all(parts.map((rows) => load(database, 'test_events', rows, { blocks: 4 })))
  const held = await rowsOf('test_spans FINAL')
  expect(held).toEqual(await rowsOf('test_spans_folded(tests = [], part = 0, parts = 1)'))
  expect(held.length).toBeGreaterThan(200)
}, 60_000)

test('spans that are gone are made anew of all, some at a time', async () => {
  const held = await rowsOf('test_spans FINAL')
  await database.client.command({ query: 'TRUNCATE TABLE test_spans SYNC' })
  expect(await rowsOf('test_spans FINAL')).toEqual([])
  await foldAllTestSpans(database.client, { tests: 17 })
  expect(await rowsOf('test_spans FINAL')).toEqual(held)
  await foldAllTestSpans(database.client)
  expect(await rowsOf('test_spans'), 'each is there once').toEqual(held)
})
