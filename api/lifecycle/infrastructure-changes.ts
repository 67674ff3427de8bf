import { createRoute, z } from '@hono/zod-openapi'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { at, id, instantNow, limit, range } from '../parameters.ts'
import { json, type Resource, timestamp } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { entityBody } from './entity-body.ts'

/** Changes of infrastructure: each voids older validations of what it touches, from its date on (L4). */

const change = z
  .object({
    id: z.string(),
    change_type: z.string(),
    description: z.string().nullable(),
    affected_platforms: z.array(z.string()),
    affected_log_sources: z.array(z.string()),
    change_date: timestamp,
    reported_by: z.string().nullable(),
    auto_invalidate: z.boolean(),
    change_metadata: z.record(z.string(), z.unknown()),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi('InfrastructureChange')

const example: z.input<typeof change> = {
  id: '0b5c2c3e-6f0a-4d5e-9a44-0a3f3f6d2a11',
  change_type: 'siem_upgrade',
  description: 'Elastic 9.0 to 9.1',
  affected_platforms: ['windows'],
  affected_log_sources: ['windows-security'],
  change_date: '2026-11-20T00:00:00.000Z',
  reported_by: 'u-12',
  auto_invalidate: true,
  change_metadata: { ticket: 'CHG-17' },
  created_at: '2026-11-19T09:00:00.000Z',
  updated_at: '2026-11-19T09:00:00.000Z',
}

const path = '/api/v1/detection-lifecycle/infrastructure-changes'

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'Changes of infrastructure',
  description: 'Newest change date first. `from` and `to` bound the change date.',
  request: {
    query: z.strictObject({
      at,
      ...range,
      platform: id('Only changes that touch this platform.', 'windows').optional(),
      change_date: z.iso.date().optional().openapi({
        description: 'Only changes dated on this UTC day.',
        example: '2026-11-20',
      }),
      limit: limit(100),
      cursor: cursor('infrastructure-changes', z.tuple([z.number(), z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(change), next_cursor: nextCursor, total: z.int() })
        .openapi('InfrastructureChangePage'),
      'Changes.',
      { data: [example], next_cursor: null, total: 1 },
    ),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Report a change of infrastructure',
  description:
    'Validations from before its date, of assets whose platform or log source it lists, are void ' +
    'from that date on. One without platforms and log sources touches nothing.',
  request: {
    body: entityBody('infrastructure_change', {
      change_type: 'siem_upgrade',
      affected_platforms: ['windows'],
      change_date: '2026-11-20T00:00:00Z',
    }),
  },
  responses: { 201: json(change, 'Recorded.', example), 202: acceptedResponse },
})

export const infrastructureChanges: Resource = (app, services) => {
  const { views, clock, catalog, random } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const rows = await views.select<ChangeRow>('infrastructure_changes', {
      at_s: query.at ?? instantNow(clock),
    })
    const { from = 0, to = Number.POSITIVE_INFINITY, cursor: after } = query
    const platform = query.platform?.toLowerCase()
    const found = rows
      .filter((row) => dateOf(row) >= from * 1_000 && dateOf(row) < to * 1_000)
      .filter((row) => [undefined, row.change_date.slice(0, 10)].includes(query.change_date))
      .filter((row) => platform === undefined || row.affected_platforms.includes(platform))
      .toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
    const rest = found.filter((row) => after === undefined || isAfter(keyOf(row), after))
    const cut = page('infrastructure-changes', rest, query.limit, keyOf)
    return c.json({ ...cut, data: cut.data.map(toChange), total: found.length }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const changeId = random.uuid()
    const written = await catalog.write({
      kind: 'infrastructure_change',
      op: 'put',
      id: changeId,
      actor: c.var.principal.name,
      entity: c.req.valid('json'),
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const rows = await views.select<ChangeRow>('infrastructure_changes', {
      at_s: written.eventTimeMs / 1_000,
    })
    const row = rows.find((candidate) => candidate.change_id === changeId)
    return row === undefined ? c.json(accepted(written), 202) : c.json(toChange(row), 201)
  })
}

/** A row of `infrastructure_changes`; '' is absent, metadata is JSON text. */
interface ChangeRow extends Omit<z.input<typeof change>, 'id' | 'change_metadata'> {
  readonly change_id: string
  readonly change_metadata: string
}

function dateOf(row: ChangeRow): number {
  return Date.parse(row.change_date)
}

/** Newest first. */
function keyOf(row: ChangeRow): readonly [number, string] {
  return [-dateOf(row), row.change_id]
}

function toChange(row: ChangeRow): z.output<typeof change> {
  return change.parse({
    ...row,
    id: row.change_id,
    description: row.description === '' ? null : row.description,
    reported_by: row.reported_by === '' ? null : row.reported_by,
    change_metadata: row.change_metadata === '' ? {} : JSON.parse(row.change_metadata),
  })
}
