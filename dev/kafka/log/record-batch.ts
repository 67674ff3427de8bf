/**
 * The header of a record batch, magic 2. The broker looks at nothing behind it: records stay as the
 * producer encoded and compressed them.
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
 *                    records                      61
 *
 * Base offset and leader epoch lie before what the CRC covers, so the broker can set them.
 */
import { crc32c } from '../../../core/crc32c.ts'

export const batchHeaderBytes = 61
const lengthEnd = 12
const crcStart = 17
const crcEnd = 21

export interface BatchHeader {
  readonly baseOffset: number
  readonly lastOffset: number
  /** Of the whole batch, from its base offset to its last record. */
  readonly bytes: number
  readonly codec: number
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  /** -1 without idempotence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordsCount: number
}

/** The magic byte of the batch or message set at `at`; -1 where too few bytes are there. */
export function magicOf(bytes: Buffer, at = 0): number {
  return bytes.length >= at + crcStart ? bytes.readInt8(at + 16) : -1
}

/** The bytes of the batch at `at` by its length field alone; 0 where that is not there or absurd. */
export function batchBytes(bytes: Buffer, at: number): number {
  if (bytes.length < at + lengthEnd) return 0
  const length = bytes.readInt32BE(at + 8)
  return length < batchHeaderBytes - lengthEnd ? 0 : length + lengthEnd
}

export function baseOffsetOf(bytes: Buffer, at: number): number {
  return int64(bytes, at)
}

/** The last offset of the batch at `at`, whose header must be all there. */
export function lastOffsetOf(bytes: Buffer, at: number): number {
  return int64(bytes, at) + bytes.readInt32BE(at + 23)
}

/**
 * The header of the batch at `at`; null where there is no whole batch of magic 2 whose CRC holds.
 */
export function parseBatch(bytes: Buffer, at = 0): BatchHeader | null {
  const length = batchBytes(bytes, at)
  if (length === 0 || bytes.length < at + length || magicOf(bytes, at) !== 2) return null
  if (bytes.readUInt32BE(at + crcStart) !== crc32c(bytes, at + crcEnd, at + length)) return null
  const attributes = bytes.readInt16BE(at + 21)
  return {
    baseOffset: int64(bytes, at),
    lastOffset: lastOffsetOf(bytes, at),
    bytes: length,
    codec: attributes & 7,
    isTransactional: (attributes & 16) !== 0,
    isControl: (attributes & 32) !== 0,
    baseTimestampMs: int64(bytes, at + 27),
    maxTimestampMs: int64(bytes, at + 35),
    producerId: int64(bytes, at + 43),
    producerEpoch: bytes.readInt16BE(at + 51),
    baseSequence: bytes.readInt32BE(at + 53),
    recordsCount: bytes.readInt32BE(at + 57),
  }
}

/** Gives a produced batch its place in the log. */
export function placeBatch(batch: Buffer, baseOffset: number, leaderEpoch: number): void {
  batch.writeInt32BE(Math.floor(baseOffset / 0x1_0000_0000), 0)
  batch.writeUInt32BE(baseOffset >>> 0, 4)
  batch.writeInt32BE(leaderEpoch, 12)
}

function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}
