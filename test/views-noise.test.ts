import { afterAll, beforeAll, expect, test } from 'vitest'
import { hourMs, minuteMs } from '../core/units.ts'
import { alertRow } from './views/alert-histories.ts'
import { catalogRows } from './views/catalog-rows.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load, refreshAlertSpans } from './views/load.ts'
import { testRow } from './views/test-histories.ts'

/** Alerts around a test make no noise: worked examples at the edges, each with an asset and machines of its own. */

const startMs = Date.UTC(2026, 2, 10, 6)
const atMs = startMs + 100 * hourMs

interface Example {
  readonly says: string
  /** By machine: hours from `startMs` at which tests began on it. */
  readonly runs: Readonly<Record<string, readonly number[]>>
  readonly hosts: readonly string[]
  /** Of the alert, from `startMs`. */
  readonly afterMs: number
  readonly noise: 0 | 1
}

const one = { runs: { a: [0] }, hosts: ['a'] }
const examples: readonly Example[] = [
  { says: 'as the test begins', ...one, afterMs: 0, noise: 0 },
  { says: 'a minute before', ...one, afterMs: -minuteMs, noise: 0 },
  { says: 'more than a minute before', ...one, afterMs: -minuteMs - 1, noise: 1 },
  { says: 'a day later', ...one, afterMs: 24 * hourMs, noise: 0 },
  { says: 'more than a day later', ...one, afterMs: 24 * hourMs + 1, noise: 1 },
  {
    says: 'within a day of the second',
    runs: { a: [0, 20] },
    hosts: ['a'],
    afterMs: 44 * hourMs,
    noise: 0,
  },
  {
    says: 'between two, near neither',
    runs: { a: [0, 60] },
    hosts: ['a'],
    afterMs: 30 * hourMs,
    noise: 1,
  },
  { says: 'on a machine without one', runs: { a: [0] }, hosts: ['b'], afterMs: 0, noise: 1 },
  { says: 'on no machine', runs: { a: [0] }, hosts: [], afterMs: 0, noise: 1 },
  { says: 'on two, one tested', runs: { b: [0] }, hosts: ['a', 'b'], afterMs: hourMs, noise: 0 },
  {
    says: 'on two, both tested',
    runs: { a: [0], b: [1] },
    hosts: ['a', 'b'],
    afterMs: 2 * hourMs,
    noise: 0,
  },
  {
    says: 'on two, tested later',
    runs: { a: [9], b: [7] },
    hosts: ['a', 'b'],
    afterMs: 0,
    noise: 1,
  },
]

let database: ViewsDatabase

beforeAll(async () => {
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

async function expectNoise(): Promise<void> {
  const rows = await database.views.select<{ asset_id: string; noisiest_day_alerts: number }>(
    'asset_status',
    { at_s: atMs / 1000 },
  )
  const seen = new Map(rows.map((row) => [row.asset_id, row.noisiest_day_alerts]))
  const expected = examples.map(({ says, noise }) => [says, noise])
  expect(examples.map(({ says }) => [says, seen.get(says)])).toEqual(expected)
}

test('an alert within a minute before a test and a day after it, on its machine, is no noise', async () => {
  const assets = examples.map(({ says }) => {
    const entity = { name: says, asset_type: 'siem' }
    return { kind: 'detection_asset', id: says, event_time: startMs, entity } as const
  })
  const machine = (name: string, index: number) => `${name}${index}`
  const runs = examples.flatMap((example, index) =>
    Object.entries(example.runs).flatMap(([name, starts]) =>
      starts.map((hours) => ({ host: machine(name, index), ms: startMs + hours * hourMs })),
    ),
  )
  const tests = runs.map(({ host, ms }, offset) =>
    testRow({
      offset,
      test_id: `t${offset}`,
      event_time: ms,
      red_started_at: ms,
      technique_id: 'T1003',
      hosts: [host],
    }),
  )
  const alerts = examples.map(({ says, hosts, afterMs }, offset) =>
    alertRow({
      offset,
      alert_id: says,
      asset_id: says,
      event_time: startMs + afterMs,
      hosts: hosts.map((name) => machine(name, offset)),
    }),
  )
  await load(database, 'catalog_events', catalogRows(assets), { blocks: 1 })
  await load(database, 'alert_events', alerts, { blocks: 1 })
  const without = await database.views.select<{ noisiest_day_alerts: number }>('asset_status', {
    at_s: atMs / 1000,
  })
  expect(without.map((row) => row.noisiest_day_alerts)).toEqual(examples.map(() => 1))
  await load(database, 'test_events', tests, { blocks: 1 })
  await expectNoise()
  await refreshAlertSpans(database)
  await expectNoise()
})
