import { Transform, type TransformCallback } from 'node:stream'
import { cityHash128 } from './city-hash.ts'

/**
 * ClickHouse's own framing of compressed data, which `compress=1` asks for and `decompress=1` sends:
 *
 *     checksum   16 bytes   CityHash128 of all that follows
 *     method      1 byte    0x82 LZ4, 0x02 none
 *     size        4 bytes   of method, sizes and data
 *     raw size    4 bytes
 *     data
 *
 * Blocks are written in LZ4's format but not made smaller: over loopback that would only cost time.
 */
const blockBytesMax = 1 << 20
const headerBytes = 9
/** A bound on what a hostile header can make us allocate. */
const rawBytesMax = 256 * 1024 * 1024

export function encodeBlocks(): Transform {
  let pending: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      for (; pending.length >= blockBytesMax; pending = pending.subarray(blockBytesMax)) {
        this.push(encodeBlock(pending.subarray(0, blockBytesMax)))
      }
      done()
    },
    flush(done: TransformCallback) {
      if (pending.length > 0) this.push(encodeBlock(pending))
      done()
    },
  })
}

export async function* decodeBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    for (;;) {
      const size = blockSize(pending)
      if (size === undefined || pending.length < size) break
      yield decodeBlock(pending.subarray(0, size))
      pending = pending.subarray(size)
    }
  }
  if (pending.length > 0) throw new Error('the last compressed block is cut off')
}

export function encodeBlock(raw: Buffer): Buffer {
  const data = literals(raw)
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(0x82, 0)
  header.writeUInt32LE(headerBytes + data.length, 1)
  header.writeUInt32LE(raw.length, 5)
  const block = Buffer.concat([header, data])
  return Buffer.concat([cityHash128(block), block])
}

/** Throws Error with the reason when a block is damaged or of another method. */
export function decodeBlock(framed: Buffer): Buffer {
  const block = framed.subarray(16)
  if (!cityHash128(block).equals(framed.subarray(0, 16))) {
    throw new Error('the checksum of a compressed block does not match its data')
  }
  const method = block.readUInt8(0)
  const data = block.subarray(headerBytes)
  if (method === 0x02) return data
  if (method !== 0x82) throw new Error(`compression method ${method} is not supported, only LZ4`)
  return expand(data, block.readUInt32LE(5))
}

function blockSize(pending: Buffer): number | undefined {
  if (pending.length < 16 + headerBytes) return undefined
  const size = pending.readUInt32LE(17)
  if (size < headerBytes || size > rawBytesMax || pending.readUInt32LE(21) > rawBytesMax) {
    throw new Error('the sizes of a compressed block make no sense')
  }
  return 16 + size
}

/** LZ4: a token whose high half is the count of literals (15 goes on in bytes of 255), the literals. */
function literals(raw: Buffer): Buffer {
  if (raw.length < 15) return Buffer.concat([Buffer.of(raw.length << 4), raw])
  const rest = raw.length - 15
  const count = Buffer.alloc(Math.floor(rest / 255) + 1, 255)
  count.writeUInt8(rest % 255, count.length - 1)
  return Buffer.concat([Buffer.of(0xf0), count, raw])
}

/**
 * LZ4 sequences: token, literals, then a match (2 bytes of distance, and a length of at least 4)
 * copied from what has been written. The last sequence ends after its literals.
 */
function expand(data: Buffer, rawBytes: number): Buffer {
  const raw = Buffer.alloc(rawBytes)
  let from = 0
  let to = 0
  const length = (nibble: number) => {
    let total = nibble
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; from += 1) {
      byte = data.readUInt8(from)
      total += byte
    }
    return total
  }
  while (from < data.length) {
    const token = data.readUInt8(from)
    from += 1
    const count = length(token >> 4)
    if (from + count > data.length || to + count > rawBytes) throw damaged()
    data.copy(raw, to, from, from + count)
    from += count
    to += count
    if (from === data.length) break
    const distance = data.readUInt16LE(from)
    from += 2
    const matched = length(token & 15) + 4
    if (distance === 0 || distance > to || to + matched > rawBytes) throw damaged()
    // Byte by byte: a match may reach into what it is writing.
    for (const end = to + matched; to < end; to += 1)
      raw.writeUInt8(raw.readUInt8(to - distance), to)
  }
  if (to !== rawBytes) throw damaged()
  return raw
}

function damaged(): Error {
  return new Error('a compressed block cannot be expanded')
}
