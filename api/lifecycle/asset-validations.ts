import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import {
  assertKnown,
  at,
  flag,
  id,
  instant,
  instantNow,
  limit,
  techniqueId,
} from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { readEntity } from './asset-schema.ts'
import { entityBody, ownedBy } from './entity-body.ts'
import {
  readValidations,
  type Validation,
  validation,
  validationExample,
} from './validation-schema.ts'

/** Validations of an asset: that somebody saw, or did not see, it detect a technique (L3). */

const path = '/api/v1/detection-lifecycle/assets/{id}/validations'
const params = z.strictObject({ id: id('An asset id.', 'sigma:611eab06') })

const filters = z.strictObject({
  at,
  technique_id: techniqueId.optional().openapi({
    description: 'Only validations of this technique, or of every technique of the asset.',
    example: 'T1003.006',
  }),
  is_valid: flag('Only validations that are valid, or that are not.'),
  expires_before: instant.optional().openapi({
    description: 'Only validations that end before this instant.',
    example: '2026-12-01T00:00:00Z',
  }),
  limit: limit(100),
  cursor: cursor('validations', z.tuple([z.number(), z.string()])),
})

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Validations of an asset',
  description:
    'Newest first, with every cause why one is not valid. Each is held against its integrity hash. ' +
    'Those of an asset that has ended stay.',
  request: { params, query: filters },
  responses: {
    200: json(
      z
        .object({ data: z.array(validation), next_cursor: nextCursor, total: z.int() })
        .openapi('ValidationPage'),
      'Validations.',
      { data: [validationExample], next_cursor: null, total: 1 },
    ),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Record a validation',
  description:
    'It cannot be changed afterwards. Without `expires_at` it ends after the validity of the policy ' +
    'that governs; without a technique it is of every technique of the asset.',
  request: {
    params,
    body: entityBody('validation', { technique_id: 'T1003.006', validation_result: 'detected' }, [
      'asset_id',
    ]),
  },
  responses: { 201: json(validation, 'Recorded.', validationExample), 202: acceptedResponse },
})

export const assetValidations: Resource = (app, services) => {
  const { clock, catalog, random, attack } = services
  app.openapi(listRoute, async (c) => {
    const asset_id = c.req.valid('param').id
    const query = c.req.valid('query')
    const at_s = query.at ?? instantNow(clock)
    const all = await readValidations(services, at_s, { asset_id, validation_id: '' })
    if (all.length === 0) {
      const known = await readEntity(services, 'detection_asset', asset_id, at_s)
      if (known === undefined) throw notFound(`The asset ${asset_id}`)
    }
    const found = all.filter((one) => isWanted(one, query))
    const { cursor: after } = query
    const rest = found.filter((one) => after === undefined || isAfter(keyOf(one), after))
    return c.json({ ...page('validations', rest, query.limit, keyOf), total: found.length }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const asset_id = c.req.valid('param').id
    const entity = ownedBy({ asset_id }, c.req.valid('json'))
    assertKnown(entity['technique_id'], attack)
    const known = await readEntity(services, 'detection_asset', asset_id, instantNow(clock))
    if (known === undefined) throw notFound(`The asset ${asset_id}`)
    const validation_id = random.uuid()
    const written = await catalog.write({
      kind: 'validation',
      op: 'put',
      id: validation_id,
      actor: c.var.principal.name,
      entity,
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const at_s = written.eventTimeMs / secondMs
    const [found] = await readValidations(services, at_s, { asset_id, validation_id })
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 201)
  })
}

function isWanted(one: Validation, query: z.output<typeof filters>): boolean {
  const { technique_id, is_valid, expires_before } = query
  return (
    (technique_id === undefined || [null, technique_id].includes(one.technique_id)) &&
    (is_valid === undefined || one.is_valid === is_valid) &&
    (expires_before === undefined || Date.parse(one.expires_at) < expires_before * secondMs)
  )
}

/** Newest first. */
function keyOf(one: Validation): readonly [number, string] {
  return [-Date.parse(one.validated_at), one.id]
}
