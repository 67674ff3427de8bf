import { z } from '@hono/zod-openapi'

/**
 * Where the next page begins: the sort key of the last row of this one, with the name of its list so
 * that a cursor of another list is refused. Opaque to clients, but no secret and not signed: it can
 * say nothing that a filter could not.
 */

type Key = readonly (string | number)[]

const cursorLengthMax = 2_000
const mistake = 'give the `next_cursor` of a page of this very list'

/** A `cursor` parameter that comes out as the key of the row after which to go on. */
export function cursor<Schema extends z.ZodType<Key>>(list: string, key: Schema) {
  return z
    .string()
    .max(cursorLengthMax, mistake)
    .transform((text, context): z.output<Schema> => {
      const named = z.tuple([z.literal(list), z.unknown()]).safeParse(decode(text))
      const parsed = key.safeParse(named.data?.[1])
      if (parsed.success) return parsed.data
      context.addIssue({ code: 'custom', message: mistake })
      return z.NEVER
    })
    .optional()
    .openapi({
      type: 'string',
      description: '`next_cursor` of the page before. Default: the first page.',
    })
}

export const nextCursor = z
  .string()
  .nullable()
  .openapi({ description: 'Send it as `cursor` for the next page; null on the last.' })

export interface Page<Item> {
  readonly data: Item[]
  readonly next_cursor: string | null
}

/**
 * Cuts a page from `limit + 1` sorted rows, or from all of them: `rows` begin after the cursor.
 */
export function page<Item>(
  list: string,
  rows: readonly Item[],
  limit: number,
  keyOf: (row: Item) => Key,
): Page<Item> {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { data, next_cursor: hasMore ? encode([list, keyOf(last)]) : null }
}

/** Keys compare member by member, numbers by size and text by code unit. */
export function isAfter(key: Key, other: Key): boolean {
  for (const [index, member] of key.entries()) {
    const against = other[index]
    if (against === undefined || member === against) continue
    return member > against
  }
  return false
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url')
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
