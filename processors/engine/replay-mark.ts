/** The intent of a replay: what its group's commit says while a block is written. */

import { z } from 'zod'

const markSchema = z.object({
  v: z.literal(1),
  kind: z.literal('replay'),
  log: z.string().min(1).max(64),
  first: z.number().int().nonnegative(),
  last: z.number().int().nonnegative(),
  time: z.number().int().nonnegative(),
  /** Absent: it only writes what is missing. */
  retag: z.boolean().optional(),
})
export type ReplayMark = z.infer<typeof markSchema>

/** null: no replay was cut off here. */
export function parseReplayMark(metadata: string): ReplayMark | null {
  try {
    const parsed = markSchema.safeParse(JSON.parse(metadata))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
