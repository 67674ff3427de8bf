import { createRoute, z } from '@hono/zod-openapi'
import { id } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'
import { anchorRows, rollup, rollupExample, rollupPage, rollupQuery } from './rollup.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/by-attacker/{id}',
  tags: ['ttp'],
  summary: 'Techniques of one attacker',
  description:
    'Its tags, counted by technique, sub-technique and tactic. Empty when it did nothing within the ' +
    'filters; 404 when no tag ever carried this id.',
  request: {
    params: z.strictObject({ id: id('A source: usually an address.', '203.0.113.9') }),
    query: rollupQuery,
  },
  responses: {
    200: json(rollup, 'One row per technique, sub-technique and tactic.', rollupExample),
  },
})

export const byAttacker: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const rows = await anchorRows(services, 'attacker', c.req.valid('param').id, query)
    return c.json(rollupPage(rows, services.attack, query), 200)
  })
}
