import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogRecord } from '../../core/kafka.ts'
import { checksum, countOfBlock, tokenOf } from './block.ts'
import { encodeMark, type Intent, parseMark } from './intent.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: null })
const record = fc.record({ offset: fc.nat(), timestampMs: fc.nat(), key: bytes, value: bytes })

function recordOf(offset: number, value: string | null, key: string | null = null): LogRecord {
  const encode = (text: string | null) => (text === null ? null : Buffer.from(text))
  return { offset, timestampMs: 0, key: encode(key), value: encode(value) }
}

test('cutting again and again covers every record once, within the limits', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 60 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 100 }),
      (records, recordsMax, bytesMax) => {
        let from = 0
        while (from < records.length) {
          const count = countOfBlock(records, from, { recordsMax, bytesMax })
          expect(count).toBeGreaterThan(0)
          expect(count).toBeLessThanOrEqual(recordsMax)
          from += count
        }
        expect(from).toBe(records.length)
      },
    ),
  )
})

test('the checksum tells null from empty, key from value, and one offset from another', () => {
  const sums = [
    [recordOf(1, null)],
    [recordOf(1, '')],
    [recordOf(2, '')],
    [recordOf(1, 'a')],
    [recordOf(1, null, 'a')],
    [recordOf(1, 'ab')],
    [recordOf(1, 'a'), recordOf(2, 'b')],
    [recordOf(1, 'a', 'b')],
    [],
  ].map(checksum)
  expect(new Set(sums).size).toBe(sums.length)
})

test('a token names log, range and table', () => {
  const block = { topic: 't', partition: 3, first: 10, last: 19 }
  expect(tokenOf('log-1', block, 'tags')).toBe('log-1:t:3:10-19:tags')
})

test('an intent comes back from metadata as it went in, well under Kafka’s 4,096 bytes', () => {
  const intent: Intent = {
    v: 1,
    kind: 'intent',
    log: '7f3c2d6a-0000-4000-8000-000000000000',
    start: 0,
    store: '7f3c2d6a-0000-4000-8000-000000000001',
    first: 9_007_199_254_740_000,
    last: 9_007_199_254_740_991,
    count: 50_000,
    crc: 4_294_967_295,
    time: 4_102_444_800_000,
    revision: 'f'.repeat(64),
  }
  const metadata = encodeMark(intent)
  expect(parseMark(metadata)).toEqual(intent)
  expect(metadata.length).toBeLessThan(600)
})

test.each(['', 'x', 'null', '{}', '{"v":2,"kind":"done"}', '[1]'])(
  'metadata %j was not written by an engine',
  (metadata) => {
    expect(parseMark(metadata)).toBeNull()
  },
)
