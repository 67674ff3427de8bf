import { z } from '@hono/zod-openapi'
import { type CatalogKind, entityContracts } from '../../schemas/catalog.ts'
import { Problem } from '../problem.ts'
import { jsonBody } from '../resource.ts'

/**
 * The body of a write: the whole entity of a kind, described by the very contract that the engine
 * holds it to. It is checked when it is written, so that all mistakes come as that contract says them.
 * `fromPath` are members that the path states already.
 */
export function entityBody(
  kind: CatalogKind,
  example: Readonly<Record<string, unknown>>,
  fromPath: readonly string[] = [],
) {
  return jsonBody(entitySchema(kind, { isWhole: true, fromPath }), example)
}

/** Some members of the entity; the others stay as they are. */
export function patchBody(kind: CatalogKind, example: Readonly<Record<string, unknown>>) {
  return jsonBody(entitySchema(kind, { isWhole: false, fromPath: [] }), example)
}

/** The body with what its path states. Throws `Problem` where the two differ. */
export function ownedBy(
  stated: Readonly<Record<string, string>>,
  body: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const errors = Object.entries(stated)
    .filter(([name, value]) => Object.hasOwn(body, name) && body[name] !== value)
    .map(([name, value]) => {
      const detail = `the path says ${value}; leave it out`
      return { location: 'body' as const, name, detail }
    })
  if (errors.length === 0) return { ...body, ...stated }
  throw new Problem('invalid-request', 'One mistake; see `errors`.', { errors })
}

interface Shape {
  readonly isWhole: boolean
  readonly fromPath: readonly string[]
}

function entitySchema(kind: CatalogKind, { isWhole, fromPath }: Shape) {
  const { properties, required = [] } = objectShape.parse(
    z.toJSONSchema(entityContracts[kind].schema, { io: 'input', unrepresentable: 'any' }),
  )
  const needed = isWhole ? required.filter((name) => !fromPath.includes(name)) : []
  return z.record(z.string(), z.unknown()).openapi({
    type: 'object',
    properties,
    ...(needed.length > 0 ? { required: needed } : {}),
    additionalProperties: true,
  })
}

const objectShape = z.looseObject({
  properties: z.record(z.string(), z.record(z.string(), z.unknown())),
  required: z.array(z.string()).optional(),
})
