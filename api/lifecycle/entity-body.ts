import { z } from '@hono/zod-openapi'
import { type CatalogKind, entityContracts } from '../../schemas/catalog.ts'
import { jsonBody } from '../resource.ts'

/**
 * The body of a write: the whole entity of a kind, described by the very contract that the engine
 * holds it to. It is checked when it is written, so that all mistakes come as that contract says them.
 */
export function entityBody(kind: CatalogKind, example: Readonly<Record<string, unknown>>) {
  return jsonBody(entitySchema(kind), example)
}

/** Some members of the entity; the others stay as they are. */
export function patchBody(kind: CatalogKind, example: Readonly<Record<string, unknown>>) {
  return jsonBody(entitySchema(kind, { isWhole: false }), example)
}

function entitySchema(kind: CatalogKind, { isWhole } = { isWhole: true }) {
  const { properties, required } = objectShape.parse(
    z.toJSONSchema(entityContracts[kind].schema, { io: 'input', unrepresentable: 'any' }),
  )
  return z.record(z.string(), z.unknown()).openapi({
    type: 'object',
    properties,
    ...(isWhole && required !== undefined ? { required } : {}),
    additionalProperties: true,
  })
}

const objectShape = z.looseObject({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())),
  required: z.array(z.string()).optional(),
})
