import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../core/log.ts'
import { Partition, type PartitionLimits } from '../dev/kafka/log/partition.ts'
import { parseBatch } from '../dev/kafka/log/record-batch.ts'
import { encodeBatch } from './brokers/record-batch.ts'

const limits: PartitionLimits = {
  segmentBytes: 500,
  messageBytesMax: 100_000,
  retentionMs: Number.POSITIVE_INFINITY,
  retentionBytes: Number.POSITIVE_INFINITY,
  timestampAheadMsMax: 1_000,
}
const nowMs = 1_700_000_000_000

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'partition-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('every offset is read back from its segment, and after a restart as well', () => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(400)), { maxLength: 25 })
  fc.assert(
    fc.property(sizes, fc.nat(2_000), (batches, bytesMax) => {
      const own = mkdtempSync(join(folder, 'p-'))
      let partition = new Partition(own, 0, limits, silentLog)
      let end = 0
      for (const [count, size] of batches) {
        expect(append(partition, count, size)).toBe(end)
        end += count
      }
      for (let round = 0; round < 2; round += 1) {
        expect([partition.startOffset, partition.endOffset]).toEqual([0, end])
        for (let offset = 0; offset < end; offset += 1) expectRead(partition, offset, bytesMax)
        expect(partition.read(end, bytesMax, true)?.length).toBe(0)
        expect(partition.read(end + 1, bytesMax, true)).toBeNull()
        partition.close()
        partition = new Partition(own, 0, limits, silentLog)
      }
      partition.close()
    }),
    { numRuns: 30 },
  )
})

test('a tail torn at any byte is cut, and the log goes on behind the last whole batch', () => {
  const wide = { ...limits, segmentBytes: 1_000_000 }
  const whole = new Partition(join(folder, 'whole'), 0, wide, silentLog)
  const batchBytes = [1, 2, 3].map((count) => {
    append(whole, count, 20)
    return fileBytes(join(folder, 'whole'))
  })
  whole.close()
  const [one = 0, two = 0, three = 0] = batchBytes
  for (let bytes = 0; bytes <= three; bytes += 1) {
    const own = mkdtempSync(join(folder, 'torn-'))
    copyFileSync(onlyFile(join(folder, 'whole')), join(own, '00000000000000000000.log'))
    truncateSync(onlyFile(own), bytes)
    const torn = new Partition(own, 0, wide, silentLog)
    const end = bytes < one ? 0 : bytes < two ? 1 : bytes < three ? 3 : 6
    expect(torn.endOffset).toBe(end)
    expect(append(torn, 1, 10)).toBe(end)
    expectRead(torn, end, 1_000)
    torn.close()
  }
})

test('bytes that are no batch are cut from the tail', () => {
  const partition = new Partition(folder, 0, limits, silentLog)
  append(partition, 2, 10)
  partition.close()
  const file = onlyFile(folder)
  writeFileSync(file, Buffer.alloc(300, 0xff), { flag: 'a' })
  const again = new Partition(folder, 0, limits, silentLog)
  expect(again.endOffset).toBe(2)
  again.close()
})

test('a record is found by time in every segment, and never before the start', () => {
  const partition = new Partition(folder, 0, limits, silentLog)
  for (let index = 0; index < 40; index += 1) {
    partition.append(
      encodeBatch({ values: ['a', 'b'], timestampMs: nowMs + 100 * index, stepMs: 10 }),
      nowMs + 10_000,
    )
  }
  expect(partition.findTime(0)).toEqual({ offset: 0, timestampMs: nowMs })
  for (let index = 0; index < 40; index += 1) {
    const timestampMs = nowMs + 100 * index
    expect(partition.findTime(timestampMs)).toEqual({ offset: 2 * index, timestampMs })
    expect(partition.findTime(timestampMs + 1)).toEqual({
      offset: 2 * index + 1,
      timestampMs: timestampMs + 10,
    })
  }
  expect(partition.findTime(nowMs + 4_000)).toBeNull()
  partition.deleteBefore(31)
  expect(partition.findTime(0)).toEqual({ offset: 31, timestampMs: nowMs + 1_510 })
  partition.close()
})

test('old segments go by size, and the end offset is kept', () => {
  const few = { ...limits, retentionBytes: 1_000 }
  const partition = new Partition(folder, 0, few, silentLog)
  for (let index = 0; index < 50; index += 1) append(partition, 1, 50)
  partition.enforceRetention(nowMs)
  expect(partition.startOffset).toBeGreaterThan(30)
  expect(partition.startOffset).toBeLessThan(47)
  expect(partition.read(partition.startOffset - 1, 1_000, true)).toBeNull()
  expectRead(partition, partition.startOffset, 1_000)
  partition.close()
  const again = new Partition(folder, 0, few, silentLog)
  expect([again.startOffset, again.endOffset]).toEqual([partition.startOffset, 50])
  again.close()
})

test('old records go by time, all of them too, and the end offset is kept', () => {
  const brief = { ...limits, retentionMs: 1_000 }
  const partition = new Partition(folder, 0, brief, silentLog)
  for (let index = 0; index < 20; index += 1) append(partition, 1, 50)
  partition.enforceRetention(nowMs + 500)
  expect(partition.startOffset).toBe(0)
  partition.enforceRetention(nowMs + 1_500)
  expect([partition.startOffset, partition.endOffset]).toEqual([20, 20])
  partition.close()
  const again = new Partition(folder, 0, brief, silentLog)
  expect([again.startOffset, again.endOffset]).toEqual([20, 20])
  expect(append(again, 1, 5)).toBe(20)
  again.close()
})

test('a producer is remembered from segments that are sealed, and not forgotten for newer ones', () => {
  const batchOf = (producerId: number, baseSequence: number) =>
    encodeBatch({
      values: ['x'.repeat(300)],
      timestampMs: nowMs,
      producerId,
      producerEpoch: 0,
      baseSequence,
    })
  const first = new Partition(folder, 0, limits, silentLog)
  first.append(batchOf(1, 0), nowMs)
  first.append(batchOf(1, 1), nowMs)
  for (let sequence = 0; sequence < 5; sequence += 1) first.append(batchOf(2, sequence), nowMs)
  first.close()
  const again = new Partition(folder, 0, limits, silentLog)
  expect(again.append(batchOf(1, 1), nowMs)).toEqual({ error: 'NONE', baseOffset: 1 })
  expect(again.append(batchOf(1, 3), nowMs).error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(again.append(batchOf(1, 2), nowMs)).toEqual({ error: 'NONE', baseOffset: 7 })
  again.close()
})

test('a listener hears of every batch, and of the end', () => {
  const partition = new Partition(folder, 0, limits, silentLog)
  const heard: number[] = []
  const release = partition.onAppend((bytes) => heard.push(bytes))
  append(partition, 1, 0)
  append(partition, 1, 5)
  partition.close()
  release()
  expect(heard.length).toBe(3)
  expect(heard[1]).toBe((heard[0] ?? 0) + 5)
  expect(heard[2]).toBe(Number.POSITIVE_INFINITY)
})

test('a read within a segment of many small batches starts where it should', () => {
  const wide = { ...limits, segmentBytes: 10_000_000 }
  const partition = new Partition(folder, 0, wide, silentLog)
  for (let index = 0; index < 1_000; index += 1) append(partition, 1, 40)
  append(partition, 1, 90_000)
  append(partition, 1, 40)
  for (const offset of [0, 1, 299, 300, 301, 555, 999, 1_000, 1_001]) {
    expectRead(partition, offset, 5_000)
    expectRead(partition, offset, 0)
  }
  expect(partition.read(1_000, 100, false)?.length).toBe(0)
  partition.close()
})

function append(partition: Partition, count: number, size: number): number {
  const values = new Array<string>(count).fill('x'.repeat(size))
  const appended = partition.append(encodeBatch({ values, timestampMs: nowMs }), nowMs)
  if (appended.error !== 'NONE') throw new Error(appended.reason)
  return appended.baseOffset
}

/** Whole batches in order without a gap, the first of which holds `offset`. */
function expectRead(partition: Partition, offset: number, bytesMax: number): void {
  const bytes = partition.read(offset, bytesMax, true) ?? Buffer.alloc(0)
  const first = parseBatch(bytes)
  expect(first?.baseOffset).toBeLessThanOrEqual(offset)
  expect(first?.lastOffset).toBeGreaterThanOrEqual(offset)
  let next = first?.baseOffset
  for (let at = 0; at < bytes.length; ) {
    const header = parseBatch(bytes, at)
    expect(header?.baseOffset).toBe(next)
    next = (header?.lastOffset ?? 0) + 1
    at += header?.bytes ?? bytes.length
  }
  if (bytes.length > bytesMax) expect(bytes.length).toBe(first?.bytes)
}

function onlyFile(path: string): string {
  const [name = ''] = readdirSync(path).filter((file) => file.endsWith('.log'))
  return join(path, name)
}

function fileBytes(path: string): number {
  const partition = new Partition(path, 0, { ...limits, segmentBytes: 1_000_000 }, silentLog)
  const bytes = partition.read(0, 1_000_000, true)?.length ?? 0
  partition.close()
  return bytes
}
