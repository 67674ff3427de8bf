import fc from 'fast-check'
import type { Row } from '../../schemas/table.ts'
import { sampleAlerts } from './alert-histories.ts'
import {
  assetIds,
  attack,
  catalogDay0,
  halfDayMs,
  sampleCatalog,
  techniques,
} from './catalog-histories.ts'
import { type Change, catalogRows } from './catalog-rows.ts'
import { commandRow } from './command-row.ts'
import type { ViewsDatabase } from './database.ts'
import { isoTime, load, refreshAlertSpans } from './load.ts'
import { alertStates } from './oracle/alerts.ts'
import type { World } from './oracle/confidence.ts'
import { Lifecycle } from './oracle/lifecycle.ts'
import { latestRounds, type TestRow, testRounds } from './oracle/tests.ts'
import { seed } from './seed.ts'
import { tagRow } from './tag-histories.ts'
import { testRow } from './test-histories.ts'
import { sampleUpkeep } from './upkeep-histories.ts'

/** A random year of everything that the lifecycle of detections looks at, and what an oracle makes of it. */

/** Words on rules, which go by the ids of their assets. */
const ruleStates = fc
  .sample(
    fc.record({
      id: fc.constantFrom(...assetIds),
      half: fc.integer({ min: 0, max: 600 }),
      op: fc.constantFrom('put', 'put', 'put', 'delete'),
      state: fc.constantFrom('disabled', 'disabled', 'enabled', 'shadow'),
      lasts: fc.constantFrom(undefined, 3, 80),
    }),
    { seed, numRuns: 30 },
  )
  .map(({ id, half, op, state, lasts }): Change => {
    const event_time = catalogDay0 + half * halfDayMs
    if (op === 'delete') return { kind: 'rule_state', id, op, event_time }
    const end = lasts === undefined ? undefined : event_time + lasts * halfDayMs
    const expires_at = end === undefined ? {} : { expires_at: new Date(end).toISOString() }
    return { kind: 'rule_state', id, event_time, entity: { state, ...expires_at } }
  })

export const catalog = [
  ...sampleCatalog(seed),
  ...catalogRows(ruleStates, { firstOffset: 20_000 }),
  ...sampleUpkeep(seed, 12, 30_000),
]
export const alerts = sampleAlerts(seed, 220)
const halves = fc.sample(fc.integer({ min: 0, max: 600 }), { seed, numRuns: 300 })
const halfAt = (index: number) => catalogDay0 + (halves[index % halves.length] ?? 0) * halfDayMs
const pick = <T>(list: readonly T[], index: number): T => {
  const item = list[(halves[index % halves.length] ?? 0) % list.length]
  if (item === undefined) throw new Error('an empty list')
  return item
}
export const tests: TestRow[] = Array.from({ length: 60 }, (_, index) =>
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
export const tags = Array.from({ length: 120 }, (_, offset) => {
  const technique = pick(techniques, offset + 9)
  return tagRow({
    offset,
    event_time: halfAt(offset + 7) + 1000,
    rule_id: pick(assetIds, offset + 8),
    technique_id: technique.slice(0, 5),
    sub_technique_id: technique.length > 5 ? technique : '',
  })
})
export const commands: Row<'commands'>[] = Array.from({ length: 30 }, (_, offset) =>
  commandRow({
    offset,
    event_time: halfAt(offset + 10),
    ...pick([{ service: 'Sysmon' }, { product: 'windows', service: 'security' }], offset + 11),
  }),
)

export async function loadWorld(database: ViewsDatabase): Promise<void> {
  // Some changes of alerts are there when spans are made of them, the others come later.
  await load(database, 'catalog_events', even(catalog), { blocks: 2 })
  await load(database, 'alert_events', even(alerts), { blocks: 2 })
  await refreshAlertSpans(database)
  await load(database, 'catalog_events', odd(catalog), { blocks: 2 })
  await load(database, 'alert_events', odd(alerts), { blocks: 2 })
  await load(database, 'test_events', tests, { blocks: 1 })
  await load(database, 'tags', tags, { blocks: 1 })
  await load(database, 'commands', commands, { blocks: 1 })
}

function even<T>(rows: readonly T[]): T[] {
  return rows.filter((_, index) => index % 2 === 0)
}

function odd<T>(rows: readonly T[]): T[] {
  return rows.filter((_, index) => index % 2 === 1)
}

export const lifecycle = new Lifecycle(catalog, attack)
export const instants = [130 * halfDayMs - 1, 300 * halfDayMs, 601 * halfDayMs].map(
  (ms) => catalogDay0 + ms,
)

export function worldAt(atMs: number): World {
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

/** Rows by their key with the members of `expected` only; times as text, numbers to 9 digits. */
export function compared(rows: readonly object[], keys: readonly string[], expected?: object) {
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
