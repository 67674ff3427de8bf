import { createRoute, z } from '@hono/zod-openapi'
import { at, id, instantNow } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, jsonBody, type Resource, type Services, timestamp } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'

/**
 * Who is who (I1, I3): identities that are merged, and the attackers that they are. Nothing is
 * rewritten: a merge is a pointer that can be taken away, and answers follow the pointers as of a time.
 */

const attacker = z
  .object({
    membership_id: z.string(),
    attacker_id: z.string(),
    identity_id: z.string().openapi({ description: 'The member that it belongs to.' }),
    from: timestamp.nullable(),
    to: timestamp.nullable(),
  })
  .openapi('IdentityAttacker')

const identity = z
  .object({
    id: z.string(),
    merged_into: z.string().nullable(),
    resolved_id: z.string().openapi({ description: 'The identity at the end of its merges.' }),
    members: z
      .array(z.string())
      .openapi({ description: 'All that are one with it, itself included.' }),
    attackers: z.array(attacker),
  })
  .openapi('Identity')

const example: z.input<typeof identity> = {
  id: 'actor-7',
  merged_into: 'actor-2',
  resolved_id: 'actor-2',
  members: ['actor-2', 'actor-7'],
  attackers: [
    {
      membership_id: '5d0c1f4e-3c4f-4c57-8a0f-0a0d7c1b7a55',
      attacker_id: '203.0.113.9',
      identity_id: 'actor-7',
      from: '2026-11-01T00:00:00.000Z',
      to: null,
    },
  ],
}

const path = '/api/v1/ttp/identities/{id}'
const params = z.strictObject({ id: id('An actor behind one or more attackers.', 'actor-7') })
const written = { 200: json(identity, 'As it is now.', example), 202: acceptedResponse }

const getRoute = createRoute({
  method: 'get',
  path,
  tags: ['ttp'],
  summary: 'Who an identity is',
  description: 'Its merges and its attackers as of an instant; 404 when nothing ever named it.',
  request: { params, query: z.strictObject({ at }) },
  responses: { 200: json(identity, 'Merges followed.', example) },
})

const mergeBody = z
  .strictObject({
    winner_id: z.string().min(1).max(500),
    reason: z.string().max(10_000).optional(),
  })
  .openapi('IdentityMerge')

const mergeRoute = createRoute({
  method: 'put',
  path: `${path}/merge`,
  tags: ['ttp'],
  summary: 'Merge an identity into another',
  description:
    'The identity stays and points at the winner; tags of both count for either. 409 where it would ' +
    'close a circle or make a chain of more than 32.',
  request: { params, body: jsonBody(mergeBody, { winner_id: 'actor-2' }) },
  responses: written,
})

const unmergeRoute = createRoute({
  method: 'delete',
  path: `${path}/merge`,
  tags: ['ttp'],
  summary: 'End the merge of an identity',
  description: 'It is what it was before; 404 when it is not merged.',
  request: { params },
  responses: written,
})

const attackerBody = z
  .strictObject({
    attacker_id: z.string().min(1).max(500),
    from: z.iso.datetime({ offset: true }).optional(),
    to: z.iso.datetime({ offset: true }).optional(),
  })
  .openapi('IdentityMembership')

const joinRoute = createRoute({
  method: 'post',
  path: `${path}/attackers`,
  tags: ['ttp'],
  summary: 'Say that an attacker is this identity',
  description:
    'From `from` to before `to`, by event time; open ends are open. Tags of before count too, where ' +
    'they name no identity themselves.',
  request: {
    params,
    body: jsonBody(attackerBody, { attacker_id: '203.0.113.9', from: '2026-11-01T00:00:00Z' }),
  },
  responses: written,
})

const leaveRoute = createRoute({
  method: 'delete',
  path: `${path}/attackers/{membership}`,
  tags: ['ttp'],
  summary: 'Take back that an attacker is this identity',
  description: '404 when the identity, or what it is merged with, has no such membership.',
  request: {
    params: params.extend({
      membership: id(
        'The `membership_id` of the attacker.',
        '5d0c1f4e-3c4f-4c57-8a0f-0a0d7c1b7a55',
      ),
    }),
  },
  responses: written,
})

export const identities: Resource = (app, services) => {
  const { catalog, clock, random } = services
  app.openapi(getRoute, async (c) => {
    const { id: identityId } = c.req.valid('param')
    const atS = c.req.valid('query').at ?? instantNow(clock)
    const state = await stateOf(services, identityId, atS)
    const isNamed = state.members.length > 1 || state.belonging.length > 0
    if (!isNamed && !(await isSeen(services, identityId, atS))) {
      throw notFound(`The identity ${identityId}`)
    }
    return c.json(toIdentity(identityId, state), 200)
  })
  /** Writes one change and answers with what the identity is then. */
  const write = async (identityId: string, change: Parameters<typeof catalog.write>[0]) => {
    const done = await catalog.write(change)
    if (!done.isReadable) return { status: 202, body: accepted(done) } as const
    const state = await stateOf(services, identityId, done.eventTimeMs / 1_000)
    return { status: 200, body: toIdentity(identityId, state) } as const
  }
  app.openapi(mergeRoute, async (c) => {
    const { id: identityId } = c.req.valid('param')
    const { winner_id, reason } = c.req.valid('json')
    const { merge_id } = await stateOf(services, identityId, instantNow(clock))
    const answer = await write(identityId, {
      kind: 'merge',
      // A loser has one winner: another merge of it would be refused.
      id: merge_id === '' ? random.uuid() : merge_id,
      op: 'put',
      actor: c.var.principal.name,
      ...(reason === undefined ? {} : { reason }),
      entity: { entity_kind: 'identity', loser_id: identityId, winner_id },
    })
    return answer.status === 202 ? c.json(answer.body, 202) : c.json(answer.body, 200)
  })
  app.openapi(unmergeRoute, async (c) => {
    const { id: identityId } = c.req.valid('param')
    const { merge_id } = await stateOf(services, identityId, instantNow(clock))
    if (merge_id === '') throw notFound(`A merge of the identity ${identityId}`)
    const actor = c.var.principal.name
    const change = { kind: 'merge', id: merge_id, op: 'delete', actor, entity: {} } as const
    const answer = await write(identityId, change)
    return answer.status === 202 ? c.json(answer.body, 202) : c.json(answer.body, 200)
  })
  app.openapi(joinRoute, async (c) => {
    const { id: identityId } = c.req.valid('param')
    const answer = await write(identityId, {
      kind: 'membership',
      id: random.uuid(),
      op: 'put',
      actor: c.var.principal.name,
      entity: { ...c.req.valid('json'), identity_id: identityId },
    })
    return answer.status === 202 ? c.json(answer.body, 202) : c.json(answer.body, 200)
  })
  app.openapi(leaveRoute, async (c) => {
    const { id: identityId, membership } = c.req.valid('param')
    const { belonging } = await stateOf(services, identityId, instantNow(clock))
    if (!belonging.some(([of]) => of === membership)) throw notFound(`The membership ${membership}`)
    const actor = c.var.principal.name
    const change = { kind: 'membership', id: membership, op: 'delete', actor, entity: {} } as const
    const answer = await write(identityId, change)
    return answer.status === 202 ? c.json(answer.body, 202) : c.json(answer.body, 200)
  })
}

/** The row of `identity_state`. */
interface IdentityRow {
  readonly path: readonly string[]
  readonly members: readonly string[]
  readonly merge_id: string
  /** Membership, attacker, identity, from when, before when. */
  readonly belonging: readonly (readonly [string, string, string, string, string])[]
}

async function stateOf({ views }: Services, identityId: string, atS: number): Promise<IdentityRow> {
  const asked = { identity_id: identityId, at_s: atS }
  const [row] = await views.select<IdentityRow>('identity_state', asked)
  return row ?? { path: [identityId], members: [identityId], merge_id: '', belonging: [] }
}

async function isSeen({ views }: Services, identityId: string, atS: number): Promise<boolean> {
  const asked = { identity_id: identityId, at_s: atS }
  const [known] = await views.select<{ readonly seen: boolean }>('identity_seen', asked)
  return known?.seen === true
}

function toIdentity(identityId: string, row: IdentityRow): z.output<typeof identity> {
  return {
    id: identityId,
    merged_into: row.path[1] ?? null,
    resolved_id: row.path.at(-1) ?? identityId,
    members: [...row.members],
    attackers: row.belonging.map(([membership_id, attacker_id, identity_id, from, to]) => ({
      membership_id,
      attacker_id,
      identity_id,
      from: from.startsWith('1970-01-01T00:00:00') ? null : from,
      to: to.startsWith('2299-') ? null : to,
    })),
  }
}
