import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  correlationsDay0,
  type Question,
  ruleIdsOf,
  sampleMatches,
  sampleQuestions,
  timespanMs,
} from './views/correlation-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { correlationMatches, type MatchRow } from './views/oracle/correlations.ts'
import { printSeed, seed } from './views/seed.ts'

/** Where correlations hold, of hundreds of rules at once, against one look at one event after the other. */

const histories = 240
const matches = sampleMatches(seed, histories)
const matchesOf = new Map<string, MatchRow[]>()
for (const row of matches) {
  matchesOf.set(row.rule_id, [...(matchesOf.get(row.rule_id) ?? []), row])
}
const questions = sampleQuestions(seed, histories)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of correlations')
  database = await openViewsDatabase()
  await load(database, 'rule_matches', matches, { blocks: 4 })
}, 60_000)
afterAll(() => database.close())

type Found = Record<string, unknown>

async function asked(ruleIds: readonly string[], one: Question): Promise<Found[]> {
  const joined = (names: readonly (readonly string[])[]) => names.map((list) => list.join('\u001f'))
  return database.views.select<Found>('correlation_matches', {
    type: one.type,
    rule_ids: ruleIds,
    group_fields: joined(one.groupFields.slice(0, ruleIds.length)),
    value_fields: joined(one.valueFields.slice(0, ruleIds.length)),
    window_ms: timespanMs,
    since_ms: one.sinceMs,
    measure_min: one.least,
    measure_max: one.most,
    measure_not: one.not,
  })
}

function sorted(rows: readonly Found[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

test('a correlation holds where it holds at an event, by group and piece of time, with its first event', async () => {
  let found = 0
  let longest = 0
  for (const [index, one] of questions.entries()) {
    const ids = ruleIdsOf(index)
    const ruleIds = one.rules.map((rule) => ids[rule] ?? '')
    const { least, most, not, rules: _, ...of } = one
    const isHeld = (measure: number) =>
      measure >= least && measure <= most && !not.includes(measure)
    const own = ruleIds.flatMap((id) => matchesOf.get(id) ?? [])
    const expected = correlationMatches(own, { ...of, ruleIds, isHeld, windowMs: timespanMs })
    const seen = await asked(ruleIds, one)
    expect(sorted(seen), JSON.stringify({ index, one })).toEqual(sorted(expected))
    const times = seen.map((row) => Number(row['anchor_ms']))
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    found += expected.length
    longest = Math.max(longest, ...expected.map((row) => [row['source_event_ids']].flat().length))
  }
  expect(found).toBeGreaterThan(200)
  expect(longest).toBe(100)
}, 240_000)

test('looking at what is new each hour finds in the end whatever holds', async () => {
  const some = [...questions.slice(0, 40).entries()].map(([index, one]) => {
    const ruleIds = ruleIdsOf(index).map((id) => `hourly-${id}`)
    return { ruleIds, one: { ...one, least: 2, most: Number.MAX_SAFE_INTEGER, not: [-1] } }
  })
  const rows = matches.map((row) => ({ ...row, rule_id: `hourly-${row.rule_id}` }))
  const own = rows.filter((row) => some.some(({ ruleIds }) => ruleIds.includes(row.rule_id)))
  const keyOf = (row: Found) => JSON.stringify([row['group_values'], row['bucket']])
  const seen = some.map(() => new Set<string>())
  for (let hours = 0; hours <= 3; hours++) {
    const sinceMs = correlationsDay0 + hours * 3_600_000
    const come = own.filter((row) => row.ingest_time === sinceMs)
    await load(database, 'rule_matches', come, { blocks: 1 })
    for (const [index, { ruleIds, one }] of some.entries()) {
      for (const row of await asked(ruleIds, { ...one, sinceMs })) seen[index]?.add(keyOf(row))
    }
  }
  let found = 0
  for (const [index, { ruleIds, one }] of some.entries()) {
    const isHeld = (measure: number) => measure >= one.least
    const whole = { ...one, ruleIds, isHeld, windowMs: timespanMs, sinceMs: 0 }
    const expected = correlationMatches(own, whole).map(keyOf)
    expect(seen[index], JSON.stringify(one)).toEqual(new Set(expected))
    found += expected.length
  }
  expect(found).toBeGreaterThan(50)
}, 120_000)
