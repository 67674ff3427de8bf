import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { budgetOf, decodeRecordSet } from '../processors/engine/wire/record-set.ts'
import { DamagedRange, EndOfSet, type SetEntry } from '../processors/engine/wire/set-entry.ts'
import { encodeBatch } from './brokers/record-batch.ts'

const batchBytesMax = 1 << 20

test('records come out with their offsets, times, keys, values and headers', async () => {
  const values = ['a', 'b', 'c']
  const entries = await decode(batchAt(100, { values, timestampMs: 5_000, stepMs: 7 }))
  const records = entries.flatMap((entry) => entry.records)
  expect(records).toMatchObject([
    { offset: 100, timestampMs: 5_000, key: null, value: Buffer.from('a'), headers: {} },
    { offset: 101, timestampMs: 5_007, value: Buffer.from('b') },
    { offset: 102, timestampMs: 5_014, value: Buffer.from('c') },
  ])
})

test('a batch is one message; beside a transaction every record is one', async () => {
  const plain = batchAt(0, { values: ['a', 'b'] })
  const transactional = batchAt(2, { values: ['c', 'd'], attributes: 0x10 })
  const alone = await decode(Buffer.concat([plain, plain]))
  expect(alone.map(({ offset }) => offset)).toEqual(['1', '1'])
  const mixed = await decode(Buffer.concat([plain, transactional]))
  const ofTransaction = mixed.map(({ offset, batchContext }) => [
    offset,
    batchContext.inTransaction,
  ])
  expect(ofTransaction).toEqual([
    ['0', false],
    ['1', false],
    ['2', true],
    ['3', true],
    // How far the set reaches.
    ['3', false],
  ])
})

test('a batch cut off at the end of the set is left for the next fetch', async () => {
  const set = Buffer.concat([batchAt(0, { values: ['a'] }), batchAt(1, { values: ['b'] })])
  for (let cut = 1; cut < 70; cut += 1) {
    const entries = await decode(set.subarray(0, set.length - cut))
    expect(entries.map(({ offset }) => offset)).toEqual(['0'])
  }
})

test('of more small records than memory is for, the first batches are decoded', async () => {
  const batches = Array.from({ length: 30 }, (_, index) =>
    batchAt(index * 3_000, { values: Array.from({ length: 3_000 }, () => 'a') }),
  )
  const set = Buffer.concat(batches)
  const budget = budgetOf(64 << 20)
  const entries = await decodeRecordSet(set, budget)
  expect(entries.flatMap(({ records }) => records)).toHaveLength(42_000)
  expect(entries.at(-1)).toMatchObject({ offset: '41999' })
  // Another partition of the same answer is left for the next fetch.
  expect(await decodeRecordSet(set, budget)).toEqual([])
})

test('one changed bit anywhere behind the length makes the batch a damaged range', async () => {
  const good = batchAt(10, { values: ['first', 'second'] })
  const next = batchAt(12, { values: ['third'] })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 17 * 8, max: good.length * 8 - 1 }), async (bit) => {
      const bad = Buffer.from(good)
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const [damaged, after, ...rest] = await decode(Buffer.concat([bad, next]))
      expect(damaged).toBeInstanceOf(DamagedRange)
      expect(damaged).toMatchObject({ offset: '11', value: null, damage: { first: 10 } })
      expect(after).toMatchObject({ offset: '12' })
      expect(rest).toEqual([])
    }),
  )
})

test('bytes that look like batches do not become ranges of their own', async () => {
  const bad = batchAt(10, { values: ['x'.repeat(500)] })
  // Cut short by its own length field: what follows is read as a header, and is none.
  bad.writeInt32BE(40, 8)
  const entries = await decode(Buffer.concat([bad, batchAt(11, { values: ['next'] })]))
  expect(entries.map(({ offset }) => offset)).toEqual(['10'])
})

test('whatever the bytes are, it answers', async () => {
  const base = batchAt(10, { values: ['first', 'second'], isGzip: true })
  const changed = fc
    .array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 })
    .map((changes) => {
      const bytes = Buffer.from(base)
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
  const anything = fc.oneof(changed, fc.uint8Array({ maxLength: 200 }).map(Buffer.from))
  await fc.assert(fc.asyncProperty(anything, async (set) => void (await decode(set))))
})

test('what a batch claims of itself is not believed', async () => {
  const claims = [
    { values: ['a'], recordsCount: 2 },
    { values: ['a', 'b'], recordsCount: 1 },
    { values: ['a'], recordsCount: -5 },
    { values: ['a'], recordsCount: 2_147_483_647 },
  ]
  for (const claim of claims) {
    const [entry] = await decode(batchAt(3, claim))
    expect(entry).toBeInstanceOf(DamagedRange)
  }
})

test('a bomb is passed and spends the answer’s budget, so that the next fetch goes on behind it', async () => {
  const bomb = batchAt(0, { values: [Buffer.alloc(2 * batchBytesMax)], isGzip: true })
  const set = Buffer.concat([bomb, batchAt(1, { values: ['after'] })])
  const budget = budgetOf(batchBytesMax)
  const entries = await decodeRecordSet(set, budget)
  expect(entries).toHaveLength(1)
  expect(entries[0]).toMatchObject({ offset: '0', damage: { code: 'batch-too-large' } })
  expect(await decodeRecordSet(set, budget)).toEqual([])
})

test('more small records than memory for them are too large', async () => {
  const values = Array.from({ length: 5_000 }, () => '')
  expect((await decode(batchAt(0, { values })))[0]).toMatchObject({
    offset: '4999',
    damage: { code: 'batch-too-large', first: 0 },
  })
})

test('message sets of before 0.11 are told by their format', async () => {
  const [entry] = await decode(batchAt(4, { values: ['a'], magic: 1 }))
  expect(entry).toMatchObject({ offset: '4', damage: { code: 'batch-format' } })
})

test('a length that cannot be ends the set with a damaged range', async () => {
  const set = batchAt(4, { values: ['a'] })
  set.writeInt32BE(-1, 8)
  expect((await decode(set))[0]).toMatchObject({ offset: '4', damage: { code: 'batch-format' } })
})

test('a set that ends in control records says how far it reaches', async () => {
  const data = batchAt(0, { values: ['a', 'b'] })
  const control = batchAt(2, { values: ['marker'], attributes: 0x30 })
  const entries = await decode(Buffer.concat([data, control]))
  expect(entries.map(({ isControlRecord }) => isControlRecord)).toEqual([false, false, true, false])
  expect(entries.at(-1)).toBeInstanceOf(EndOfSet)
  expect(entries.at(-1)).toMatchObject({ offset: '2', value: null })
})

test('a batch that compaction has emptied says how far it reaches', async () => {
  const empty = batchAt(7, { values: [], lastOffsetDelta: 4 })
  const entries = await decode(empty)
  expect(entries).toHaveLength(1)
  expect(entries[0]).toBeInstanceOf(EndOfSet)
  expect(entries[0]).toMatchObject({ offset: '11' })
})

test('a gzip batch decodes as a plain one does', async () => {
  const values = Array.from({ length: 500 }, (_, n) => `{"n":${n}}`)
  const plain = await decode(batchAt(0, { values, timestampMs: 1 }))
  const packed = await decode(batchAt(0, { values, timestampMs: 1, isGzip: true }))
  expect(gzipSync(values.join('')).length).toBeLessThan(values.join('').length)
  expect(packed.map(({ records }) => records)).toEqual(plain.map(({ records }) => records))
})

function decode(set: Buffer): Promise<SetEntry[]> {
  return decodeRecordSet(set, budgetOf(batchBytesMax))
}

function batchAt(offset: number, options: Parameters<typeof encodeBatch>[0]): Buffer {
  const batch = encodeBatch(options)
  batch.writeBigInt64BE(BigInt(offset), 0)
  return batch
}
