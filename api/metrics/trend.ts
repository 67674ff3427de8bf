import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource, timestamp } from '../resource.ts'
import { testFilters, testParameters } from './test-query.ts'

const periods = { '30d': 30, '90d': 90, '1y': 365 } as const

const points = z
  .object({
    period: z.enum(['30d', '90d', '1y']),
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
    'that red had validated by the end of those 7 days.',
  request: {
    query: z.strictObject({
      ...testFilters,
      period: z
        .enum(['30d', '90d', '1y'])
        .default('30d')
        .openapi({ description: 'How far back.', example: '90d' }),
    }),
  },
  responses: {
    200: json(points, 'Points in the order of time.', {
      period: '30d',
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
    const { period, ...filters } = c.req.valid('query')
    const data = await services.views.select('test_trend', {
      days: periods[period],
      ...testParameters(services, filters),
    })
    return c.json(points.parse({ period, data }), 200)
  })
}
