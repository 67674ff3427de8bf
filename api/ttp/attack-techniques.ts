import { createRoute, z } from '@hono/zod-openapi'
import type { Technique } from '../../schemas/attack.ts'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { limit, tactic, tacticIds } from '../parameters.ts'
import { json, type Resource, type Services } from '../resource.ts'
import { techniqueUrl } from './rollup.ts'

/** The catalogue of the pinned ATT&CK release: what ids mean, whoever was seen with them. */

const technique = z
  .object({
    technique_id: z.string(),
    name: z.string(),
    parent_id: z.string().nullable(),
    tactics: z.array(z.object({ id: z.string(), name: z.string() })),
    platforms: z.array(z.string()),
    domain: z.enum(['enterprise-attack', 'ics-attack']),
    is_active: z.boolean(),
    revoked_by: z.string().nullable(),
    groups: z.array(z.object({ id: z.string(), name: z.string() })),
    url: z.string().nullable(),
  })
  .openapi('AttackTechnique')

const example: z.input<typeof technique> = {
  technique_id: 'T1003.006',
  name: 'DCSync',
  parent_id: 'T1003',
  tactics: [{ id: 'TA0006', name: 'Credential Access' }],
  platforms: ['Windows'],
  domain: 'enterprise-attack',
  is_active: true,
  revoked_by: null,
  groups: [{ id: 'G0016', name: 'APT29' }],
  url: 'https://attack.mitre.org/techniques/T1003/006/',
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/attack/techniques',
  tags: ['ttp'],
  summary: 'Techniques of the pinned ATT&CK release',
  description:
    'By id, sub-techniques too; revoked and deprecated ones only with `all=true`. Groups are those that ' +
    'ATT&CK reports to use exactly this technique: no attribution.',
  request: {
    query: z.strictObject({
      tactic: tactic
        .optional()
        .openapi({ description: 'Only of this tactic, by id or short name.', example: 'TA0006' }),
      domain: z
        .enum(['enterprise-attack', 'ics-attack'])
        .optional()
        .openapi({ description: 'Only of this domain.', example: 'enterprise-attack' }),
      all: z.enum(['true', 'false']).default('false').openapi({
        description: 'Whether to list what is no longer in use too.',
        example: 'false',
      }),
      limit: limit(100),
      cursor: cursor('attack-techniques', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({
          release: z.string(),
          data: z.array(technique),
          next_cursor: nextCursor,
          total: z.int(),
        })
        .openapi('AttackTechniquePage'),
      'Techniques in the order of their ids.',
      { release: '18.1', data: [example], next_cursor: null, total: 1 },
    ),
  },
})

export const attackTechniques: Resource = (app, services) => {
  const { attack } = services
  app.openapi(route, (c) => {
    const query = c.req.valid('query')
    const [tacticId] = tacticIds(query.tactic === undefined ? [] : [query.tactic], attack)
    const found = attack
      .techniques(query.domain)
      .filter((one) => query.all === 'true' || !(one.isRevoked || one.isDeprecated))
      .filter((one) => tacticId === undefined || one.tactics.includes(tacticId))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const { cursor: after } = query
    const rest = found.filter((one) => after === undefined || isAfter(keyOf(one), after))
    const cut = page('attack-techniques', rest, query.limit, keyOf)
    const data = cut.data.map((one) => toTechnique(one, services))
    return c.json({ release: attack.release, ...cut, data, total: found.length }, 200)
  })
}

function keyOf({ id }: Technique): readonly [string] {
  return [id]
}

function toTechnique(one: Technique, { attack }: Services): z.input<typeof technique> {
  return {
    technique_id: one.id,
    name: one.name,
    parent_id: one.parentId ?? null,
    tactics: one.tactics.map((id) => ({ id, name: attack.tactic(id)?.name ?? id })),
    platforms: [...one.platforms],
    domain: one.domain,
    is_active: !one.isRevoked && !one.isDeprecated,
    revoked_by: one.revokedBy ?? null,
    groups: attack.groups(one.id).map(({ id, name }) => ({ id, name })),
    url: techniqueUrl(one.id, attack),
  }
}
