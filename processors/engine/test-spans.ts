/**
 * Keeps `test_spans`: what is known of each round of a test in which span of time. It follows from the updates of the
 * test alone, so that working it out again changes nothing.
 *
 * Contract: whoever inserts updates works out afterwards the tests that they are of. Of two that are at it at once,
 * the one whose insert ended later sees the updates of both: its rows are made of more, and count.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import { arrayLiteral } from '../../core/sql-literal.ts'
import type { Row } from '../../schemas/table.ts'
import { ask, askRows, insertFolded } from './ask.ts'

/** So that no statement is too long, and none takes as long as a request may. */
const testsPerFold = 20_000

/** What updates bear on, once they are there. */
export async function foldTestSpans(
  client: ClickHouseClient,
  updates: readonly Row<'test_events'>[],
): Promise<void> {
  const tests = [...new Set(updates.map(({ test_id }) => test_id))]
  for (let first = 0; first < tests.length; first += testsPerFold) {
    await fold(client, tests.slice(first, first + testsPerFold), { part: 0, parts: 1 })
  }
}

/**
 * Works out `test_spans` of all tests anew: of a database that has tests and no spans, or whose tables came from a
 * backup. The rows that were there are merged away.
 */
export async function foldAllTestSpans(
  client: ClickHouseClient,
  options: { readonly tests?: number } = {},
): Promise<void> {
  const parts = Math.ceil((await countTests(client)) / (options.tests ?? testsPerFold))
  for (let part = 0; part < parts; part += 1) await fold(client, [], { part, parts })
  await ask(() => client.command({ query: 'OPTIMIZE TABLE test_spans FINAL' }))
}

async function countTests(client: ClickHouseClient): Promise<number> {
  const query = 'SELECT toUInt32(uniq(test_id)) AS tests FROM test_events'
  const [row] = await askRows<{ tests: number }>(client, { query })
  return row?.tests ?? 0
}

/** Tests, [] is all: those whose hash is in one of so many parts. */
function fold(
  client: ClickHouseClient,
  tests: readonly string[],
  { part, parts }: { readonly part: number; readonly parts: number },
): Promise<void> {
  const parameters = `tests = ${arrayLiteral(tests)}, part = ${part}, parts = ${parts}`
  return insertFolded(client, 'test_spans', parameters)
}
