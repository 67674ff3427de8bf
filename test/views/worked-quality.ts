import type { TestRow } from './oracle/tests.ts'
import { day0, testRow } from './test-histories.ts'

/** How tests ended: examples worked by hand, each in an exercise of its own. */
export interface WorkedQuality {
  readonly name: string
  readonly exercise: string
  readonly rows: readonly TestRow[]
  /** Of `test_quality`. */
  readonly quality?: Readonly<Record<string, unknown>>
  /** Of `test_teams`: completed, mean hours and rejections in percent of each side. */
  readonly teams?: Readonly<Record<string, readonly [number, number | null, number | null]>>
  /** Of `test_trend` over 30 days: validated and detected tests of each point. */
  readonly trend?: readonly (readonly [validated: number, detected: number, efficacy: number])[]
  /** The same as of the end of each week. */
  readonly trendThen?: readonly (readonly [number, number, number])[]
}

const dayMs = 86_400_000
/** When all of it is looked at. */
export const workedAtMs = day0 + 60 * dayMs
const daysAgo = (days: number) => workedAtMs - days * dayMs
const hours = (count: number) => day0 + count * 3_600_000
let offset = 2_000_000

function one(given: Partial<TestRow>): TestRow {
  offset += 1
  return testRow({ test_id: `quality-${offset}`, offset, red_started_at: day0, ...given })
}

function many(count: number, given: Partial<TestRow>): TestRow[] {
  return Array.from({ length: count }, () => one(given))
}

const validated = { state: 'validated' } as const
const detected = { ...validated, detection_result: 'detected' } as const

function worked(name: string, rows: readonly TestRow[], expected: Partial<WorkedQuality>) {
  const exercise = `worked: ${name}`
  return { name, exercise, rows: rows.map((row) => ({ ...row, exercise })), ...expected }
}

export const workedQuality: readonly WorkedQuality[] = [
  worked('no test at all: every rate is 0, the trend is stable', [], {
    quality: {
      detection_efficacy_pct: 0,
      alert_fidelity_pct: 0,
      conversion_pct: 0,
      conversion_trend: 'stable',
      rejection_pct: 0,
      red_lead_rejection_pct: 0,
      blue_lead_rejection_pct: 0,
      excluded: {},
    },
    trend: [
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ],
  }),
  worked(
    'a validated test with another result, or none, counts in the total only: 1 of 5 is 20',
    [
      one(detected),
      one({ ...validated, detection_result: 'partially_detected' }),
      one({ ...validated, detection_result: 'not_detected' }),
      one({ ...validated, detection_result: 'blocked' }),
      one(validated),
      one({ state: 'rejected', detection_result: 'detected' }),
    ],
    {
      quality: {
        validated: 5,
        detected: 1,
        partially_detected: 1,
        not_detected: 1,
        detection_efficacy_pct: 20,
      },
    },
  ),
  worked(
    '1 of 16 is 6.25 %: half goes to the even tenth, 6.2',
    [one(detected), ...many(15, validated)],
    { quality: { detection_efficacy_pct: 6.2 } },
  ),
  worked(
    '3 of 16 is 18.75 %: half goes to the even tenth, 18.8',
    [...many(3, detected), ...many(13, validated)],
    { quality: { detection_efficacy_pct: 18.8 } },
  ),
  worked(
    '4 validated and 1 rejected convert at 80 %, which is improving, and reject 20 %',
    [...many(4, validated), one({ state: 'rejected' })],
    { quality: { conversion_pct: 80, conversion_trend: 'improving', rejection_pct: 20 } },
  ),
  worked(
    '323 of 404 is 79.95 %, rounded 80.0, and the rounded rate decides: improving',
    [...many(323, validated), ...many(81, { state: 'rejected' })],
    { quality: { conversion_pct: 80, conversion_trend: 'improving' } },
  ),
  worked(
    '3 validated and 1 in review: 75 %, stable; in review is in no rejection rate',
    [...many(3, validated), one({ state: 'in_review' })],
    { quality: { conversion_pct: 75, conversion_trend: 'stable', rejection_pct: 0 } },
  ),
  worked(
    'more in review than validated is declining',
    [one(validated), ...many(2, { state: 'in_review' })],
    { quality: { conversion_pct: 33.3, conversion_trend: 'declining' } },
  ),
  worked('tests that are not decided make no rate', many(3, { state: 'draft' }), {
    quality: { validated: 0, conversion_pct: 0, conversion_trend: 'stable' },
  }),
  worked(
    'leads reject by their own word over tests of any known state; an unknown state is left out',
    [
      one({ state: 'draft', red_validation_status: 'rejected' }),
      one({ ...validated, red_validation_status: 'approved', blue_validation_status: 'approved' }),
      one({ ...validated, red_validation_status: 'approved', blue_validation_status: 'rejected' }),
      one({ state: 'parked', red_validation_status: 'rejected' }),
    ],
    {
      quality: {
        red_rejected: 1,
        red_approved: 2,
        red_lead_rejection_pct: 33.3,
        blue_lead_rejection_pct: 50,
        excluded: { unknown_state: 1 },
      },
    },
  ),
  worked(
    'fidelity counts results that say whether they triggered, whatever became of the test',
    [
      one({
        state: 'rejected',
        detection_ids: ['d1', 'd2', 'd3'],
        detection_asset_ids: ['', '', ''],
        detection_alert_ids: ['', '', ''],
        detection_triggered: [true, true, null],
      }),
      one({
        ...validated,
        detection_ids: ['d1'],
        detection_asset_ids: [''],
        detection_alert_ids: [''],
        detection_triggered: [false],
      }),
    ],
    { quality: { triggered: 2, not_triggered: 1, alert_fidelity_pct: 66.7 } },
  ),
  worked(
    'each side has its own clock, net of its own pauses; blue begins where it begins to work',
    [
      one({
        ...validated,
        red_paused_seconds: 3600,
        blue_started_at: hours(4),
        blue_work_started_at: hours(5),
        blue_paused_seconds: 1800,
        blue_validated_at: hours(8),
        red_validation_status: 'approved',
        blue_validation_status: 'rejected',
      }),
      one({ state: 'blue_evaluating', blue_started_at: hours(1) }),
    ],
    { teams: { red_team: [2, 2, 0], blue_team: [1, 2.5, 100] } },
  ),
  worked(
    'points lie 7 days apart from 30 days ago; the last one reaches past the present',
    [
      one({ ...detected, event_time: daysAgo(29), red_validated_at: daysAgo(29) }),
      one({ ...validated, event_time: daysAgo(16), red_validated_at: daysAgo(16) }),
      one({ ...validated, event_time: daysAgo(1), red_validated_at: daysAgo(1) }),
    ],
    {
      // Ends: 23, 16, 9 and 2 days ago, and 5 days ahead. An end belongs to its point.
      trend: [
        [1, 1, 100],
        [2, 1, 50],
        [2, 1, 50],
        [2, 1, 50],
        [3, 1, 33.3],
      ],
    },
  ),
  worked(
    'as of the end of a week a test counts as it stood then, not as it stands now',
    (() => {
      const test_id = 'quality-then'
      const seen = (days: number, given: Partial<TestRow>) =>
        one({ test_id, event_time: daysAgo(days), ...given })
      return [
        seen(29, { ...detected, red_validated_at: daysAgo(29) }),
        seen(12, { detection_result: 'not_detected' }),
        seen(4, { state: 'rejected' }),
      ]
    })(),
    {
      trend: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      trendThen: [
        [1, 1, 100],
        [1, 1, 100],
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
    },
  ),
]
