import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import type { Written } from '../catalog-writer.ts'
import { at, id, instantNow } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource, type Services, timestamp } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { entityBody, patchBody } from './entity-body.ts'

/** Decay policies: how fast confidence fades, and what it is made of (L5). */

const days = z.number().positive()
const policy = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    applies_to_platform: z.string().nullable(),
    applies_to_asset_type: z.string().nullable(),
    applies_to_tactic: z.string().nullable(),
    fresh_days: days,
    aging_days: days,
    stale_days: days,
    default_validity_days: days,
    silent_days: days,
    noisy_alerts_per_day: z.int(),
    weights: z
      .object({
        recency: z.number(),
        coverage: z.number(),
        health: z.number(),
        diversity: z.number(),
      })
      .openapi({ description: 'Shares of 1.' }),
    is_default: z.boolean(),
    is_active: z.boolean(),
    updated_at: timestamp.nullable().openapi({ description: 'null: built in, never changed.' }),
  })
  .openapi('DecayPolicy')
type Policy = z.output<typeof policy>

const example: z.input<typeof policy> = {
  id: 'strict-initial-access',
  name: 'Strict for initial access',
  description: null,
  applies_to_platform: null,
  applies_to_asset_type: null,
  applies_to_tactic: 'TA0001',
  fresh_days: 45,
  aging_days: 90,
  stale_days: 182,
  default_validity_days: 90,
  silent_days: 15,
  noisy_alerts_per_day: 100,
  weights: { recency: 0.3, coverage: 0.3, health: 0.25, diversity: 0.15 },
  is_default: false,
  is_active: true,
  updated_at: null,
}

const path = '/api/v1/detection-lifecycle/policies'

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Decay policies',
  description: 'Active or not, in the order of their ids.',
  request: { query: z.strictObject({ at }) },
  responses: {
    200: json(z.object({ data: z.array(policy) }).openapi('DecayPolicies'), 'Policies.', {
      data: [example],
    }),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Add a decay policy',
  description:
    'fresh < aging < stale, or it is refused; weights become shares of 1. The policy with most ' +
    'matching `applies_to` governs.',
  request: {
    body: entityBody('decay_policy', { name: 'Cloud', applies_to_platform: 'aws', fresh_days: 30 }),
  },
  responses: { 201: json(policy, 'Added.', example), 202: acceptedResponse },
})

const patchRoute = createRoute({
  method: 'patch',
  path: `${path}/{id}`,
  tags: ['lifecycle'],
  summary: 'Change a decay policy',
  description: 'Members that are given replace those that are there; the others stay.',
  request: {
    params: z.strictObject({ id: id('A policy id.', 'strict-initial-access') }),
    body: patchBody('decay_policy', { is_active: false }),
  },
  responses: { 200: json(policy, 'Changed.', example), 202: acceptedResponse },
})

export const policies: Resource = (app, services) => {
  const { clock, catalog, random } = services
  app.openapi(listRoute, async (c) => {
    const data = await readPolicies(services, c.req.valid('query').at ?? instantNow(clock))
    return c.json({ data: data.toSorted((a, b) => (a.id < b.id ? -1 : 1)) }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const policyId = random.uuid()
    const written = await catalog.write({
      kind: 'decay_policy',
      op: 'put',
      id: policyId,
      actor: c.var.principal.name,
      entity: c.req.valid('json'),
    })
    const found = await readBack(services, written, policyId)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 201)
  })
  app.openapi(patchRoute, async (c) => {
    const policyId = c.req.valid('param').id
    const known = await readPolicies(services, instantNow(clock))
    const current = known.find((candidate) => candidate.id === policyId)
    if (current === undefined) throw notFound(`The policy ${policyId}`)
    const { id: _, updated_at: __, ...entity } = current
    const written = await catalog.write({
      kind: 'decay_policy',
      op: 'put',
      id: policyId,
      actor: c.var.principal.name,
      entity: { ...entity, ...c.req.valid('json') },
    })
    const found = await readBack(services, written, policyId)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 200)
  })
}

async function readBack(
  services: Services,
  written: Written,
  policyId: string,
): Promise<Policy | undefined> {
  if (!written.isReadable) return undefined
  const found = await readPolicies(services, written.eventTimeMs / secondMs)
  return found.find((candidate) => candidate.id === policyId)
}

/** A row of `decay_policies`; '' is absent, a built-in one is of 1970. */
interface PolicyRow
  extends Omit<
    Policy,
    'id' | 'weights' | 'applies_to_platform' | 'applies_to_asset_type' | 'applies_to_tactic'
  > {
  readonly policy_id: string
  readonly updated_at: string
  readonly applies_to_platform: string
  readonly applies_to_asset_type: string
  readonly applies_to_tactic: string
  readonly weight_recency: number
  readonly weight_coverage: number
  readonly weight_health: number
  readonly weight_diversity: number
}

async function readPolicies({ views }: Services, at_s: number): Promise<Policy[]> {
  const rows = await views.select<PolicyRow>('decay_policies', { at_s })
  return rows.map((row) =>
    policy.parse({
      ...row,
      id: row.policy_id,
      description: row.description === '' ? null : row.description,
      applies_to_platform: row.applies_to_platform === '' ? null : row.applies_to_platform,
      applies_to_asset_type: row.applies_to_asset_type === '' ? null : row.applies_to_asset_type,
      applies_to_tactic: row.applies_to_tactic === '' ? null : row.applies_to_tactic,
      weights: {
        recency: row.weight_recency,
        coverage: row.weight_coverage,
        health: row.weight_health,
        diversity: row.weight_diversity,
      },
      updated_at: Date.parse(row.updated_at) === 0 ? null : row.updated_at,
    }),
  )
}
