import { createRoute } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import { fleetRows, rollup, rollupExample, rollupPage, rollupQuery } from './rollup.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/techniques',
  tags: ['ttp'],
  summary: 'Techniques seen anywhere',
  description:
    'Tags of everyone, counted by technique, sub-technique and tactic, in the order of their ids.',
  request: { query: rollupQuery },
  responses: {
    200: json(rollup, 'One row per technique, sub-technique and tactic.', rollupExample),
  },
})

export const techniques: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const rows = await fleetRows(services, query)
    return c.json(rollupPage(rows, services.attack, query), 200)
  })
}
