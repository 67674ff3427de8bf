import { z } from '@hono/zod-openapi'
import type { Written } from './catalog-writer.ts'
import { json } from './resource.ts'

/** What a write answers while its record is not readable yet: it stands, and where. */
export const acceptedBody = z
  .object({
    detail: z.string(),
    position: z.object({ topic: z.string(), partition: z.int(), offset: z.int() }),
  })
  .openapi('Accepted')

export type Accepted = z.input<typeof acceptedBody>

const detail = 'The change is on the log and will be in force when the engine has read it.'

export function accepted({ position }: Written): Accepted {
  return { detail, position: { ...position } }
}

/** The 202 of every write. */
export const acceptedResponse = json(acceptedBody, 'On the log, not yet readable.', {
  detail,
  position: { topic: 'ttp.catalog', partition: 0, offset: 4711 },
})
