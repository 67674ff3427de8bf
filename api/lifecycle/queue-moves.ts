import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import type { Written } from '../catalog-writer.ts'
import { id, instantNow } from '../parameters.ts'
import { notFound, Problem } from '../problem.ts'
import { json, jsonBody, type Resource, type Services } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'
import { readEntity } from './asset-schema.ts'
import { isOpen, type QueueItem, queueItem, queueItemExample, readQueue } from './queue-item.ts'

/** Claiming and closing an item: pending → in_progress → done or dismissed (L10). */

const path = '/api/v1/detection-lifecycle/queue/{id}'
const params = z.strictObject({
  id: id('A queue item’s id.', 'decay:T1003.006:2026-05-20T11:02:00.000Z'),
})

const claimBody = z
  .strictObject({ assignee: z.string().min(1).max(500).optional() })
  .openapi('QueueClaim')

const claimRoute = createRoute({
  method: 'post',
  path: `${path}/claim`,
  tags: ['lifecycle'],
  summary: 'Claim an item of the queue',
  description:
    'For oneself, or for somebody. 409 for an item that is closed or somebody else’s already.',
  request: { params, body: jsonBody(claimBody, { assignee: 'u-12' }) },
  responses: {
    200: json(queueItem, 'In progress.', {
      ...queueItemExample,
      status: 'in_progress',
      assignee: 'u-12',
    }),
    202: acceptedResponse,
  },
})

const closeBody = z
  .strictObject({
    status: z.enum(['done', 'dismissed']),
    reason: z.string().max(10_000).optional(),
  })
  .openapi('QueueClose')

const closeRoute = createRoute({
  method: 'post',
  path: `${path}/close`,
  tags: ['lifecycle'],
  summary: 'Close an item of the queue',
  description: 'A dismissed one does not come back without a new success. 409 for a closed one.',
  request: { params, body: jsonBody(closeBody, { status: 'done' }) },
  responses: {
    200: json(queueItem, 'Closed.', {
      ...queueItemExample,
      status: 'done',
      closed_at: '2026-11-20T11:02:00.000Z',
    }),
    202: acceptedResponse,
  },
})

export const queueMoves: Resource = (app, services) => {
  app.openapi(claimRoute, async (c) => {
    const itemId = c.req.valid('param').id
    const actor = c.var.principal.name
    const { assignee = actor } = c.req.valid('json')
    const item = await openItem(services, itemId)
    if (item.status === 'in_progress' && item.assignee !== assignee) {
      throw new Problem('conflict', `${item.assignee ?? 'Somebody'} has claimed it already.`)
    }
    const change = { status: 'in_progress', assignee }
    const { written, found } = await move(services, itemId, actor, change)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 200)
  })
  app.openapi(closeRoute, async (c) => {
    const itemId = c.req.valid('param').id
    const { status, reason } = c.req.valid('json')
    await openItem(services, itemId)
    const actor = c.var.principal.name
    const { written, found } = await move(services, itemId, actor, { status }, reason)
    return found === undefined ? c.json(accepted(written), 202) : c.json(found, 200)
  })
}

async function openItem(services: Services, itemId: string): Promise<QueueItem> {
  const items = await readQueue(services, instantNow(services.clock))
  const item = items.find((one) => one.id === itemId)
  if (item === undefined) throw notFound(`The queue item ${itemId}`)
  if (!isOpen(item)) throw new Problem('conflict', `It is ${item.status} since ${item.closed_at}.`)
  return item
}

async function move(
  services: Services,
  itemId: string,
  actor: string,
  change: Readonly<Record<string, unknown>>,
  reason?: string,
): Promise<{ written: Written; found: QueueItem | undefined }> {
  const { catalog, clock } = services
  const current = await readEntity(services, 'queue_item', itemId, instantNow(clock))
  const written = await catalog.write({
    kind: 'queue_item',
    op: 'put',
    id: itemId,
    actor,
    ...(reason === undefined ? {} : { reason }),
    entity: { ...current, ...change },
  })
  if (!written.isReadable) return { written, found: undefined }
  const items = await readQueue(services, written.eventTimeMs / secondMs)
  return { written, found: items.find((one) => one.id === itemId) }
}
