import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Row } from '../../schemas/table.ts'
import { encodeRows } from './row-binary.ts'

test('a text is its length in UTF-8 and its bytes, whatever is in it and however long it is', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: fc.constantFrom('a', '\u007f', '\u0080', '\0', '€', '𝄞'), maxLength: 400 }),
    fc.integer({ min: 0, max: 20_000 }).map((length) => 'x'.repeat(length)),
  )
  fc.assert(
    fc.property(text, (dropped) => {
      const bytes = Buffer.from(dropped, 'utf8')
      const tail = Buffer.concat([varint(bytes.length), bytes])
      const encoded = encodeRows('ingest_progress', [row(''), row(dropped)])
      const empty = encodeRows('ingest_progress', [row('')])
      expect(encoded.length).toBe(empty.length * 2 - 1 + tail.length)
      expect(encoded.subarray(-tail.length).equals(tail)).toBe(true)
      expect(encoded.subarray(0, empty.length).equals(empty)).toBe(true)
    }),
  )
})

function row(dropped: string): Row<'ingest_progress'> {
  const at = { log: 'log', topic: 't', partition: 0, offset: 1, ingest_time: 2, last_offset: 3 }
  const counts = { records: 1, events: 1, dead_letters: 0, deletions: 0, tags: 0 }
  return { ...at, ...counts, store: 's', revision: 'r', crc: 4, dropped }
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}
