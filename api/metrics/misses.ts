import { createRoute } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import {
  observedListQuery,
  observedPage,
  observedTestExample,
  observedTests,
} from './observed-test.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/misses',
  tags: ['metrics'],
  summary: 'Why tests raised no alert',
  description:
    'Tests without an alert of their own, each with what our own data says of it: no events came ' +
    'from its machines; events came but no rule matched; an alert named another technique; a rule ' +
    'matched but nothing was raised.',
  request: { query: observedListQuery },
  responses: {
    200: json(observedPage, 'Tests with `miss_reason`.', {
      data: [observedTestExample],
      next_cursor: null,
      total: 1,
    }),
  },
})

export const misses: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const found = await observedTests(
      services,
      c.req.valid('query'),
      (test) => test.miss_reason !== null,
    )
    return c.json(found, 200)
  })
}
