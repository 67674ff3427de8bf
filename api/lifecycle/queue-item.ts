import { z } from '@hono/zod-openapi'
import type { Services } from '../resource.ts'
import { timestamp } from '../resource.ts'

/** An item of the revalidation queue as it is answered, and how it is read (L10). */

const text = z.string().nullable()

export const queueItem = z
  .object({
    id: z.string(),
    technique_id: z.string(),
    asset_id: text.openapi({ description: 'Whose validation fell; null: any will do.' }),
    reason: text,
    status: z.enum(['pending', 'in_progress', 'done', 'dismissed']),
    assignee: text,
    due_at: timestamp.nullable(),
    opened_at: timestamp,
    opened_by: text,
    updated_at: timestamp,
    updated_by: text,
    closed_at: timestamp.nullable(),
  })
  .openapi('QueueItem')
export type QueueItem = z.output<typeof queueItem>

export const queueItemExample: z.input<typeof queueItem> = {
  id: 'decay:T1003.006:2026-05-20T11:02:00.000Z',
  technique_id: 'T1003.006',
  asset_id: 'sigma:611eab06',
  reason: 'the last valid validation fell: expired',
  status: 'pending',
  assignee: null,
  due_at: null,
  opened_at: '2026-11-17T02:00:00.000Z',
  opened_by: 'ttpstream:decay',
  updated_at: '2026-11-17T02:00:00.000Z',
  updated_by: 'ttpstream:decay',
  closed_at: null,
}

export function isOpen({ status }: QueueItem): boolean {
  return status === 'pending' || status === 'in_progress'
}

/** A row of `revalidation_queue`. */
interface QueueRow extends Omit<z.input<typeof queueItem>, 'id'> {
  readonly item_id: string
}

export async function readQueue(
  { views }: Pick<Services, 'views'>,
  at_s: number,
): Promise<QueueItem[]> {
  const rows = await views.select<QueueRow>('revalidation_queue', { at_s })
  return rows.map((row) =>
    queueItem.parse({
      ...row,
      id: row.item_id,
      opened_by: row.opened_by === '' ? null : row.opened_by,
      updated_by: row.updated_by === '' ? null : row.updated_by,
    }),
  )
}
