import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { assertKnown, at, id, instantNow, limit, techniqueId } from '../parameters.ts'
import { Problem } from '../problem.ts'
import { json, type Resource } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { entityBody } from './entity-body.ts'
import { isOpen, type QueueItem, queueItem, queueItemExample, readQueue } from './queue-item.ts'

/** What has to be validated anew: at most one open item a technique (L10). */

const path = '/api/v1/detection-lifecycle/queue'

const filters = z.strictObject({
  at,
  status: z
    .enum(['open', 'pending', 'in_progress', 'done', 'dismissed', 'any'])
    .default('open')
    .openapi({ description: 'open: pending or in progress.', example: 'pending' }),
  technique_id: techniqueId.optional().openapi({
    description: 'Only items of this technique.',
    example: 'T1003.006',
  }),
  assignee: id('Only items of this assignee.', 'u-12').optional(),
  limit: limit(100),
  cursor: cursor('queue', z.tuple([z.number(), z.string()])),
})

const listRoute = createRoute({
  method: 'get',
  path,
  tags: ['lifecycle'],
  summary: 'The revalidation queue',
  description: 'Oldest first. The daily run opens an item when the last valid validation falls.',
  request: { query: filters },
  responses: {
    200: json(
      z
        .object({ data: z.array(queueItem), next_cursor: nextCursor, total: z.int() })
        .openapi('QueuePage'),
      'Items.',
      { data: [queueItemExample], next_cursor: null, total: 1 },
    ),
  },
})

const postRoute = createRoute({
  method: 'post',
  path,
  tags: ['lifecycle'],
  summary: 'Ask for a technique to be validated anew',
  description: '409 while the technique has an open item.',
  request: {
    body: entityBody('queue_item', { technique_id: 'T1003.006', reason: 'new EDR version' }),
  },
  responses: { 201: json(queueItem, 'Opened.', queueItemExample), 202: acceptedResponse },
})

export const queue: Resource = (app, services) => {
  const { clock, catalog, random, attack } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const all = await readQueue(services, query.at ?? instantNow(clock))
    const found = all
      .filter((one) => isWanted(one, query))
      .toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
    const { cursor: after } = query
    const rest = found.filter((one) => after === undefined || isAfter(keyOf(one), after))
    return c.json({ ...page('queue', rest, query.limit, keyOf), total: found.length }, 200)
  })
  app.openapi(postRoute, async (c) => {
    const entity = c.req.valid('json')
    const technique = entity['technique_id']
    assertKnown(technique, attack)
    const known = await readQueue(services, instantNow(clock))
    const open = known.find((one) => one.technique_id === technique && isOpen(one))
    if (open !== undefined) {
      throw new Problem('conflict', `${open.technique_id} has the open item ${open.id} already.`)
    }
    const itemId = random.uuid()
    const written = await catalog.write({
      kind: 'queue_item',
      op: 'put',
      id: itemId,
      actor: c.var.principal.name,
      entity,
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const after = await readQueue(services, written.eventTimeMs / secondMs)
    const found = after.find((one) => one.id === itemId)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 201)
  })
}

function isWanted(one: QueueItem, query: z.output<typeof filters>): boolean {
  const { status, technique_id, assignee } = query
  return (
    (status === 'any' || (status === 'open' ? isOpen(one) : one.status === status)) &&
    (technique_id === undefined || one.technique_id === technique_id) &&
    (assignee === undefined || one.assignee === assignee)
  )
}

/** Oldest first. */
function keyOf(one: QueueItem): readonly [number, string] {
  return [Date.parse(one.opened_at), one.id]
}
