import { createRoute, z } from '@hono/zod-openapi'
import { at, instantNow } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'

/** How fast coverage really moves: techniques gained less techniques lost, week by week (T3). */

const count = z.int().nonnegative()

const weeks = z
  .object({
    data: z.array(
      z.object({
        week: z.iso.date().openapi({ description: 'The Monday that it begins on, UTC.' }),
        gained: count.openapi({ description: 'Techniques that rose to a better status.' }),
        lost: count.openapi({ description: 'Techniques that fell.' }),
        net: z.int(),
      }),
    ),
  })
  .openapi('CoverageWeeks')

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/coverage-weeks',
  tags: ['metrics'],
  summary: 'Techniques gained and lost, week by week',
  description:
    'The 12 calendar weeks that end with the one of `at`: each compares the status of every active ' +
    'enterprise technique (none, partial, validated) at its beginning and at its end.',
  request: { query: z.strictObject({ at }) },
  responses: {
    200: json(weeks, 'Weeks in the order of time.', {
      data: [{ week: '2026-11-16', gained: 3, lost: 1, net: 2 }],
    }),
  },
})

export const coverageWeeks: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const at_s = c.req.valid('query').at ?? instantNow(services.clock)
    const data = await services.views.select('coverage_weeks', { at_s })
    return c.json(weeks.parse({ data }), 200)
  })
}
