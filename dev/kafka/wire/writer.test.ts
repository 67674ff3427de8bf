import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

test('what is written is read back', () => {
  const values = fc.record({
    int8: fc.integer({ min: -128, max: 127 }),
    int16: fc.integer({ min: -32_768, max: 32_767 }),
    int32: fc.integer(),
    int64: fc.maxSafeInteger(),
    varint: fc.nat(),
    text: fc.option(fc.string({ unit: 'grapheme', maxLength: 300 })),
    bytes: fc.uint8Array({ maxLength: 3_000 }),
    items: fc.array(fc.integer()),
  })
  fc.assert(
    fc.property(values, ({ int8, int16, int32, int64, varint, text, bytes, items }) => {
      const writer = new Writer().int8(int8).int16(int16).int32(int32).int64(int64)
      writer.unsignedVarint(varint).nullableString(text).bytes(bytes)
      writer.array(items, (item) => writer.int32(item)).boolean(true)
      const reader = new Reader(Buffer.concat(writer.finish()))
      expect([reader.int8(), reader.int16(), reader.int32(), reader.int64()]).toEqual([
        int8,
        int16,
        int32,
        int64,
      ])
      expect(reader.unsignedVarint()).toBe(varint)
      expect(reader.nullableString()).toBe(text)
      expect([...reader.bytes()]).toEqual([...bytes])
      expect(reader.array(() => reader.int32())).toEqual(items)
      expect(reader.boolean()).toBe(true)
      expect(reader.remaining).toBe(0)
    }),
  )
})
