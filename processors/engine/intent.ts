/**
 * A block's intent: what will be written, said before anything is. It travels as the metadata of
 * OffsetCommit(offset = first) and holds all that a block's rows depend on besides its records, so
 * that a replay depends neither on the clock nor on how the log reads today.
 *
 * Kafka keeps at most 4,096 bytes of metadata; an intent takes about 250.
 */

import { z } from 'zod'

/** Why a range of offsets was given up. */
export const missingCodes = ['records-expired', 'records-unreadable', 'records-changed'] as const
export type MissingCode = (typeof missingCodes)[number]

const fields = {
  v: z.literal(1),
  /** Random id of this incarnation of the partition. */
  log: z.string().min(1).max(64),
  /** The first offset this log was ever read from. */
  start: z.number().int().nonnegative(),
  /** Id of the ClickHouse store that holds the log's rows. */
  store: z.string().min(1).max(64),
}

const intentSchema = z.object({
  ...fields,
  kind: z.literal('intent'),
  first: z.number().int().nonnegative(),
  last: z.number().int().nonnegative(),
  /** Records in the range; offsets may be missing (control records, compaction). */
  count: z.number().int().nonnegative(),
  crc: z.number().int().nonnegative(),
  /** Epoch milliseconds. */
  time: z.number().int().nonnegative(),
  revision: z.string().max(64),
  /** The range holds no records to read, for this reason; it is reported as one dead letter. */
  missing: z.enum(missingCodes).optional(),
})

/** All before the committed offset is finished; nothing is under way. */
const doneSchema = z.object({ ...fields, kind: z.literal('done') })

const markSchema = z.discriminatedUnion('kind', [intentSchema, doneSchema])

export type Intent = z.infer<typeof intentSchema>
export type Done = z.infer<typeof doneSchema>
export type Mark = z.infer<typeof markSchema>

export function encodeMark(mark: Mark): string {
  return JSON.stringify(mark)
}

/** null: not written by an engine (an operator's reset, another program). */
export function parseMark(metadata: string): Mark | null {
  try {
    const parsed = markSchema.safeParse(JSON.parse(metadata))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}
