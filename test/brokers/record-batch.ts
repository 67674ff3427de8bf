import { gzipSync } from 'node:zlib'
import { crc32c } from '../../core/crc32c.ts'

/** A record batch as a producer would encode it, or wrong in just one way. */
export interface BatchOptions {
  readonly values: readonly (string | Buffer)[]
  readonly timestampMs?: number
  /** Between one record and the next. */
  readonly stepMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isGzip?: boolean
  readonly magic?: number
  /** What the header claims, where it is not the truth. */
  readonly recordsCount?: number
  readonly lastOffsetDelta?: number
  /** Beside the codec: 8 append time, 16 transactional, 32 control; 5-7 codecs that do not exist. */
  readonly attributes?: number
}

export function encodeBatch(options: BatchOptions): Buffer {
  const { values, timestampMs = Date.now(), stepMs = 0, isGzip = false } = options
  const plain = Buffer.concat(values.map((value, index) => encodeRecord(value, index, stepMs)))
  const records = isGzip ? gzipSync(plain) : plain
  const header = Buffer.alloc(61)
  header.writeInt32BE(61 - 12 + records.length, 8)
  header.writeInt8(options.magic ?? 2, 16)
  header.writeInt16BE((isGzip ? 1 : 0) | (options.attributes ?? 0), 21)
  header.writeInt32BE(options.lastOffsetDelta ?? values.length - 1, 23)
  header.writeBigInt64BE(BigInt(timestampMs), 27)
  header.writeBigInt64BE(BigInt(timestampMs + stepMs * Math.max(0, values.length - 1)), 35)
  header.writeBigInt64BE(BigInt(options.producerId ?? -1), 43)
  header.writeInt16BE(options.producerEpoch ?? -1, 51)
  header.writeInt32BE(options.baseSequence ?? -1, 53)
  header.writeInt32BE(options.recordsCount ?? values.length, 57)
  const batch = Buffer.concat([header, records])
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  return batch
}

function encodeRecord(value: string | Buffer, index: number, stepMs: number): Buffer {
  const bytes = Buffer.from(value)
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(index * stepMs),
    varint(index),
    varint(-1),
    varint(bytes.length),
    bytes,
    varint(0),
  ])
  return Buffer.concat([varint(body.length), body])
}

/** Zigzag. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  return Buffer.from([...bytes, rest])
}
