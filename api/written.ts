import { z } from '@hono/zod-openapi'
import type { Written } from './catalog-writer.ts'
import { json, timestamp, timeText } from './resource.ts'

/** What a write answers while its record is not readable yet: it stands, and where. */
export const acceptedBody = z
  .object({
    detail: z.string(),
    position: z.object({ topic: z.string(), partition: z.int(), offset: z.int() }),
  })
  .openapi('Accepted')

export type Accepted = z.input<typeof acceptedBody>

const detail = 'The change is on the log and will be in force when the engine has read it.'

export function accepted({ position }: Pick<Written, 'position'>): Accepted {
  return { detail, position: { ...position } }
}

/** The 202 of every write. */
export const acceptedResponse = json(acceptedBody, 'On the log, not yet readable.', {
  detail,
  position: { topic: 'ttp.catalog', partition: 0, offset: 4711 },
})

/** What a deletion answers: history stays, so there is an end and no absence. */
export const ended = z.object({ id: z.string(), ended_at: timestamp }).openapi('Ended')

export const endedExample: z.input<typeof ended> = {
  id: 'sigma:611eab06',
  ended_at: '2026-11-20T11:02:00.000Z',
}

export function endedOf(id: string, { eventTimeMs }: Written): z.output<typeof ended> {
  return { id, ended_at: timeText(eventTimeMs) }
}
