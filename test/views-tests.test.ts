import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sqlServer } from '../cli/migrate-database.ts'
import { loadAttack } from '../schemas/attack.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { isoTime, load } from './views/load.ts'
import {
  acceptance,
  quality,
  teams,
  testDetections,
  trend,
  trendPoint,
} from './views/oracle/quality.ts'
import {
  everything,
  isSelected,
  latestRounds,
  type Selection,
  type TestState,
  type Times,
  testRounds,
  times,
} from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { day0, sampleTests } from './views/test-histories.ts'
import { workedAtMs, workedQuality } from './views/worked-quality.ts'
import { workedTests } from './views/worked-tests.ts'

/** States and times of tests: the views against an oracle, and against examples worked by hand. */

const attack = loadAttack()
const rows = sampleTests(seed, 300)
const workedRows = [...workedTests, ...workedQuality].flatMap((one) => one.rows)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of tests')
  database = await openViewsDatabase()
  await load(database, 'test_events', rows, { blocks: 3 })
  await load(
    database,
    'test_events',
    [...workedTests, ...workedQuality].flatMap(({ rows }) => rows),
    { blocks: 1 },
  )
}, 60_000)
afterAll(() => database.close())

/** Before, between and after the updates, which lie on whole minutes. */
const instants = [-1, 0, 59_999, 60_000, 3 * 60_000 + 1, 8 * 60_000].map((ms) => day0 + ms)

test.concurrent('the state of every test, in every round, is the fold of its updates as of any instant', async () => {
  for (const atMs of instants) {
    const all = testRounds(rows, atMs)
    for (const rounds of ['all', 'latest']) {
      const seen = await database.views.select<Record<string, unknown>>('test_rounds', {
        at_s: atMs / 1000,
        rounds,
      })
      const sampled = seen.filter((row) => String(row['test_id']).startsWith('test-'))
      const expected = (rounds === 'all' ? all : latestRounds(all)).map(asRead)
      expect(byKey(sampled), `${rounds} at ${isoTime(atMs)}`).toEqual(byKey(expected))
    }
  }
})

test.concurrent('spans of tests tell the same as of any instant', async () => {
  for (const atMs of instants) {
    const at = `fromUnixTimestamp64Milli(${atMs})`
    const seen = await sqlServer(database.client).query<Record<string, unknown>>(
      `SELECT test_id, round, toBool(latest_until > ${at}) AS is_latest, toUnixTimestamp64Milli(created_at) AS created_at,
         nullIf(technique_id, '') AS technique_id, machines, nullIf(state, '') AS state,
         nullIf(detection_result, '') AS detection_result, toUnixTimestamp64Milli(red_started_at) AS red_started_at
       FROM test_spans FINAL WHERE from_time <= ${at} AND to_time > ${at} AND is_begun`,
    )
    const states = testRounds([...rows, ...workedRows], atMs)
    const latest = new Set(latestRounds(states))
    const expected = states.map((state) => ({
      test_id: state.test_id,
      round: state.round,
      is_latest: latest.has(state),
      created_at: state.created_at,
      technique_id: state.technique_id,
      // Producers' names come in full and short.
      machines: [...new Set([...state.hosts, ...state.targets])].filter(
        (name) => !name.includes('.'),
      ),
      state: state.state,
      detection_result: state.detection_result,
      red_started_at: state.red_started_at,
    }))
    expect(byKey(seen), isoTime(atMs)).toEqual(byKey(expected))
  }
})

const selection: fc.Arbitrary<Selection> = fc.record({
  from_s: fc.constantFrom(0, day0 / 1000, day0 / 1000 + 10 * 86_400 + 0.001),
  to_s: fc.constantFrom(
    4_102_444_800,
    day0 / 1000 + 10 * 86_400 + 0.001,
    day0 / 1000 + 20 * 86_400,
  ),
  exercise: fc.constantFrom('', '', 'e1'),
  technique_id: fc.constantFrom('', '', 'T1003', 'T1003.006'),
  tactic: fc.constantFrom('', '', 'TA0006', 'TA0003'),
  platform: fc.constantFrom('', '', 'WINDOWS'),
  team: fc.constantFrom('', '', 'blue'),
})

test.concurrent('times to detect and of a cycle are those worked out test by test, whatever is asked', async () => {
  const asked = [everything, ...fc.sample(selection, { seed, numRuns: 6 })]
  for (const [index, wanted] of asked.entries()) {
    const atMs = instants.at(-1 - (index % 3)) ?? day0
    const states = testRounds([...rows, ...workedRows], atMs)
    for (const [metric, rounds] of [
      ['mttd', 'latest'],
      ['mttr', 'latest'],
      ['mttr', 'all'],
    ] as const) {
      const chosen = rounds === 'all' ? states : latestRounds(states)
      const expected = times(
        chosen.filter((state) => isSelected(state, wanted, attack)),
        metric,
      )
      const seen =
        rounds === 'all'
          ? await select('test_times', { metric, rounds, at_s: atMs / 1000, ...wanted })
          : await select(`test_${metric}`, { at_s: atMs / 1000, ...wanted })
      expectTimes(seen, expected, `${metric} ${JSON.stringify(wanted)} at ${isoTime(atMs)}`)
    }
  }
})

test.concurrent('how tests ended is counted the same by the views and one by one', async () => {
  for (const [index, wanted] of [
    everything,
    ...fc.sample(selection, { seed: seed + 1, numRuns: 3 }),
  ].entries()) {
    const atMs = instants.at(-1 - (index % 3)) ?? day0
    const at_s = atMs / 1000
    const all = testRounds([...rows, ...workedRows], atMs)
    const isWanted = (state: TestState) => isSelected(state, wanted, attack)
    const latest = latestRounds(all).filter(isWanted)
    const detections = testDetections([...rows, ...workedRows], atMs)
    const message = `${JSON.stringify(wanted)} at ${isoTime(atMs)}`
    const read = async (view: string, more: Record<string, string | number> = {}) =>
      database.views.select<Record<string, unknown>>(view, { at_s, ...wanted, ...more })
    expect(await read('test_quality', { rounds: 'latest' }), message).toEqual([
      quality(latest, detections),
    ])
    expect(await read('test_quality', { rounds: 'all' }), message).toEqual([
      quality(all.filter(isWanted), detections),
    ])
    expect(byRound(await read('test_acceptance')), message).toEqual(
      acceptance(all.filter(isWanted)),
    )
    // Reviews lie in the 40 days after day0: look back from their end.
    const trendAt = (day0 + 40 * 86_400_000) / 1000
    const later = latestRounds(testRounds([...rows, ...workedRows], trendAt * 1000))
    expect(await read('test_trend', { at_s: trendAt, days: 30 }), message).toEqual(
      trend(later.filter(isWanted), trendAt * 1000, 30),
    )
    const weekEnd = trendAt * 1000 - (index % 3) * 7 * 86_400_000
    const stood = latestRounds(testRounds([...rows, ...workedRows], weekEnd)).filter(isWanted)
    const point = { at_s: trendAt, week_end_s: weekEnd / 1000 }
    expect(await read('test_trend_point', point), message).toEqual([trendPoint(stood, weekEnd)])
    const sides = await read('test_teams', { rounds: 'latest' })
    if (latest.length > 0) expect(sides.toSorted(byTeam), message).toEqual(teams(latest))
  }
})

test.concurrent.each(workedTests)('$name', async ({ exercise, at_s, mttd, mttr }) => {
  const wanted = { ...everything, at_s, exercise }
  if (mttd !== undefined) expect(await select('test_mttd', wanted)).toMatchObject(mttd)
  if (mttr !== undefined) expect(await select('test_mttr', wanted)).toMatchObject(mttr)
})

test.concurrent.each(workedQuality)('$name', async ({ exercise, ...expected }) => {
  const wanted = { ...everything, at_s: workedAtMs / 1000, exercise }
  const read = async (view: string, more: Record<string, string | number>) =>
    database.views.select<Record<string, unknown>>(view, { ...wanted, ...more })
  const { quality: counted, teams: sides, trend: points, trendThen } = expected
  if (counted !== undefined) {
    expect(await read('test_quality', { rounds: 'latest' })).toMatchObject([counted])
  }
  if (sides !== undefined) {
    const seen = await read('test_teams', { rounds: 'latest' })
    const told = seen.map((row) => [
      row['team'],
      [row['tests_completed'], row['avg_completion_hours'], row['rejection_pct']],
    ])
    expect(Object.fromEntries(told)).toEqual(sides)
  }
  if (points !== undefined) {
    expect((await read('test_trend', { days: 30 })).map(counts)).toEqual(points)
  }
  for (const [week, point] of (trendThen ?? []).entries()) {
    const week_end_s = workedAtMs / 1000 + (7 * (week + 1) - 30) * 86_400
    expect((await read('test_trend_point', { week_end_s })).map(counts)).toEqual([point])
  }
})

function counts(row: Record<string, unknown>): unknown[] {
  return [row['validated_tests'], row['detected_tests'], row['detection_efficacy']]
}

async function select(view: string, parameters: Record<string, string | number>): Promise<Times> {
  const [row] = await database.views.select<Times>(view, parameters)
  if (row === undefined) throw new Error(`${view} answered no row`)
  return row
}

function byRound(rows: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  return rows.toSorted((a, b) => Number(a['round']) - Number(b['round']))
}

function byTeam(a: Record<string, unknown>, b: Record<string, unknown>): number {
  return String(a['team']) < String(b['team']) ? -1 : 1
}

/** Quantiles to 9 digits: they are sums in different orders. */
function expectTimes(seen: Times, expected: Times, message: string): void {
  const { p50_hours, p90_hours, p95_hours, ...exact } = expected
  expect(seen, message).toMatchObject(exact)
  expect(seen.excluded, message).toEqual(expected.excluded)
  for (const [name, value] of Object.entries({ p50_hours, p90_hours, p95_hours })) {
    const got = seen[name as keyof Times]
    if (value === null) expect(got, message).toBeNull()
    else expect(got, `${message} ${name}`).toBeCloseTo(value, 9)
  }
}

const timeFields = /_at$/

function asRead(state: TestState): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(state).map(([name, value]) => [
      name,
      timeFields.test(name) && typeof value === 'number' ? isoTime(value) : value,
    ]),
  )
}

function byKey(states: readonly Record<string, unknown>[]): Record<string, unknown> {
  return Object.fromEntries(states.map((state) => [`${state['test_id']}#${state['round']}`, state]))
}
