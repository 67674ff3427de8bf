import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Row } from '../schemas/table.ts'
import { sampleAlerts } from './views/alert-histories.ts'
import {
  assetIds,
  attack,
  catalogDay0,
  halfDayMs,
  sampleCatalog,
  techniques,
} from './views/catalog-histories.ts'
import { commandRow } from './views/command-row.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { isoTime, load } from './views/load.ts'
import { alertStates } from './views/oracle/alerts.ts'
import { confidences, healths, type World } from './views/oracle/confidence.ts'
import { coverageAt, regression, totals } from './views/oracle/coverage.ts'
import { Lifecycle } from './views/oracle/lifecycle.ts'
import { latestRounds, type TestRow, testRounds } from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { tagRow } from './views/tag-histories.ts'
import { testRow } from './views/test-histories.ts'

/** The lifecycle of detections as of any time, against an oracle that works it out one by one. */

const catalog = sampleCatalog(seed)
const alerts = sampleAlerts(seed, 220)
const halves = fc.sample(fc.integer({ min: 0, max: 600 }), { seed, numRuns: 300 })
const halfAt = (index: number) => catalogDay0 + (halves[index % halves.length] ?? 0) * halfDayMs
const pick = <T>(list: readonly T[], index: number): T => {
  const item = list[(halves[index % halves.length] ?? 0) % list.length]
  if (item === undefined) throw new Error('an empty list')
  return item
}
const tests: TestRow[] = Array.from({ length: 60 }, (_, index) =>
  testRow({
    test_id: `t${index}`,
    offset: index,
    event_time: halfAt(index),
    record_time: halfAt(index),
    technique_id: pick(techniques, index + 1),
    hosts: pick([['ws1'], ['ws2', 'ws2.example.local'], []], index + 2),
    targets: pick([['dc1'], []], index + 3),
    red_started_at: halfAt(index) - 60_000 * pick([0, 1, 700], index + 4),
    state: pick(['validated', 'validated', 'rejected'], index + 5),
    detection_result: pick(['detected', 'partially_detected', 'not_detected', null], index + 6),
  }),
)
const tags = Array.from({ length: 120 }, (_, offset) =>
  tagRow({
    offset,
    event_time: halfAt(offset + 7) + 1000,
    rule_id: pick(assetIds, offset + 8),
    technique_id: pick(techniques, offset + 9).slice(0, 5),
  }),
)
const commands: Row<'commands'>[] = Array.from({ length: 30 }, (_, offset) =>
  commandRow({
    offset,
    event_time: halfAt(offset + 10),
    ...pick([{ service: 'Sysmon' }, { product: 'windows', service: 'security' }], offset + 11),
  }),
)

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of the lifecycle')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', catalog, { blocks: 3 })
  await load(database, 'alert_events', alerts, { blocks: 2 })
  await load(database, 'test_events', tests, { blocks: 1 })
  await load(database, 'tags', tags, { blocks: 1 })
  await load(database, 'commands', commands, { blocks: 1 })
}, 60_000)
afterAll(() => database.close())

const lifecycle = new Lifecycle(catalog, attack)
const instants = [130 * halfDayMs - 1, 300 * halfDayMs, 601 * halfDayMs].map(
  (ms) => catalogDay0 + ms,
)

function worldAt(atMs: number): World {
  return {
    atMs,
    lifecycle,
    alerts: alertStates(alerts, catalog, atMs),
    tests: latestRounds(testRounds(tests, atMs)),
    hits: grouped(tags.map((tag) => [tag.rule_id, tag.event_time])),
    arrivals: grouped(
      commands.flatMap(({ product, service, event_time }) =>
        [product, service, `${product}-${service}`].map(
          (name) => [name.toLowerCase(), event_time] as const,
        ),
      ),
    ),
  }
}

function grouped(pairs: readonly (readonly [string, number])[]): Map<string, number[]> {
  const groups = new Map<string, number[]>()
  for (const [key, value] of pairs) groups.set(key, [...(groups.get(key) ?? []), value])
  return groups
}

async function read(view: string, atMs: number): Promise<Record<string, unknown>[]> {
  return database.views.select<Record<string, unknown>>(view, { at_s: atMs / 1000 })
}

/** Rows by their key with the members of `expected` only; times as text, numbers to 9 digits. */
function compared(rows: readonly object[], keys: readonly string[], expected?: object) {
  const members = expected === undefined ? undefined : Object.keys(expected)
  return Object.fromEntries(
    rows.map((row) => {
      const entries = Object.entries(row)
        .filter(([name]) => members === undefined || members.includes(name))
        .map(([name, value]) => [name, comparable(name, value)])
      const record: Record<string, unknown> = Object.fromEntries(entries)
      return [keys.map((key) => record[key]).join(' '), record]
    }),
  )
}

function comparable(name: string, value: unknown): unknown {
  if (typeof value !== 'number') return value
  return /(_at|_due|_time)$/.test(name) ? isoTime(value) : Number(value.toFixed(9)) + 0
}

test.concurrent('alerts, their assets, techniques and verdicts are as folded by hand', async () => {
  for (const atMs of instants) {
    const expected = alertStates(alerts, catalog, atMs)
    const seen = await read('alert_state', atMs)
    expect(compared(seen, ['alert_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['alert_id']),
    )
  }
})

test.concurrent('a validation is valid until something voids it, and every cause is told', async () => {
  for (const atMs of [...instants, catalogDay0 + 77 * halfDayMs, catalogDay0 + 450 * halfDayMs]) {
    const expected = lifecycle.validations(atMs).map((one) => ({
      validation_id: one.id,
      asset_id: one.assetId,
      technique_id: one.techniqueId,
      validated_at: isoTime(one.validatedMs),
      expires_at: isoTime(one.expiresMs),
      causes: one.causes,
      is_valid: one.causes.length === 0 ? 1 : 0,
    }))
    const seen = await read('validity', atMs)
    expect(compared(seen, ['validation_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['validation_id']),
    )
  }
})

test.concurrent('the newest valid validation of each asset and technique governs', async () => {
  for (const atMs of instants) {
    const expected = lifecycle.detections(atMs).map((one) => ({
      technique_id: one.techniqueId,
      asset_id: one.assetId,
      confidence_level: one.confidence,
      is_counted: one.isCounted,
      validation_count: one.validations.length,
      validation_id: one.governing?.id ?? '',
      result: one.governing?.result ?? 0,
      success_at: isoTime(one.successMs ?? 0),
    }))
    const seen = await read('detection_state', atMs)
    const keys = ['technique_id', 'asset_id']
    expect(compared(seen, keys, expected[0]), isoTime(atMs)).toEqual(compared(expected, keys))
  }
})

test.concurrent('the health of assets follows alerts, hits, tests and arrivals', async () => {
  for (const atMs of instants) {
    const expected = healths(worldAt(atMs))
    const seen = await read('asset_health', atMs)
    expect(compared(seen, ['asset_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['asset_id']),
    )
  }
})

test.concurrent('confidence in each technique is its policy over its four factors', async () => {
  for (const atMs of instants) {
    const expected = confidences(worldAt(atMs), attack)
    const seen = await read('technique_confidence', atMs)
    expect(compared(seen, ['technique_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['technique_id']),
    )
  }
})

test.concurrent('coverage counts each technique once, in all three forms', async () => {
  for (const atMs of instants) {
    const covered = coverageAt(lifecycle, atMs, attack)
    const statuses = covered.map(({ technique, rank }) => ({
      technique_id: technique.id,
      status: ['none', 'partial', 'validated'][rank],
    }))
    const seen = await read('coverage', atMs)
    expect(compared(seen, ['technique_id'], statuses[0]), isoTime(atMs)).toEqual(
      compared(statuses, ['technique_id']),
    )
    const expected = totals(covered, attack)
    const total = await read('coverage_total', atMs)
    expect(compared(total, ['attack_release'], expected)).toEqual(
      compared([expected], ['attack_release']),
    )
  }
})

test.concurrent('what coverage lost between two instants is told with its causes', async () => {
  const spans = [
    [instants[0], instants[1]],
    [instants[1], instants[2]],
    [instants[0], instants[2]],
  ] as const
  const causes = new Set<unknown>()
  for (const [fromMs = 0, toMs = 0] of spans) {
    const expected = regression(lifecycle, fromMs, toMs, attack)
    for (const row of expected) causes.add(JSON.stringify(row['causes']))
    const seen = await database.views.select<Record<string, unknown>>('coverage_regression', {
      from_s: fromMs / 1000,
      to_s: toMs / 1000,
    })
    const keys = ['technique_id', 'upheld_technique_id', 'asset_id']
    expect(compared(seen, keys, expected[0] ?? {})).toEqual(compared(expected, keys))
    expect(seen.length).toBe(expected.length)
  }
  expect(causes.size).toBeGreaterThan(0)
})
