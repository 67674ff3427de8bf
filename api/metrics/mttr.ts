import { createRoute } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import { testQuery } from './test-query.ts'
import { readTestTimes, testTimes, testTimesExample } from './test-times.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/mttr',
  tags: ['metrics'],
  summary: 'Mean time to respond',
  description:
    'From execution to blue’s validation, net of all pauses, over validated tests: the time of a whole test cycle.',
  request: { query: testQuery },
  responses: { 200: json(testTimes, 'Hours; null where no test counts.', testTimesExample) },
})

export const mttr: Resource = (app, services) => {
  app.openapi(route, async (c) =>
    c.json(await readTestTimes(services, 'mttr', c.req.valid('query')), 200),
  )
}
