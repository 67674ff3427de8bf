import fc from 'fast-check'
import { expect, test } from 'vitest'
import { apis } from './apis/list.ts'
import { parseRequest } from './request.ts'
import { FrameError } from './wire/reader.ts'
import { Writer } from './wire/writer.ts'

test('any bytes behind any header are a request or a frame error, and nothing else', () => {
  const versions = apis.flatMap(({ key, minVersion, maxVersion }) =>
    Array.from({ length: maxVersion - minVersion + 1 }, (_, index) => [key, minVersion + index]),
  )
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Mostly zeros and small numbers get further: they are counts, lengths and nulls.
    fc
      .array(fc.oneof(fc.constant(0), fc.nat(4), fc.constant(255)), { maxLength: 200 })
      .map((bytes) => Uint8Array.from(bytes)),
  )
  const counts = { requests: 0, refused: 0 }
  fc.assert(
    fc.property(fc.constantFrom(...versions), body, ([key = 0, version = 0], bytes) => {
      const head = new Writer().int16(key).int16(version).int32(7).nullableString('fuzz')
      const frame = Buffer.concat([...head.finish(), bytes])
      try {
        expect(parseRequest(frame).correlationId).toBe(7)
        counts.requests += 1
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
        counts.refused += 1
      }
    }),
    { numRuns: 5_000 },
  )
  expect(counts.requests).toBeGreaterThan(100)
  expect(counts.refused).toBeGreaterThan(100)
})

test('any bytes at all are a request or a frame error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        parseRequest(Buffer.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test('each API has a key and a name of its own', () => {
  expect(new Set(apis.map(({ key }) => key)).size).toBe(apis.length)
  expect(new Set(apis.map(({ name }) => name)).size).toBe(apis.length)
})
