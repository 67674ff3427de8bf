import { createRoute, z } from '@hono/zod-openapi'
import { id } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'
import { anchorRows, rollup, rollupExample, rollupPage, rollupQuery } from './rollup.ts'

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/by-identity/{id}',
  tags: ['ttp'],
  summary: 'Techniques of one identity',
  description:
    'Its tags and those of all that is merged with it, and of their attackers while they belong to it, as ' +
    'of `to`; counted by technique, sub-technique and tactic. A tag that names an identity counts for ' +
    'that one. Empty when it did nothing within the filters; 404 when nothing ever named it.',
  request: {
    params: z.strictObject({ id: id('An actor behind one or more attackers.', 'actor-7') }),
    query: rollupQuery,
  },
  responses: {
    200: json(rollup, 'One row per technique, sub-technique and tactic.', rollupExample),
  },
})

export const byIdentity: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const rows = await anchorRows(services, 'identity', c.req.valid('param').id, query)
    return c.json(rollupPage(rows, services.attack, query), 200)
  })
}
