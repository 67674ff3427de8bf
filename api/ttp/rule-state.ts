import { createRoute, z } from '@hono/zod-openapi'
import type { Written } from '../catalog-writer.ts'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { at, id, instantNow, limit } from '../parameters.ts'
import {
  json,
  jsonBody,
  type Resource,
  type RuleStateSummary,
  timestamp,
  timeText,
} from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'

/**
 * The state of one rule, apart from its definition: enabled, disabled, or clipped to a ceiling of
 * confidence, in shadow, for a time or until changed. It travels on the catalog topic to every worker; a rule
 * that nobody knows yet may have a state too.
 */

export const ruleStateNames = ['enabled', 'disabled', 'clipped', 'shadow', 'quarantined'] as const

export const ruleState = z
  .object({
    state: z.enum(ruleStateNames).openapi({
      description:
        'disabled: not evaluated. shadow and quarantined: matches are counted, no tags written.',
    }),
    confidence_max: z.number().nullable(),
    expires_at: timestamp.nullable(),
    reason: z.string().nullable(),
    set_by: z.string().nullable(),
    set_at: timestamp.nullable(),
  })
  .openapi('RuleState')

export function toRuleState(state: RuleStateSummary | undefined): z.input<typeof ruleState> {
  return {
    state: state?.state ?? 'enabled',
    confidence_max: state?.confidenceMax ?? null,
    expires_at: timeText(state?.expiresAtMs ?? null),
    reason: state?.reason ?? null,
    set_by: state?.setBy ?? null,
    set_at: timeText(state?.setAtMs ?? null),
  }
}

const path = '/api/v1/ttp/rules/{id}/state'
const params = z.strictObject({ id: id('A rule id.', 'linux-shell.wget-pipe-shell') })
const clipped: z.input<typeof ruleState> = {
  state: 'clipped',
  confidence_max: 0.5,
  expires_at: '2026-12-01T00:00:00.000Z',
  reason: 'noisy after the proxy change',
  set_by: 'u-12',
  set_at: '2026-11-20T09:00:00.000Z',
}

const getRoute = createRoute({
  method: 'get',
  path,
  tags: ['ttp'],
  summary: 'State of one rule',
  description: 'A rule without a state of its own, known or not, is enabled.',
  request: { params, query: z.strictObject({ at }) },
  responses: { 200: json(ruleState, 'The state in force.', clipped) },
})

const historyRoute = createRoute({
  method: 'get',
  path: `${path}/history`,
  tags: ['ttp'],
  summary: 'What states a rule has had',
  description: 'Every change, the newest first; a state that expired shows when.',
  request: {
    params,
    query: z.strictObject({
      at,
      limit: limit(100),
      cursor: cursor('rule-states', z.tuple([z.number(), z.number()])),
    }),
  },
  responses: {
    200: json(
      z.object({ data: z.array(ruleState), next_cursor: nextCursor }).openapi('RuleStateHistory'),
      'Changes.',
      { data: [clipped], next_cursor: null },
    ),
  },
})

const body = z
  .strictObject({
    state: z.enum(['enabled', 'disabled', 'clipped', 'shadow']),
    confidence_max: z.number().min(0).max(1).nullable().optional(),
    expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
    reason: z.string().max(10_000).nullable().optional(),
  })
  .openapi('RuleStateChange')

const bodyExample: z.input<typeof body> = {
  state: 'clipped',
  confidence_max: 0.5,
  reason: 'noisy after the proxy change',
}

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['ttp'],
  summary: 'Set the state of a rule',
  description:
    'Clipped needs `confidence_max`; an expiry must lie ahead and reverts to enabled. 202 when the ' +
    'change is on the log but no worker has finished reading it.',
  request: { params, body: jsonBody(body, bodyExample) },
  responses: { 200: json(ruleState, 'In force.', clipped), 202: acceptedResponse },
})

const deleteRoute = createRoute({
  method: 'delete',
  path,
  tags: ['ttp'],
  summary: 'Revert a rule to enabled',
  description: 'Ends its state; the history of states stays.',
  request: { params },
  responses: {
    200: json(ruleState, 'In force.', toRuleState(undefined)),
    202: acceptedResponse,
  },
})

export const ruleStates: Resource = (app, services) => {
  const changesOf = (ruleId: string, atS: number) =>
    services.views.select<ChangeRow>('rule_state_history', { rule_id: ruleId, at_s: atS })
  app.openapi(getRoute, async (c) => {
    const { id: ruleId } = c.req.valid('param')
    const { at: atS } = c.req.valid('query')
    if (atS === undefined) return c.json(toRuleState(services.ruleStates().get(ruleId)), 200)
    const [newest] = await changesOf(ruleId, atS)
    const isOver = newest === undefined || isPast(newest.expires_at, atS)
    return c.json(isOver ? toRuleState(undefined) : toChange(newest), 200)
  })
  app.openapi(historyRoute, async (c) => {
    const {
      at: atS = instantNow(services.clock),
      limit: rowsMax,
      cursor: after,
    } = c.req.valid('query')
    const rows = await changesOf(c.req.valid('param').id, atS)
    const rest = rows.filter((row) => after === undefined || isAfter(after, keyOf(row)))
    const cut = page('rule-states', rest, rowsMax, keyOf)
    return c.json({ ...cut, data: cut.data.map(toChange) }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const entity = c.req.valid('json')
    const written = await services.catalog.write({
      kind: 'rule_state',
      op: 'put',
      id: c.req.valid('param').id,
      actor: c.var.principal.name,
      entity,
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    return c.json(stateWritten(written, c.var.principal.name), 200)
  })
  app.openapi(deleteRoute, async (c) => {
    const written = await services.catalog.write({
      kind: 'rule_state',
      op: 'delete',
      id: c.req.valid('param').id,
      actor: c.var.principal.name,
      entity: {},
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    return c.json(toRuleState(undefined), 200)
  })
}

/** This change's own outcome; a later one may already be in force. */
function stateWritten(written: Written, actor: string): z.input<typeof ruleState> {
  return ruleState.parse({
    confidence_max: null,
    expires_at: null,
    reason: null,
    ...written.entity,
    set_by: actor,
    set_at: timeText(written.eventTimeMs),
  })
}

/** A row of `rule_state_history`. */
interface ChangeRow extends z.input<typeof ruleState> {
  readonly set_at: string
  readonly offset: number
}

function keyOf({ set_at, offset }: ChangeRow): [number, number] {
  return [Date.parse(set_at), offset]
}

function toChange({ offset: _, ...row }: ChangeRow): z.input<typeof ruleState> {
  return row
}

function isPast(time: string | null, atS: number): boolean {
  return time !== null && Date.parse(time) <= atS * 1_000
}
