import type { TestRow, Times } from './oracle/tests.ts'
import { day0, testRow } from './test-histories.ts'

/** Examples worked by hand, each in an exercise of its own. */
export interface WorkedTests {
  readonly name: string
  readonly exercise: string
  readonly at_s: number
  readonly rows: readonly TestRow[]
  readonly mttd?: Partial<Times>
  readonly mttr?: Partial<Times>
}

const at_s = day0 / 1000 + 86_400
const hours = (count: number) => day0 + count * 3_600_000
let offset = 1_000_000

/** One test: begun at hour 0, handed over and validated at the given hours. */
function one(given: Partial<TestRow>, handedOver?: number, validated?: number): TestRow {
  offset += 1
  return testRow({
    test_id: `worked-${offset}`,
    offset,
    red_started_at: hours(0),
    blue_started_at: handedOver === undefined ? null : hours(handedOver),
    blue_validated_at: validated === undefined ? null : hours(validated),
    ...given,
  })
}

function worked(
  name: string,
  rows: readonly TestRow[],
  expected: Pick<WorkedTests, 'mttd' | 'mttr'>,
): WorkedTests {
  const exercise = `worked: ${name}`
  return { name, exercise, at_s, rows: rows.map((row) => ({ ...row, exercise })), ...expected }
}

const none = { mean_hours: null, median_hours: null, min_hours: null, max_hours: null }

export const workedTests: readonly WorkedTests[] = [
  worked('no test at all: every time is null and nothing is excluded', [], {
    mttd: { ...none, sample_size: 0, p50_hours: null, excluded: {} },
    mttr: { ...none, sample_size: 0, p95_hours: null, excluded: {} },
  }),
  worked(
    'pauses are taken off, and no pause is 0',
    [
      one({ state: 'validated', red_paused_seconds: 1800 }, 2, 10),
      one({ state: 'validated', blue_paused_seconds: 3600 }, 3, 10),
    ],
    {
      mttd: { mean_hours: 2.2, median_hours: 3, min_hours: 1.5, max_hours: 3, sample_size: 2 },
      mttr: { mean_hours: 9.2, median_hours: 9.5, min_hours: 9, max_hours: 9.5, sample_size: 2 },
    },
  ),
  worked(
    'a quarter of an hour is 0.2 and three quarters 0.8: half goes to the even tenth',
    [one({ state: 'validated' }, 0.25, 0.75)],
    {
      mttd: { mean_hours: 0.2, median_hours: 0.2, min_hours: 0.2, max_hours: 0.2, sample_size: 1 },
      mttr: { mean_hours: 0.8, median_hours: 0.8, min_hours: 0.8, max_hours: 0.8, sample_size: 1 },
    },
  ),
  worked('0.35 hours lies below the half in binary and is 0.3', [one({}, 0.35)], {
    mttd: { mean_hours: 0.3, sample_size: 1 },
  }),
  worked(
    'the median of an even count is the upper of the two in the middle',
    [one({}, 1), one({}, 2), one({}, 4), one({}, 9)],
    {
      mttd: { mean_hours: 4, median_hours: 4, p50_hours: 3, min_hours: 1, max_hours: 9 },
    },
  ),
  worked(
    'times of 0 and below are left out, and said so',
    [one({}, 0), one({ red_paused_seconds: 7200 }, 1), one({}, 1)],
    {
      mttd: { mean_hours: 1, sample_size: 1, excluded: { not_positive: 2 } },
    },
  ),
  worked(
    'time to detect takes tests of any known state, the cycle only validated ones',
    [
      one({ state: 'rejected' }, 1, 5),
      one({ state: 'draft' }, 2, 5),
      one({}, 3, 5),
      one({ state: 'validated' }, 4, 5),
      one({ state: 'parked' }, 100, 500),
    ],
    {
      mttd: { mean_hours: 2.5, sample_size: 4, excluded: { unknown_state: 1 } },
      mttr: { mean_hours: 5, sample_size: 1, excluded: { not_validated: 3, unknown_state: 1 } },
    },
  ),
  worked(
    'a missing stamp excludes a test with the stamp as reason',
    [one({ red_started_at: null, state: 'validated' }, 1, 2), one({ state: 'validated' })],
    {
      mttd: { ...none, sample_size: 0, excluded: { no_red_start: 1, no_blue_start: 1 } },
      mttr: { ...none, sample_size: 0, excluded: { no_red_start: 1, no_blue_validation: 1 } },
    },
  ),
]
