import { z } from '@hono/zod-openapi'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cursor, isAfter, page } from './cursor.ts'

const key = z.tuple([z.number(), z.string()])
const parse = cursor('numbers', key)

test('pages laid end to end are the whole list, whatever their size', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(fc.integer(), fc.string()), { selector: String, maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      (rows, size) => {
        const sorted = rows.toSorted((a, b) => (isAfter(a, b) ? 1 : isAfter(b, a) ? -1 : 0))
        const read: (readonly [number, string])[] = []
        let after: readonly [number, string] | undefined
        do {
          const rest = sorted.filter((row) => after === undefined || isAfter(row, after))
          const cut = page('numbers', rest, size, (row) => row)
          expect(cut.data.length).toBeLessThanOrEqual(size)
          read.push(...cut.data)
          after = parse.parse(cut.next_cursor ?? undefined)
        } while (after !== undefined)
        expect(read).toEqual(sorted)
      },
    ),
  )
})

test('a cursor of another list, a broken one and a forged one are refused', () => {
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url')
  expect(parse.parse(encode(['numbers', [1, 'a']]))).toEqual([1, 'a'])
  for (const text of [
    encode(['tags', [1, 'a']]),
    encode(['numbers', ['1', 'a']]),
    encode(['numbers', [1]]),
    encode({ list: 'numbers' }),
    encode(null),
    'not base64!',
    '',
    'a'.repeat(3_000),
  ]) {
    expect(parse.safeParse(text).success, text).toBe(false)
  }
})
