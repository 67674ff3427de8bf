import type { Change } from './catalog-rows.ts'

/**
 * Velocity worked by hand. All of it is one number for the whole world, so each example has a year of
 * its own, before everything else, and is looked at within it.
 */
export interface WorkedVelocity {
  readonly name: string
  readonly atMs: number
  readonly changes: readonly Change[]
  readonly expected: { techniques_per_week: number; trend: string; reviewed: readonly number[] }
}

const dayMs = 86_400_000

/** `counts`: techniques last reviewed in each of the weeks that end with the one looked at. */
function worked(
  name: string,
  year: number,
  counts: readonly number[],
  expected: Pick<WorkedVelocity['expected'], 'techniques_per_week' | 'trend'>,
): WorkedVelocity {
  const newYear = Date.UTC(year, 5, 1)
  // A Monday of that June, so that each 7 days are one week.
  const monday = newYear + ((8 - new Date(newYear).getUTCDay()) % 7) * dayMs
  const changes = counts.flatMap((count, week) =>
    Array.from({ length: count }, (_, index): Change => {
      const event_time = monday - 7 * dayMs * (counts.length - 1 - week) + 3 * dayMs
      const id = `worked-${year}-${week}-${index}`
      const technique_id = `T${year}.${String(100 * week + index).padStart(3, '0')}`
      return { kind: 'technique_review', id, event_time, entity: { technique_id } }
    }),
  )
  const reviewed = counts.filter((count) => count > 0)
  return { name, atMs: monday + 6 * dayMs, changes, expected: { ...expected, reviewed } }
}

export const workedVelocity: readonly WorkedVelocity[] = [
  worked('no review: 0 a week, stable', 2001, [0], { techniques_per_week: 0, trend: 'stable' }),
  worked('one week has nothing before it to compare: stable', 2003, [3], {
    techniques_per_week: 3,
    trend: 'stable',
  }),
  worked(
    'weeks without a review do not count: (2 + 4) / 2, and 4 weeks hold both',
    2005,
    [2, 0, 4],
    {
      techniques_per_week: 3,
      trend: 'improving',
    },
  ),
  worked(
    'of three weeks the first is earlier, and all are recent: 7/3 against 3',
    2007,
    [3, 2, 2],
    {
      techniques_per_week: 2.3,
      trend: 'declining',
    },
  ),
  worked(
    'of eight weeks the last four against the four before: 1.1 times is not more',
    2009,
    [10, 10, 10, 10, 11, 11, 11, 11],
    { techniques_per_week: 10.5, trend: 'stable' },
  ),
  worked('0.9 times is not less', 2011, [10, 10, 10, 10, 9, 9, 9, 9], {
    techniques_per_week: 9.5,
    trend: 'stable',
  }),
  worked('of nine weeks the first is in the mean only', 2013, [9, 1, 1, 1, 1, 2, 2, 2, 2], {
    techniques_per_week: 2.3,
    trend: 'improving',
  }),
  worked('9 in four weeks are 2.25: half goes to the even tenth, 2.2', 2015, [2, 2, 2, 3], {
    techniques_per_week: 2.2,
    trend: 'improving',
  }),
]
