import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { id, instantNow } from '../parameters.ts'
import { notFound, Problem } from '../problem.ts'
import { json, type Resource } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { entityBody, ownedBy } from './entity-body.ts'
import { readValidations, validation, validationExample } from './validation-schema.ts'

/** A declared invalidation: a record of its own that lasts for ever (L4). */

const route = createRoute({
  method: 'post',
  path: '/api/v1/detection-lifecycle/validations/{id}/invalidate',
  tags: ['lifecycle'],
  summary: 'Declare a validation void',
  description: 'From now on and for ever: validate again instead of taking it back.',
  request: {
    params: z.strictObject({
      id: id('A validation id.', '7f0d2f5a-6c3e-4a55-9d5a-5a4a7b1f9b11'),
    }),
    body: entityBody('invalidation', { reason: 'the test ran on the wrong host' }, [
      'validation_id',
    ]),
  },
  responses: {
    200: json(validation, 'Void.', {
      ...validationExample,
      is_valid: false,
      causes: ['declared'],
      invalidated_at: '2026-11-21T08:00:00.000Z',
      invalidated_by: 'u-12',
      invalidation_reason: 'the test ran on the wrong host',
    }),
    202: acceptedResponse,
  },
})

export const invalidate: Resource = (app, services) => {
  const { clock, catalog, random } = services
  app.openapi(route, async (c) => {
    const validation_id = c.req.valid('param').id
    const entity = ownedBy({ validation_id }, c.req.valid('json'))
    const wanted = { asset_id: '', validation_id }
    const [known] = await readValidations(services, instantNow(clock), wanted)
    if (known === undefined) throw notFound(`The validation ${validation_id}`)
    if (known.invalidated_at !== null) {
      throw new Problem('conflict', `It was declared void at ${known.invalidated_at} already.`)
    }
    const written = await catalog.write({
      kind: 'invalidation',
      op: 'put',
      id: random.uuid(),
      actor: c.var.principal.name,
      entity,
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const [found] = await readValidations(services, written.eventTimeMs / secondMs, wanted)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 200)
  })
}
