/**
 * One batch of Kafka's log, from bytes to records.
 *
 *     RecordBatch => baseOffset: int64            0
 *                    batchLength: int32           8   counts what follows it
 *                    partitionLeaderEpoch: int32  12
 *                    magic: int8                  16
 *                    crc: uint32                  17  CRC-32C of all that follows it
 *                    attributes: int16            21  0-2 codec, 3 time type, 4 transactional, 5 control
 *                    lastOffsetDelta: int32       23
 *                    baseTimestamp: int64         27
 *                    maxTimestamp: int64          35
 *                    producerId: int64            43
 *                    producerEpoch: int16         51
 *                    baseSequence: int32          53
 *                    recordsCount: int32          57
 *                    [Record]                     61  compressed as a whole
 *     Record      => length: varint attributes: int8 timestampDelta: varint offsetDelta: varint
 *                    key: varint bytes; value: varint bytes (-1: null) [key: bytes value: bytes]
 *
 * Contract: all records of a batch or none. Nothing that a producer or a failing disk put there
 * throws anything but `Undecodable`, or takes more memory than the limit.
 */

import { crc32c } from '../../../core/crc32c.ts'
import { decompress } from './decompress.ts'
import { tooLarge, Undecodable } from './undecodable.ts'

const batchHeaderBytes = 61
const lengthEnd = 12
/** What a record takes in memory besides its bytes. */
const recordOverheadBytes = 256

export interface BatchHeader {
  readonly firstOffset: number
  readonly lastOffset: number
  /** Of the whole batch. */
  readonly bytes: number
  readonly isControl: boolean
  readonly isTransactional: boolean
  readonly producerId: string
}

export interface BatchRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: RecordHeaders
}

type HeaderValue = Buffer | string
export type RecordHeaders = Readonly<Record<string, HeaderValue | HeaderValue[] | undefined>>

export interface BatchRecords {
  readonly records: readonly BatchRecord[]
  /** What they take in memory. */
  readonly bytes: number
}

/** The header of the batch at `at`; null where the batch is not all there. */
export function readHeader(set: Buffer, at: number): BatchHeader | null {
  if (set.length < at + lengthEnd) return null
  const length = set.readInt32BE(at + 8)
  const bytes = lengthEnd + length
  // What follows the length of a message set of old is shorter than a header.
  if (length < 0 || set.length < at + bytes) return null
  const firstOffset = int64(set, at)
  const isCurrent = bytes >= batchHeaderBytes && set.readInt8(at + 16) === 2
  const attributes = isCurrent ? set.readInt16BE(at + 21) : 0
  const lastOffsetDelta = isCurrent ? Math.max(0, set.readInt32BE(at + 23)) : 0
  return {
    firstOffset,
    lastOffset: firstOffset + lastOffsetDelta,
    bytes,
    isControl: (attributes & 32) !== 0,
    isTransactional: (attributes & 16) !== 0,
    producerId: isCurrent ? set.readBigInt64BE(at + 43).toString() : '-1',
  }
}

/** The records of one whole batch. Throws `Undecodable`. */
export async function decodeBatch(batch: Buffer, bytesMax: number): Promise<BatchRecords> {
  const magic = batch.length < batchHeaderBytes ? -1 : batch.readInt8(16)
  if (magic !== 2) {
    const what = magic < 0 ? 'no record batch' : `a batch of format ${magic}`
    throw new Undecodable('batch-format', `${what}; only format 2 (Kafka 0.11 and later) is read`)
  }
  if (batch.readUInt32BE(17) !== crc32c(batch, 21)) {
    throw new Undecodable('batch-checksum', 'the batch’s checksum does not match its bytes')
  }
  const count = batch.readInt32BE(57)
  if (count < 0) throw corrupt(`the batch claims ${count} records`)
  if (count === 0) return { records: [], bytes: 0 }
  if (count * recordOverheadBytes > bytesMax) throw tooLarge(bytesMax)
  const codec = batch.readInt16BE(21) & 7
  const plain = await decompress(codec, batch.subarray(batchHeaderBytes), bytesMax)
  const bytes = plain.length + count * recordOverheadBytes
  if (bytes > bytesMax) throw tooLarge(bytesMax)
  return { records: readRecords(batch, plain, count), bytes }
}

function readRecords(batch: Buffer, plain: Buffer, count: number): BatchRecord[] {
  const firstOffset = int64(batch, 0)
  const baseTimestampMs = int64(batch, 27)
  const isAppendTime = (batch.readInt16BE(21) & 8) !== 0
  const appendTimeMs = int64(batch, 35)
  const lastDelta = batch.readInt32BE(23)
  const reader = new RecordReader(plain)
  const records: BatchRecord[] = []
  let previousDelta = -1
  for (let index = 0; index < count; index += 1) {
    const end = reader.begin()
    const timestampDelta = reader.varint()
    const delta = reader.varint()
    if (delta <= previousDelta || delta > lastDelta) throw corrupt('its offsets are out of order')
    previousDelta = delta
    const key = reader.bytes(end)
    const value = reader.bytes(end)
    const headers = reader.headers(end)
    const timestampMs = isAppendTime ? appendTimeMs : baseTimestampMs + timestampDelta
    records.push({ offset: firstOffset + delta, timestampMs, key, value, headers })
    reader.end(end)
  }
  if (!reader.isAtEnd()) throw corrupt('bytes are left behind its last record')
  return records
}

const noHeaders: RecordHeaders = Object.freeze({})

class RecordReader {
  readonly #plain: Buffer
  #at = 0

  constructor(plain: Buffer) {
    this.#plain = plain
  }

  isAtEnd(): boolean {
    return this.#at === this.#plain.length
  }

  /** Skips a record's length and attributes; returns where it ends. */
  begin(): number {
    const length = this.varint()
    const end = this.#at + length
    if (length < 1 || end > this.#plain.length) throw corrupt('a record ends outside of the batch')
    this.#at += 1
    return end
  }

  end(end: number): void {
    if (this.#at > end) throw corrupt('a record is longer than it claims')
    this.#at = end
  }

  /** Zigzag, at most 64 bits; beyond 2^53 not exact, which only times can be. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count += 1) {
      const byte = this.#plain[this.#at]
      if (byte === undefined) break
      this.#at += 1
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      scale *= 128
    }
    throw corrupt('a number does not end')
  }

  bytes(end: number): Buffer | null {
    const length = this.varint()
    if (length === -1) return null
    const start = this.#at
    if (length < -1 || start + length > end) throw corrupt('a field ends outside of its record')
    this.#at = start + length
    return this.#plain.subarray(start, start + length)
  }

  headers(end: number): RecordHeaders {
    const count = this.varint()
    if (count === 0) return noHeaders
    // A header takes two bytes or more.
    if (count < 0 || count * 2 > end - this.#at) throw corrupt('a record claims absurd headers')
    const headers = new Map<string, HeaderValue | HeaderValue[]>()
    for (let index = 0; index < count; index += 1) {
      const name = this.bytes(end)?.toString('utf8') ?? ''
      const value = this.bytes(end) ?? ''
      const held = headers.get(name)
      if (held === undefined) headers.set(name, value)
      else if (Array.isArray(held)) held.push(value)
      else headers.set(name, [held, value])
    }
    return Object.fromEntries(headers)
  }
}

function corrupt(what: string): Undecodable {
  return new Undecodable('batch-corrupt', `the batch cannot be read: ${what}`)
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
