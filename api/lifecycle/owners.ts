import { createRoute, z } from '@hono/zod-openapi'
import { cursor, nextCursor, page } from '../cursor.ts'
import { assertKnown, at, id, instantNow, limit, techniqueId } from '../parameters.ts'
import { notFound, Problem } from '../problem.ts'
import { json, type Resource, type Services, timestamp } from '../resource.ts'
import { accepted, acceptedResponse, ended, endedExample, endedOf } from '../written.ts'
import { entityBody } from './entity-body.ts'

/** Who answers for a technique: one owner at a time (L10). */

const owner = z
  .object({
    technique_id: z.string(),
    owner_id: z.string(),
    since: timestamp,
    notes: z.string().nullable(),
    assigned_by: z.string(),
    assigned_at: timestamp,
  })
  .openapi('TechniqueOwner')

const example: z.input<typeof owner> = {
  technique_id: 'T1003.006',
  owner_id: 'u-12',
  since: '2026-11-01T00:00:00.000Z',
  notes: null,
  assigned_by: 'lead-1',
  assigned_at: '2026-11-01T08:00:00.000Z',
}

const path = '/api/v1/detection-lifecycle/owners'

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Owners of techniques',
  description: 'In the order of techniques; one without an owner is not in the list.',
  request: {
    query: z.strictObject({
      at,
      owner_id: id('Only techniques of this owner.', 'u-12').optional(),
      technique_id: techniqueId.optional().openapi({
        description: 'Only the owner of this technique.',
        example: 'T1003.006',
      }),
      limit: limit(100),
      cursor: cursor('owners', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(owner), next_cursor: nextCursor, total: z.int() })
        .openapi('TechniqueOwnerPage'),
      'Owners.',
      { data: [example], next_cursor: null, total: 1 },
    ),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Give a technique to an owner',
  description: 'The technique’s owner before is its owner no more. `since` may not lie ahead.',
  request: {
    body: entityBody('technique_owner', { technique_id: 'T1003.006', owner_id: 'u-12' }),
  },
  responses: { 201: json(owner, 'Given.', example), 202: acceptedResponse },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: `${path}/{technique}`,
  tags: ['lifecycle'],
  summary: 'Take a technique from its owner',
  description: 'The technique has no owner from now on; who had it stays readable with `at`.',
  request: { params: z.strictObject({ technique: techniqueId }) },
  responses: { 200: json(ended, 'Taken.', endedExample), 202: acceptedResponse },
})

export const owners: Resource = (app, services) => {
  const { clock, catalog, attack } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const rows = await readOwners(services, query.at ?? instantNow(clock))
    const found = rows
      .filter(({ owner_id }) => query.owner_id === undefined || owner_id === query.owner_id)
      .filter((row) => [undefined, row.technique_id].includes(query.technique_id))
      .toSorted((a, b) => (a.technique_id < b.technique_id ? -1 : 1))
    const after = query.cursor?.[0]
    const rest = found.filter((row) => after === undefined || row.technique_id > after)
    const cut = page('owners', rest, query.limit, (row) => [row.technique_id])
    const data = cut.data.map((row) => owner.parse(row))
    return c.json({ ...cut, data, total: found.length }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const entity = c.req.valid('json')
    assertKnown(entity['technique_id'], attack)
    assertBegun(entity['since'], clock.now())
    const technique = String(entity['technique_id']).toUpperCase()
    // A record under an id of its own must not be the owner again when this one ends.
    const before = await recordsOf(services, technique)
    const actor = c.var.principal.name
    const written = await catalog.write({
      kind: 'technique_owner',
      op: 'put',
      id: technique,
      actor,
      entity,
    })
    await end(
      services,
      before.filter((recordId) => recordId !== technique),
      actor,
    )
    if (!written.isReadable) return c.json(accepted(written), 202)
    const rows = await readOwners(services, instantNow(clock))
    const found = rows.find((row) => row.technique_id === technique)
    return found === undefined ? c.json(accepted(written), 202) : c.json(owner.parse(found), 201)
  })
  app.openapi(deleteRoute, async (c) => {
    const { technique } = c.req.valid('param')
    const written = await end(services, await recordsOf(services, technique), c.var.principal.name)
    if (written === undefined) throw notFound(`An owner of ${technique}`)
    if (!written.isReadable) return c.json(accepted(written), 202)
    return c.json(endedOf(technique, written), 200)
  })
}

/** Until then the technique would have no owner at all. */
function assertBegun(since: unknown, nowMs: number): void {
  const sinceMs = typeof since === 'string' ? Date.parse(since) : Number(since ?? 0)
  if (!(sinceMs > nowMs)) return
  throw new Problem('invalid-request', 'One mistake; see `errors`.', {
    errors: [{ location: 'body', name: 'since', detail: 'lies ahead' }],
  })
}

/** A row of `technique_owners`. */
type OwnerRow = z.input<typeof owner> & { readonly record_ids: readonly string[] }

function readOwners({ views }: Services, at_s: number): Promise<OwnerRow[]> {
  return views.select<OwnerRow>('technique_owners', { at_s })
}

async function recordsOf(services: Services, technique: string): Promise<readonly string[]> {
  const rows = await readOwners(services, instantNow(services.clock))
  return rows.find((row) => row.technique_id === technique)?.record_ids ?? []
}

/** Undefined where there was nothing to end. */
async function end({ catalog }: Services, recordIds: readonly string[], actor: string) {
  let written: Awaited<ReturnType<typeof catalog.write>> | undefined
  for (const recordId of recordIds) {
    const change = { kind: 'technique_owner', op: 'delete', entity: {} } as const
    written = await catalog.write({ ...change, id: recordId, actor })
  }
  return written
}
