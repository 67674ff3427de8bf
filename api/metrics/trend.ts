import { createRoute, z } from '@hono/zod-openapi'
import { dayMs, secondMs } from '../../core/units.ts'
import { instantNow } from '../parameters.ts'
import { json, type Resource, type Services, timestamp } from '../resource.ts'
import { testFilters, testParameters } from './test-query.ts'

const periods = { '30d': 30, '90d': 90, '1y': 365 } as const

const points = z
  .object({
    period: z.enum(['30d', '90d', '1y']),
    as_of: z.enum(['now', 'week_end']),
    data: z.array(
      z.object({
        date: timestamp.openapi({ description: 'Where the 7 days begin.' }),
        detection_efficacy: z.number(),
        validated_tests: z.int().nonnegative(),
        detected_tests: z.int().nonnegative(),
      }),
    ),
  })
  .openapi('EfficacyTrend')

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/trend',
  tags: ['metrics'],
  summary: 'Detection efficacy, week by week',
  description:
    'A point every 7 days from the period’s start: over the tests that are validated at `at` and ' +
    'that red had validated by the end of those 7 days. `as_of=week_end`: as the tests stood then.',
  request: {
    query: z.strictObject({
      ...testFilters,
      period: z
        .enum(['30d', '90d', '1y'])
        .default('30d')
        .openapi({ description: 'How far back.', example: '90d' }),
      as_of: z.enum(['now', 'week_end']).default('now').openapi({
        description:
          'now: tests as they stand at `at`; week_end: as they stood at each point’s end.',
        example: 'week_end',
      }),
    }),
  },
  responses: {
    200: json(points, 'Points in the order of time.', {
      period: '30d',
      as_of: 'now',
      data: [
        {
          date: '2026-10-22T00:00:00.000Z',
          detection_efficacy: 62.5,
          validated_tests: 8,
          detected_tests: 5,
        },
      ],
    }),
  },
})

export const trend: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const { period, as_of, ...filters } = c.req.valid('query')
    const parameters = testParameters(services, filters)
    const days = periods[period]
    const data =
      as_of === 'now'
        ? await services.views.select('test_trend', { days, ...parameters })
        : await readWeekEnds(services, filters.at ?? instantNow(services.clock), days, parameters)
    return c.json(points.parse({ period, as_of, data }), 200)
  })
}

/** At most so many of the 53 queries of a year at a time: others want answers too. */
const queriesMax = 4
const weekS = (7 * dayMs) / secondMs

async function readWeekEnds(
  { views }: Services,
  atS: number,
  days: number,
  parameters: ReturnType<typeof testParameters>,
): Promise<object[]> {
  const startS = atS - (days * dayMs) / secondMs
  const weeks = Array.from(
    { length: Math.ceil(days / 7) },
    (_, week) => startS + (week + 1) * weekS,
  )
  const rows: object[] = []
  while (rows.length < weeks.length) {
    const next = weeks.slice(rows.length, rows.length + queriesMax)
    const read = (week_end_s: number) =>
      views.select<object>('test_trend_point', { ...parameters, at_s: atS, week_end_s })
    const answers = await Promise.all(next.map(read))
    // A point is one row, whatever it counts.
    for (const [row = {}] of answers) rows.push(row)
  }
  return rows
}
