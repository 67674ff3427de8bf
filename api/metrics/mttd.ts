import { createRoute } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import { testQuery } from './test-query.ts'
import { readTestTimes, testTimes, testTimesExample } from './test-times.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/mttd',
  tags: ['metrics'],
  summary: 'Mean time to detect',
  description:
    'From execution to handing over to blue, net of red’s pauses, over tests of any state that have both times. It is the time of the process; what was seen, and when, is under `observed`.',
  request: { query: testQuery },
  responses: { 200: json(testTimes, 'Hours; null where no test counts.', testTimesExample) },
})

export const mttd: Resource = (app, services) => {
  app.openapi(route, async (c) =>
    c.json(await readTestTimes(services, 'mttd', c.req.valid('query')), 200),
  )
}
