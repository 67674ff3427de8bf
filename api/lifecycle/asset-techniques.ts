import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { assertKnown, at, flag, id, instantNow, techniqueId } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource, type Services, timestamp } from '../resource.ts'
import { accepted, acceptedResponse, ended, endedExample, endedOf } from '../written.ts'
import { readEntity } from './asset-schema.ts'
import { entityBody, ownedBy } from './entity-body.ts'

/** Which techniques an asset is mapped to: one mapping for each pair (L2). */

const levels = z.enum(['low', 'medium', 'high'])

const mapping = z
  .object({
    asset_id: z.string(),
    technique_id: z.string(),
    coverage_type: z.string(),
    confidence_level: levels,
    notes: z.string().nullable(),
    created_at: timestamp,
    removed_at: timestamp.nullable(),
  })
  .openapi('AssetMapping')

const example: z.input<typeof mapping> = {
  asset_id: 'sigma:611eab06',
  technique_id: 'T1003.006',
  coverage_type: 'detect',
  confidence_level: 'high',
  notes: null,
  created_at: '2026-11-20T09:00:00.000Z',
  removed_at: null,
}

const path = '/api/v1/detection-lifecycle/assets/{id}/techniques'
const params = z.strictObject({ id: id('An asset id.', 'sigma:611eab06') })

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Techniques of an asset',
  description: 'In the order of their ids. 404 for an asset that is not there, or not any more.',
  request: {
    params,
    query: z.strictObject({
      at,
      confidence_level: levels.optional().openapi({
        description: 'Only mappings of this level.',
        example: 'high',
      }),
      removed: flag('true: also those that were removed. Default: only those in force.'),
    }),
  },
  responses: {
    200: json(z.object({ data: z.array(mapping) }).openapi('AssetMappings'), 'Mappings.', {
      data: [example],
    }),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Map an asset to a technique',
  description: 'A pair has one mapping: where there is one, this replaces it.',
  request: {
    params,
    body: entityBody('mapping', { technique_id: 'T1003.006', confidence_level: 'high' }, [
      'asset_id',
    ]),
  },
  responses: { 201: json(mapping, 'Mapped.', example), 202: acceptedResponse },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: `${path}/{technique}`,
  tags: ['lifecycle'],
  summary: 'Remove a technique from an asset',
  description: 'The mapping ends; what it counted for before stays.',
  request: { params: params.extend({ technique: techniqueId }) },
  responses: { 200: json(ended, 'Removed.', endedExample), 202: acceptedResponse },
})

export const assetTechniques: Resource = (app, services) => {
  const { clock, catalog, attack } = services
  app.openapi(listRoute, async (c) => {
    const assetId = c.req.valid('param').id
    const { at: asked, confidence_level, removed = false } = c.req.valid('query')
    const at_s = asked ?? instantNow(clock)
    const [known, rows] = await Promise.all([
      readEntity(services, 'detection_asset', assetId, at_s),
      readMappings(services, at_s, assetId),
    ])
    if (known === undefined) throw notFound(`The asset ${assetId}`)
    const data = rows
      .filter(({ removed_at }) => removed || removed_at === null)
      .filter((row) => confidence_level === undefined || row.confidence_level === confidence_level)
      .toSorted((a, b) => (a.technique_id < b.technique_id ? -1 : 1))
    return c.json({ data: data.map((row) => mapping.parse(row)) }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const assetId = c.req.valid('param').id
    const entity = ownedBy({ asset_id: assetId }, c.req.valid('json'))
    assertKnown(entity['technique_id'], attack)
    const now = instantNow(clock)
    if ((await readEntity(services, 'detection_asset', assetId, now)) === undefined) {
      throw notFound(`The asset ${assetId}`)
    }
    const technique = String(entity['technique_id']).toUpperCase()
    const written = await catalog.write({
      kind: 'mapping',
      op: 'put',
      id: `${assetId}/${technique}`,
      actor: c.var.principal.name,
      entity,
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const rows = await readMappings(services, written.eventTimeMs / secondMs, assetId)
    const found = rows.find((row) => row.technique_id === technique)
    if (found === undefined) return c.json(accepted(written), 202)
    return c.json(mapping.parse(found), 201)
  })
  app.openapi(deleteRoute, async (c) => {
    const { id: assetId, technique } = c.req.valid('param')
    const rows = await readMappings(services, instantNow(clock), assetId)
    const found = rows.find((row) => row.technique_id === technique && row.removed_at === null)
    // Producers may have mapped one pair under several ids: the pair ends with the last of them.
    const [first, ...others] = found?.mapping_ids ?? []
    if (first === undefined) throw notFound(`A mapping of ${assetId} to ${technique}`)
    const remove = (mappingId: string) => {
      const actor = c.var.principal.name
      return catalog.write({ kind: 'mapping', op: 'delete', id: mappingId, actor, entity: {} })
    }
    let written = await remove(first)
    for (const mappingId of others) written = await remove(mappingId)
    if (!written.isReadable) return c.json(accepted(written), 202)
    return c.json(endedOf(first, written), 200)
  })
}

/** A row of `asset_mappings`. */
type MappingRow = z.input<typeof mapping> & { readonly mapping_ids: readonly string[] }

function readMappings(
  { views }: Services,
  at_s: number,
  asset_id: string,
): Promise<readonly MappingRow[]> {
  return views.select<MappingRow>('asset_mappings', { at_s, asset_id })
}
