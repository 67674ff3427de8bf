import { createRoute } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import {
  observedListQuery,
  observedPage,
  observedTestExample,
  observedTests as readTests,
} from './observed-test.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/observed/tests',
  tags: ['metrics'],
  summary: 'Tests, and what was really seen of each',
  description: 'Every selected test in its latest round, in the order of ids.',
  request: { query: observedListQuery },
  responses: {
    200: json(observedPage, 'Tests with their stages.', {
      data: [observedTestExample],
      next_cursor: null,
      total: 1,
    }),
  },
})

export const observedTests: Resource = (app, services) => {
  app.openapi(route, async (c) =>
    c.json(await readTests(services, c.req.valid('query'), () => true), 200),
  )
}
