import { gunzipSync } from 'node:zlib'
import { Reader } from '../wire/reader.ts'
import { type BatchHeader, batchHeaderBytes } from './record-batch.ts'

/**
 * Where in a batch the first record of at least a given time lies, for ListOffsets by timestamp.
 *
 *     Record => length: varint, attributes: int8, timestampDelta: varlong, offsetDelta: varint, …
 *
 * Uncompressed and gzip batches are read record by record. For the other codecs the answer is the
 * batch's first record: never too late, so a reader that starts there misses nothing.
 */
export interface RecordTime {
  readonly offset: number
  readonly timestampMs: number
}

/** A batch that unpacks to more is not unpacked. */
const unpackedBytesMax = 64 * 1024 * 1024

/** `batch` is whole and its CRC holds. null where no record from `startOffset` on is so late. */
export function findRecordTime(
  batch: Buffer,
  header: BatchHeader,
  timestampMs: number,
  startOffset: number,
): RecordTime | null {
  if (header.lastOffset < startOffset) return null
  const first = {
    offset: Math.max(header.baseOffset, startOffset),
    timestampMs: header.baseTimestampMs,
  }
  const records = unpack(batch.subarray(batchHeaderBytes), header.codec)
  if (records === null) return first
  try {
    const reader = new Reader(records)
    for (let index = 0; index < header.recordsCount; index += 1) {
      const length = readVarint(reader)
      const end = reader.remaining - length
      reader.int8()
      const recordMs = header.baseTimestampMs + readVarint(reader)
      const offset = header.baseOffset + readVarint(reader)
      if (recordMs >= timestampMs && offset >= startOffset) {
        return { offset, timestampMs: recordMs }
      }
      reader.skip(reader.remaining - end)
    }
    return null
  } catch {
    // The CRC holds, so it was the producer who wrote records that are none: its batch is opaque.
    return first
  }
}

function unpack(records: Buffer, codec: number): Buffer | null {
  if (codec === 0) return records
  if (codec !== 1) return null
  try {
    return gunzipSync(records, { maxOutputLength: unpackedBytesMax })
  } catch {
    return null
  }
}

/** Zigzag, up to 64 bits. */
function readVarint(reader: Reader): number {
  const value = reader.unsignedVarlong()
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
