import fc from 'fast-check'
import type { TestRow } from './oracle/tests.ts'

/** Random histories of tests: few values and few instants, so that ties, clears and rounds are many. */

export const day0 = Date.UTC(2026, 8, 1)
const hourMs = 3_600_000

const blank: TestRow = {
  log: 'l1',
  topic: 'ttp.tests',
  partition: 0,
  offset: 0,
  ingest_time: day0,
  record_time: day0,
  event_time: day0,
  is_time_capped: false,
  is_time_estimated: false,
  test_id: '',
  round: null,
  exercise: null,
  name: null,
  procedure_id: null,
  technique_id: null,
  platform: null,
  red_team: null,
  blue_team: null,
  hosts: [],
  targets: [],
  users: [],
  state: null,
  executed: null,
  outcome: null,
  detection_result: null,
  red_started_at: null,
  red_ended_at: null,
  red_paused_seconds: null,
  blue_started_at: null,
  blue_work_started_at: null,
  blue_paused_seconds: null,
  red_validation_status: null,
  red_validated_at: null,
  blue_validation_status: null,
  blue_validated_at: null,
  detection_ids: [],
  detection_asset_ids: [],
  detection_alert_ids: [],
  detection_triggered: [],
  cleared: [],
  raw: '',
}

export function testRow(given: Partial<TestRow>): TestRow {
  return { ...blank, ...given }
}

const states = ['draft', 'in_review', 'validated', 'validated', 'rejected', 'paused by hand']
const text = (...values: string[]) => fc.constantFrom(null, null, ...values)
const list = (...values: string[]) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<string[]>([]) }, fc.subarray(values))
/** A stamp somewhere in 40 days, on a grid of 15 minutes so that half hours are met exactly. */
const stamp = fc.option(
  fc.integer({ min: 0, max: 40 * 96 }).map((quarters) => day0 + (quarters * hourMs) / 4),
  { freq: 1 },
)
const pause = fc.option(fc.constantFrom(0, 30, 900, 5400), { freq: 1 })

const fields = {
  round: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 1 }),
  exercise: text('e1', 'e2'),
  name: text('a', 'b', ''),
  procedure_id: text('p1'),
  technique_id: text('T1003', 'T1003.006', 'T1059.001', 'T1547.001', 'T9999'),
  platform: text('windows', 'Linux'),
  red_team: text('red', 'blue'),
  blue_team: text('blue', 'soc'),
  hosts: list('ws5', 'ws5.example.local'),
  targets: list('dc1'),
  users: list('op'),
  state: text(...states),
  executed: fc.option(fc.boolean()),
  outcome: text('alerted', 'nothing'),
  detection_result: text('detected', 'partially_detected', 'not_detected', 'odd'),
  red_started_at: stamp,
  red_ended_at: stamp,
  red_paused_seconds: pause,
  blue_started_at: stamp,
  blue_work_started_at: stamp,
  blue_paused_seconds: pause,
  red_validation_status: text('approved', 'rejected'),
  red_validated_at: stamp,
  blue_validation_status: text('approved', 'rejected'),
  blue_validated_at: stamp,
}
const clearable = Object.keys(fields).filter((field) => field !== 'round')

interface Result {
  readonly id: string
  readonly asset: string
  readonly alert: string
  readonly triggered: boolean | null
}

const results: fc.Arbitrary<Result[]> = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('d1', 'd2', 'd3'),
    asset: fc.constantFrom('', 'a1', 'a2'),
    alert: fc.constantFrom('', 'x1'),
    triggered: fc.constantFrom(true, false, null),
  }),
  { selector: (result) => result.id, maxLength: 3 },
)

const update = fc
  .record({
    fields: fc.record(fields),
    /** A partial update tells a few fields only. */
    told: fc.subarray(Object.keys(fields)),
    cleared: fc.oneof(
      { weight: 4, arbitrary: fc.constant<string[]>([]) },
      fc.subarray(clearable, { maxLength: 4 }),
    ),
    results: fc.oneof({ weight: 2, arbitrary: fc.constant<Result[]>([]) }, results),
    minute: fc.integer({ min: 0, max: 8 }),
    recordMinute: fc.integer({ min: 0, max: 2 }),
    isRepeated: fc.boolean(),
  })
  .map(({ fields, told, cleared, results, minute, recordMinute, isRepeated }) => {
    const known = Object.entries(fields).filter(
      ([field]) => told.includes(field) && !cleared.includes(field),
    )
    const row = testRow({
      // Checked: names and values both come from `fields`, which follow the row's columns.
      ...(Object.fromEntries(known) as Partial<TestRow>),
      cleared,
      detection_ids: results.map((result) => result.id),
      detection_asset_ids: results.map((result) => result.asset),
      detection_alert_ids: results.map((result) => result.alert),
      detection_triggered: results.map((result) => result.triggered),
      event_time: day0 + minute * 60_000,
      record_time: day0 + recordMinute * 60_000,
    })
    return isRepeated ? [row, row] : [row]
  })

const history = fc.array(update, { minLength: 1, maxLength: 8 }).map((updates) => updates.flat())

/** Rows of `count` tests, each with a `test_id` of its own, in no order; every row has its offset. */
export function sampleTests(seed: number, count: number): TestRow[] {
  const histories = fc.sample(history, { seed, numRuns: count })
  const rows = histories.flatMap((updates, test) =>
    updates.map((row) => ({ ...row, test_id: `test-${test}` })),
  )
  const [order = []] = fc.sample(
    fc.shuffledSubarray(
      rows.map((_, index) => index),
      { minLength: rows.length },
    ),
    { seed, numRuns: 1 },
  )
  return rows.map((row, index) => ({ ...row, offset: order[index] ?? index }))
}
