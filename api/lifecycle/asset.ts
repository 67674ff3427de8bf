import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { at, id, instantNow } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource } from '../resource.ts'
import { accepted, acceptedResponse, ended, endedExample, endedOf } from '../written.ts'
import { assetDetail, assetDetailExample, readAsset, readEntity } from './asset-schema.ts'
import { patchBody } from './entity-body.ts'

/** One detection asset: read, changed, ended. What it was stays readable with `?at=`. */

const path = '/api/v1/detection-lifecycle/assets/{id}'
const params = z.strictObject({ id: id('An asset id.', 'sigma:611eab06') })

const getRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'One detection asset',
  description: 'With the text of its rule. 404 for one that is not there, or not any more.',
  request: { params, query: z.strictObject({ at }) },
  responses: { 200: json(assetDetail, 'The asset.', assetDetailExample) },
})

const patchRoute = createRoute({
  method: 'patch',
  path,
  tags: ['lifecycle'],
  summary: 'Change a detection asset',
  description:
    'Members that are given replace those that are there; the others stay. `adoption: adopted` ' +
    'takes in an asset that was made from a rule.',
  request: { params, body: patchBody('detection_asset', { owner_id: 'u-12' }) },
  responses: { 200: json(assetDetail, 'Changed.', assetDetailExample), 202: acceptedResponse },
})

const deleteRoute = createRoute({
  method: 'delete',
  path,
  tags: ['lifecycle'],
  summary: 'End a detection asset',
  description: 'Its validations are void from now on; its history stays.',
  request: { params },
  responses: { 200: json(ended, 'Ended.', endedExample), 202: acceptedResponse },
})

export const assetById: Resource = (app, services) => {
  const { clock, catalog } = services
  app.openapi(getRoute, async (c) => {
    const assetId = c.req.valid('param').id
    const at_s = c.req.valid('query').at ?? instantNow(clock)
    const found = await readAsset(services, at_s, assetId)
    if (found === undefined) throw notFound(`The asset ${assetId}`)
    return c.json(found, 200)
  })
  app.openapi(patchRoute, async (c) => {
    const assetId = c.req.valid('param').id
    const current = await readEntity(services, 'detection_asset', assetId, instantNow(clock))
    if (current === undefined) throw notFound(`The asset ${assetId}`)
    const written = await catalog.write({
      kind: 'detection_asset',
      op: 'put',
      id: assetId,
      actor: c.var.principal.name,
      entity: { ...current, ...c.req.valid('json') },
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const found = await readAsset(services, written.eventTimeMs / secondMs, assetId)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 200)
  })
  app.openapi(deleteRoute, async (c) => {
    const assetId = c.req.valid('param').id
    const current = await readEntity(services, 'detection_asset', assetId, instantNow(clock))
    if (current === undefined) throw notFound(`The asset ${assetId}`)
    const written = await catalog.write({
      kind: 'detection_asset',
      op: 'delete',
      id: assetId,
      actor: c.var.principal.name,
      entity: {},
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    return c.json(endedOf(assetId, written), 200)
  })
}
