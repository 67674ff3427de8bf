import { createRoute, z } from '@hono/zod-openapi'
import { cursor, nextCursor, page } from '../cursor.ts'
import { at, flag, id, instant, instantNow, limit, techniqueId } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import {
  type Asset,
  asset,
  assetDetail,
  assetDetailExample,
  assetExample,
  healthStatuses,
  readAsset,
  readAssets,
} from './asset-schema.ts'
import { entityBody } from './entity-body.ts'

/** Detection assets: rules, EDR policies, whatever may see a technique (L1). */

const path = '/api/v1/detection-lifecycle/assets'

const filters = z.strictObject({
  at,
  platform: id('Only assets of this platform.', 'windows').optional(),
  health_status: z
    .enum(healthStatuses)
    .optional()
    .openapi({ description: 'Only assets of this health.', example: 'silent' }),
  owner_id: id('Only assets of this owner.', 'u-12').optional(),
  asset_type: id('Only assets of this type.', 'sigma').optional(),
  technique_id: techniqueId.optional().openapi({
    description: 'Only assets mapped to this technique.',
    example: 'T1003.006',
  }),
  is_valid: flag('true: only assets with a valid validation; false: only those without one.'),
  expires_before: instant.optional().openapi({
    description: 'Only assets with a valid validation that ends before this instant.',
    example: '2026-12-01T00:00:00Z',
  }),
  adoption: z.enum(['counted', 'candidate', 'any']).default('counted').openapi({
    description:
      'counted: adopted, or validated at least once. candidate: made from rules, and neither.',
    example: 'counted',
  }),
  limit: limit(100),
  cursor: cursor('assets', z.tuple([z.string()])),
})

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Detection assets',
  description: 'In the order of their ids, with health, techniques and how validations stand.',
  request: { query: filters },
  responses: {
    200: json(
      z
        .object({ data: z.array(asset), next_cursor: nextCursor, total: z.int() })
        .openapi('DetectionAssetPage'),
      'Assets.',
      { data: [assetExample], next_cursor: null, total: 1 },
    ),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Add a detection asset',
  description: 'Hashes, health and counts are worked out: a value for one of them is refused.',
  request: {
    body: entityBody('detection_asset', {
      name: 'EDR credential dumping',
      asset_type: 'edr',
      platform: 'windows',
    }),
  },
  responses: { 201: json(assetDetail, 'Added.', assetDetailExample), 202: acceptedResponse },
})

export const assets: Resource = (app, services) => {
  const { clock, catalog, random } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const all = await readAssets(services, query.at ?? instantNow(clock))
    const found = all
      .filter((one) => isWanted(one, query))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const after = query.cursor?.[0]
    const rest = found.filter((one) => after === undefined || one.id > after)
    const cut = page('assets', rest, query.limit, (one) => [one.id])
    return c.json({ ...cut, total: found.length }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const assetId = random.uuid()
    const written = await catalog.write({
      kind: 'detection_asset',
      op: 'put',
      id: assetId,
      actor: c.var.principal.name,
      entity: c.req.valid('json'),
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const found = await readAsset(services, written.eventTimeMs / 1_000, assetId)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 201)
  })
}

function isWanted(one: Asset, query: z.output<typeof filters>): boolean {
  const { platform, health_status, owner_id, asset_type, technique_id } = query
  const { is_valid, expires_before, adoption } = query
  const expiresAt = one.next_expiry_at === null ? undefined : Date.parse(one.next_expiry_at)
  return (
    (platform === undefined || one.platform === platform.toLowerCase()) &&
    (health_status === undefined || one.health_status === health_status) &&
    (owner_id === undefined || one.owner_id === owner_id) &&
    (asset_type === undefined || one.asset_type.toLowerCase() === asset_type.toLowerCase()) &&
    (technique_id === undefined || one.technique_ids.includes(technique_id)) &&
    (is_valid === undefined || one.valid_validation_count > 0 === is_valid) &&
    (expires_before === undefined ||
      (expiresAt !== undefined && expiresAt < expires_before * 1_000)) &&
    (adoption === 'any' || one.is_counted === (adoption === 'counted'))
  )
}
