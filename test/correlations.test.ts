import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { OutRecord } from '../core/kafka.ts'
import { createAlertProcessor } from '../processors/alerts.ts'
import { Correlator } from '../processors/correlate.ts'
import {
  correlatedRules,
  type RunnableCorrelation,
  runnableCorrelations,
} from '../rules/correlated-rule.ts'
import { ruleContext } from '../rules/language/context.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import type { Row } from '../schemas/table.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'

/** Correlations in ClickHouse against a naive count, with events late, doubled and in any order. */

let database: ViewsDatabase
beforeAll(async () => {
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

/** Years from now: what rules matched ends some months after it was taken in. */
const startMs = Date.UTC(2040, 10, 20)
const nowMs = startMs + 3_600_000
const timespanS = 60

function rulesText(prefix: string): string {
  return ['a', 'b', 'c']
    .map(
      (name) => `title: ${prefix}${name}
id: ${prefix}${name}
name: ${prefix}${name}
logsource: { product: windows }
detection: { s: { Image: ${name} }, condition: s }
level: low
`,
    )
    .join('---\n')
}

function correlationText(prefix: string, body: string, rules = ['a', 'b', 'c']): string {
  const names = rules.map((name) => prefix + name).join(', ')
  return `${rulesText(prefix)}---
title: Correlated
id: ${prefix}correlation
correlation:
  rules: [${names}]
  timespan: ${timespanS}s
${body}
level: high
tags: [attack.t1110]
`
}

function correlation(prefix: string, body: string, rules?: string[]): RunnableCorrelation {
  const text = correlationText(prefix, body, rules)
  const set = buildRuleSet([{ path: 'c.yml', text }], ruleContext())
  const [runnable] = runnableCorrelations(set.correlations, set.rules)
  if (runnable === undefined) throw new Error(JSON.stringify(set.diagnostics))
  return runnable
}

interface Seen {
  readonly id: string
  readonly rule: string
  readonly seconds: number
  /** null: the event has no such field. */
  readonly group: string | null
  readonly value: string
}

const seen: fc.Arbitrary<Seen> = fc.record({
  id: fc.integer({ min: 0, max: 30 }).map((n) => `e${n}`),
  rule: fc.constantFrom('a', 'b', 'c'),
  seconds: fc.integer({ min: 0, max: 300 }),
  group: fc.constantFrom('g1', 'g2', null),
  value: fc.constantFrom('v1', 'v2', 'v3', 'v4'),
})

/** At which every measure grows from 1 to 3: with it no property is about nothing. */
const inOrder = ['a', 'b', 'c'].map((rule, n): Seen => {
  return { id: `e${n}`, rule, seconds: n, group: 'g1', value: `v${n}` }
})

let offset = 0

function rowOf(prefix: string, event: Seen, ingestMs: number): Row<'rule_matches'> {
  offset += 1
  const fields = event.group === null ? [] : [['Group', event.group] as const]
  const held = [...fields, ['Value', event.value] as const]
  return {
    log: 'L',
    topic: 't',
    partition: 0,
    offset,
    ingest_time: ingestMs,
    rule_id: prefix + event.rule,
    rule_version: '1',
    event_time: startMs + event.seconds * 1000,
    source_kind: 'process',
    source_id: event.id,
    identity_id: '',
    attacker_id: '',
    host: 'h1',
    user: '',
    field_names: held.map(([name]) => name),
    field_values: held.map(([, value]) => value),
  }
}

type Measure = (events: readonly Seen[]) => number

const measures: Readonly<Record<string, Measure>> = {
  event_count: (events) => new Set(events.map(({ id }) => id)).size,
  value_count: (events) => new Set(events.map(({ value }) => value)).size,
  temporal: (events) => new Set(events.map(({ rule }) => rule)).size,
  temporal_ordered: (events) => {
    let reached = 0
    for (const { rule } of events) if (rule === ['a', 'b', 'c'][reached]) reached += 1
    return reached
  },
}

/** Group and bucket of every event at which enough lies within the timespan before it. */
function oracle(
  measure: Measure,
  holds: (count: number) => boolean,
  events: readonly Seen[],
): readonly string[] {
  const sorted = events.toSorted((a, b) => a.seconds - b.seconds || (a.rule < b.rule ? -1 : 1))
  const held = new Set<string>()
  for (const last of sorted) {
    if (last.group === null) continue
    const within = sorted.filter(({ group, seconds }) => {
      return group === last.group && seconds <= last.seconds && seconds >= last.seconds - timespanS
    })
    if (holds(measure(within)))
      held.add(`${last.group} ${Math.floor((startMs / 1000 + last.seconds) / timespanS)}`)
  }
  return [...held].sort()
}

interface Alert {
  readonly alert_id: string
  readonly event_time: number
  readonly technique_ids: readonly string[]
  readonly correlation: { readonly group: Readonly<Record<string, string>> }
}

function bucketsOf(alerts: readonly Alert[]): readonly string[] {
  return alerts
    .map(({ event_time, correlation: { group } }) => {
      return `${group['Group']} ${Math.floor(event_time / 1000 / timespanS)}`
    })
    .sort()
}

let run = 0

test.each([
  ['event_count', 3, '  type: event_count\n  group-by: [Group]\n  condition: { gte: 3 }'],
  [
    'value_count',
    3,
    '  type: value_count\n  group-by: [Group]\n  condition: { field: Value, gt: 2 }',
  ],
  ['temporal', 3, '  type: temporal\n  group-by: [Group]'],
  ['temporal_ordered', 3, '  type: temporal_ordered\n  group-by: [Group]'],
] as const)(
  '%s gives what a count by hand gives, whatever comes late or twice',
  async (type, least, body) => {
    const measure = measures[type]
    if (measure === undefined) throw new Error(type)
    let found = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(seen, { minLength: 1, maxLength: 40, size: 'max' }),
        fc.integer({ min: 1, max: 4 }),
        async (events, blocks) => {
          run += 1
          const prefix = `${type}${run}`
          const runnable = correlation(prefix, body)
          const published: Alert[] = []
          const correlator = newCorrelator(published)
          const size = Math.ceil(events.length / blocks)
          for (let from = 0; from < events.length; from += size) {
            // The block before comes again under its own token and under another: delivered twice.
            const part = events.slice(from, from + size)
            const rows = part.map((event) => rowOf(prefix, event, nowMs))
            await database.store.insert('rule_matches', rows, `${prefix}:${from}`)
            await database.store.insert('rule_matches', rows, `${prefix}:${from}`)
            const again = part.map((event) => rowOf(prefix, event, nowMs))
            await database.store.insert('rule_matches', again, `${prefix}:${from}:again`)
            await correlator.run([runnable])
          }
          expect(bucketsOf(published)).toEqual(oracle(measure, (count) => count >= least, events))
          expect(new Set(published.map(({ alert_id }) => alert_id)).size).toBe(published.length)
          expect(await correlator.run([runnable])).toBe(0)
          found += published.length
        },
      ),
      { numRuns: 8, examples: [[inOrder, 2]] },
    )
    // A property over events that never correlate would say nothing.
    expect(found).toBeGreaterThan(0)
  },
  60_000,
)

const conditions: Readonly<Record<string, (count: number) => boolean>> = {
  'gt: 2': (count) => count > 2,
  'gte: 2': (count) => count >= 2,
  'lt: 3': (count) => count < 3,
  'lte: 2': (count) => count <= 2,
  'eq: 3': (count) => count === 3,
  'neq: 1': (count) => count !== 1,
  'gte: 2, lte: 3, neq: 3': (count) => count === 2,
}

test.each(
  Object.keys(conditions).flatMap((body) =>
    Object.keys(measures).map((type) => [body, type] as const),
  ),
)(
  'the condition { %s } of %s is judged as by hand, for what is there',
  async (body, type) => {
    const [holds, measure] = [conditions[body], measures[type]]
    if (holds === undefined || measure === undefined) throw new Error(body)
    let found = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(seen, { minLength: 1, maxLength: 40, size: 'max' }),
        async (events) => {
          run += 1
          const prefix = `condition${run}`
          const counted = type === 'value_count' ? 'field: Value, ' : ''
          const text = `  type: ${type}\n  group-by: [Group]\n  condition: { ${counted}${body} }`
          const rows = events.map((event) => rowOf(prefix, event, nowMs))
          await database.store.insert('rule_matches', rows, prefix)
          const published: Alert[] = []
          await newCorrelator(published).run([correlation(prefix, text)])
          expect(bucketsOf(published)).toEqual(oracle(measure, holds, events))
          found += published.length
        },
      ),
      { numRuns: 4, examples: [[inOrder]] },
    )
    expect(found).toBeGreaterThan(0)
  },
  60_000,
)

test('a correlation counts what another one found, which then says nothing on its own', async () => {
  const inner = `  type: event_count\n  group-by: [Group]\n  condition: { gte: 2 }`
  const text = `${correlationText('chain', inner)}---
title: Many groups
id: chainouter
correlation:
  type: value_count
  rules: [chaincorrelation]
  timespan: 10m
  condition: { field: Group, gte: 2 }
level: critical
tags: [attack.t1110]
`
  const set = buildRuleSet([{ path: 'c.yml', text }], ruleContext())
  const runnable = runnableCorrelations(set.correlations, set.rules)
  expect(runnable.map(({ ruleIds }) => ruleIds)).toEqual([
    ['chaina', 'chainb', 'chainc'],
    ['chaincorrelation'],
  ])
  const published: Alert[] = []
  const correlator = newCorrelator(published)
  const events = ['g1', 'g1', 'g2', 'g2', 'g3'].map((group, n): Seen => {
    return { id: `c${n}`, rule: 'a', seconds: n, group, value: '' }
  })
  const rows = events.map((event) => rowOf('chain', event, nowMs))
  await database.store.insert('rule_matches', rows, 'chain')
  expect(await correlator.run(runnable)).toBe(2)
  expect(published.map(({ technique_ids }) => technique_ids)).toEqual([[], []])
  const alerts = createAlertProcessor({ recordBytesMax: 1 << 20, redacted: new Set() })
  const context = {
    ...{ log: 'L', topic: 'alerts', partition: 0, timeMs: nowMs, states: new Map() },
    revision: set.revision,
    correlated: correlatedRules(runnable),
  }
  const records = published.map((alert, offset) => {
    return { offset, timestampMs: nowMs, key: null, value: Buffer.from(JSON.stringify(alert)) }
  })
  const found = alerts.process(context, records).rows.rule_matches ?? []
  expect(found).toMatchObject([
    { rule_id: 'chaincorrelation', field_names: ['Group'], field_values: ['g1'], host: 'h1' },
    { rule_id: 'chaincorrelation', field_names: ['Group'], field_values: ['g2'], host: 'h1' },
  ])
  await database.store.insert('rule_matches', found, 'chain:found')
  expect(await correlator.run(runnable)).toBe(1)
  expect(published[2]).toMatchObject({
    technique_ids: ['T1110'],
    rule: { id: 'chainouter' },
    source_event_ids: published.slice(0, 2).map(({ alert_id }) => alert_id),
  })
})

test('correlations that refer to each other are refused, the others run', () => {
  const circle = ['x', 'y'].map(
    (id, n) => `title: ${id}
id: ${id}
correlation: { type: event_count, rules: [${n === 0 ? 'y' : 'x'}], timespan: 1m, condition: { gte: 1 } }
`,
  )
  const text = [correlationText('ring', '  type: temporal'), ...circle].join('---\n')
  const set = buildRuleSet([{ path: 'c.yml', text }], ruleContext())
  expect(set.correlations.map(({ id }) => id)).toEqual(['ringcorrelation'])
  const errors = set.diagnostics.filter(({ severity }) => severity === 'error')
  expect(errors.map(({ code }) => code)).toEqual(['circular-correlation', 'circular-correlation'])
  expect(set.rejections.map(({ ruleId }) => ruleId)).toEqual(['x', 'y'])
})

test('another worker finds the alerts that are recorded, and adds none', async () => {
  const runnable = correlation('restart', '  type: temporal\n  group-by: [Group]')
  const events = ['a', 'b', 'c'].map((rule, n): Seen => {
    return { id: `r${n}`, rule, seconds: n, group: 'g', value: '' }
  })
  const rows = events.map((event) => rowOf('restart', event, nowMs))
  await database.store.insert('rule_matches', rows, 'restart')
  const published: Alert[] = []
  expect(await newCorrelator(published).run([runnable])).toBe(1)
  const [alert] = published
  expect(alert).toMatchObject({
    event_time: startMs + 2_000,
    technique_ids: ['T1110'],
    hosts: ['h1'],
    rule: { system: 'ttpstream', id: 'restartcorrelation' },
    source_event_ids: ['r0', 'r1', 'r2'],
  })
  const other: Alert[] = []
  await newCorrelator(other).run([runnable])
  expect(other.map(({ alert_id }) => alert_id)).toEqual([alert?.alert_id])
  await database.client.insert({
    table: 'alert_events',
    values: [{ alert_id: alert?.alert_id }],
    format: 'JSONEachRow',
  })
  expect(await newCorrelator([]).run([runnable])).toBe(0)
})

test('a rule keeps the fields that correlations ask of it, by its own names, and tags if one generates', () => {
  const body = `  type: value_count
  group-by: [account]
  condition: { field: Value, gte: 2 }
  aliases:
    account: { Xa: TargetUserName, Xb: User }
  generate: true`
  const runnable = correlation('X', body, ['a', 'b'])
  expect(runnable.groupFields).toEqual([['TargetUserName'], ['User']])
  expect([...correlatedRules([runnable])]).toEqual([
    ['Xa', { fields: ['TargetUserName', 'Value'], isTagging: true }],
    ['Xb', { fields: ['User', 'Value'], isTagging: true }],
  ])
})

function newCorrelator(published: Alert[]): Correlator {
  const send = async (records: readonly OutRecord[]) => {
    published.push(...records.map(({ value }): Alert => JSON.parse(value)))
  }
  return new Correlator({
    views: database.views,
    send,
    clock: { now: () => nowMs },
    topic: 'alerts',
  })
}
