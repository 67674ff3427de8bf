import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type AlertHistories,
  alertInstants,
  sampleAlertChanges,
  wordOffset,
} from './views/alert-change-histories.ts'
import type { AlertRow } from './views/alert-histories.ts'
import type { CatalogRow } from './views/catalog-rows.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { compared } from './views/lifecycle-world.ts'
import { isoTime, load, refreshAlertSpans } from './views/load.ts'
import { alertSpans, alertStates, alertsAt } from './views/oracle/alerts.ts'
import { printSeed, seed } from './views/seed.ts'

/**
 * What alerts are as of any instant, against a fold of their records one by one: with no spans made,
 * with spans of all, of a part, of what was there before some changes went, and of all again.
 */

const histories = sampleAlertChanges(seed, 300)
const instants = fc.sample(alertInstants, { seed, numRuns: 8 })
const sinces = fc.sample(fc.oneof(fc.constant(0), alertInstants), { seed, numRuns: 8 })

/** What is in the database. */
let alerts: readonly AlertRow[] = []
let catalog: readonly CatalogRow[] = []
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of alerts')
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

async function add(more: AlertHistories): Promise<void> {
  await load(database, 'catalog_events', more.catalog, { blocks: 2 })
  await load(database, 'alert_events', more.alerts, { blocks: 3 })
  alerts = [...alerts, ...more.alerts]
  catalog = [...catalog, ...more.catalog]
}

/** One of two parts: of most alerts something is in both. */
function part(which: 0 | 1): AlertHistories {
  const half = <T>(rows: readonly T[]) =>
    rows.slice(...(which === 0 ? [0, rows.length / 2] : [rows.length / 2]))
  return { alerts: half(histories.alerts), catalog: half(histories.catalog) }
}

async function read(view: string, parameters: Record<string, number | boolean> = {}) {
  return database.views.select<Record<string, unknown>>(view, parameters)
}

async function expectFolded(): Promise<void> {
  let rows = 0
  for (const [index, atMs] of instants.entries()) {
    const sinceMs = sinces[index] ?? 0
    const expected = alertsAt(alerts, catalog, sinceMs, atMs)
    const seen = await read('alerts_at', { at_s: atMs / 1000, since_s: sinceMs / 1000 })
    const message = `${isoTime(sinceMs)} to ${isoTime(atMs)}`
    expect(compared(seen, ['alert_id']), message).toEqual(compared(expected, ['alert_id']))
    expect(seen, message).toHaveLength(expected.length)
    rows += expected.length
  }
  expect(rows).toBeGreaterThan(50)
}

/** Behind are the buckets of alerts of which something is not in the spans. */
async function expectBehind(changed: AlertHistories | undefined): Promise<void> {
  const ids = changed === undefined ? [] : idsOf(changed)
  const query = 'SELECT DISTINCT cityHash64(arrayJoin({ids:Array(String)})) % 65536 AS bucket'
  const answer = await database.client.query({
    query,
    query_params: { ids },
    format: 'JSONEachRow',
  })
  const expected = await answer.json<{ bucket: number }>()
  const behind = await read('alert_buckets_behind')
  expect(new Set(behind.map((row) => row['bucket']))).toEqual(
    new Set(expected.map(({ bucket }) => Number(bucket))),
  )
}

function idsOf({ alerts, catalog }: AlertHistories): string[] {
  const spoken = catalog.map(({ entity }) => String(JSON.parse(entity).alert_id))
  return [...new Set([...alerts.map((row) => row.alert_id), ...spoken])]
}

test('without spans, alerts are as folded by hand', async () => {
  await add(part(0))
  await expectBehind({ alerts, catalog })
  await expectFolded()
})

test('from spans of all of them', async () => {
  await refreshAlertSpans(database)
  await expectBehind(undefined)
  await expectFolded()
})

test('from spans of a part, the rest told since then', async () => {
  const more = part(1)
  await add(more)
  expect(idsOf(more).length).toBeLessThan(idsOf({ alerts, catalog }).length)
  await expectBehind(more)
  await expectFolded()
})

test('what spans are behind with is put together alone: no other bucket is read', async () => {
  const query = 'EXPLAIN indexes = 1 SELECT * FROM alerts_at(at_s = 4102444800, since_s = 0)'
  const answer = await database.client.query({ query, format: 'TabSeparatedRaw' })
  expect(await answer.text()).toMatch(/Condition: .*\(bucket in \d+-element set\)/)
})

test('from spans that were made anew, each from one change to the next', async () => {
  await refreshAlertSpans(database)
  await expectBehind(undefined)
  await expectFolded()
  const expected = alertSpans(alerts, catalog)
  const keys = ['alert_id', 'from_time']
  for (const spans of [await read('alert_spans_folded'), await read('alert_spans')]) {
    // An alert of which there are words only is none.
    const begun = spans.filter(({ from_time }) => !String(from_time).startsWith('2299'))
    expect(begun).toHaveLength(expected.length)
    expect(compared(begun, keys, expected[0])).toEqual(compared(expected, keys, expected[0]))
  }
})

test('all that an alert is follows its records, whatever was asked since when', async () => {
  for (const [index, atMs] of instants.entries()) {
    const sinceMs = sinces[index] ?? 0
    const expected = alertStates(alerts, catalog, atMs)
    const seen = await read('alert_state', { at_s: atMs / 1000 })
    const whole = compared(expected, ['alert_id'])
    expect(compared(seen, ['alert_id']), isoTime(atMs)).toEqual(whole)
    // Older ones may be among them, and are the same.
    const since = await read('alert_state_since', { at_s: atMs / 1000, since_s: sinceMs / 1000 })
    const some = compared(since, ['alert_id'])
    const asked = expected.filter((one) => one.raised_at >= sinceMs || one.event_time >= sinceMs)
    expect(Object.keys(some)).toEqual(expect.arrayContaining(asked.map(({ alert_id }) => alert_id)))
    for (const [id, row] of Object.entries(some)) expect(row, isoTime(atMs)).toEqual(whole[id])
  }
})

test('from spans that know of changes which are gone', async () => {
  const isGone = ({ offset }: AlertRow) => offset % 10 === 0 && offset < wordOffset
  for (const table of ['alert_events', 'alert_changes']) {
    await database.client.command({
      query: `ALTER TABLE ${table} DELETE WHERE offset % 10 = 0 AND offset < ${wordOffset}`,
      clickhouse_settings: { mutations_sync: '2' },
    })
  }
  alerts = alerts.filter((row) => !isGone(row))
  await expectFolded()
})
