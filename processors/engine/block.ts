/**
 * A block: a contiguous offset range of one partition, written at once or, after a crash, again
 * under the same tokens.
 *
 * Contract: `first` is the previous block's last + 1, whatever offset the first record has, so that
 * ranges leave no hole; the checksum covers every record in the range.
 */

import { crc32 } from 'node:zlib'
import type { LogRecord, TopicPartition } from '../../core/kafka.ts'

export interface Block {
  readonly topic: string
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly records: readonly LogRecord[]
}

/** Where its rows are. */
export interface BlockRange extends TopicPartition {
  readonly log: string
  readonly first: number
  readonly last: number
}

export interface BlockLimits {
  readonly recordsMax: number
  readonly bytesMax: number
}

/** How many of `records`, from `from` on, fit one block; at least one if there is any. */
export function countOfBlock(
  records: readonly LogRecord[],
  from: number,
  limits: BlockLimits,
): number {
  let bytes = 0
  let count = 0
  for (let index = from; index < records.length && count < limits.recordsMax; index += 1) {
    const record = records[index]
    bytes += (record?.value?.length ?? 0) + (record?.key?.length ?? 0)
    if (count > 0 && bytes > limits.bytesMax) break
    count += 1
  }
  return count
}

/**
 * CRC-32 over offset, key and value of every record; a null is told from an empty one. Why a damaged
 * batch could not be decoded does not count.
 */
export function checksum(records: readonly LogRecord[]): number {
  const head = Buffer.allocUnsafe(16)
  let crc = 0
  for (const { offset, key, value } of records) {
    head.writeDoubleLE(offset, 0)
    head.writeInt32LE(key === null ? -1 : key.length, 8)
    head.writeInt32LE(value === null ? -1 : value.length, 12)
    crc = crc32(head, crc)
    if (key !== null) crc = crc32(key, crc)
    if (value !== null) crc = crc32(value, crc)
  }
  return crc
}

/** What a block is called, whoever writes it. */
export function idOf(log: string, block: Omit<Block, 'records'>): string {
  return `${log}:${block.topic}:${block.partition}:${block.first}-${block.last}`
}

/** The deduplication token of one table's insert: the same for the same range, whoever writes it. */
export function tokenOf(log: string, block: Omit<Block, 'records'>, table: string): string {
  return `${idOf(log, block)}:${table}`
}
