/**
 * The LZ4 frame format, as every Kafka client writes it. Its checksums are not looked at: the batch
 * has one of its own over all of this.
 *
 *     Frame    => magic: uint32 0x184D2204 flags: byte blockSize: byte
 *                 contentSize: uint64 (flag 8) dictionary: uint32 (flag 1) headerChecksum: byte
 *                 [size: uint32 (bit 31: not compressed) Block checksum: uint32 (flag 16)]
 *                 0: uint32 contentChecksum: uint32 (flag 4)
 *     Block    => [Sequence]
 *     Sequence => token: byte (literals: 4 bits, match - 4: 4 bits; 15: and further bytes)
 *                 literals offset: uint16 ; the last sequence ends with its literals
 *
 * Integers are little-endian. Blocks may refer to those before them, so all share one output.
 */

import { LzOutput, truncated } from './lz-output.ts'
import { Undecodable } from './undecodable.ts'

const magic = 0x184d2204
const contentChecksumFlag = 4
const contentSizeFlag = 8
const blockChecksumFlag = 16
const dictionaryFlag = 1
const matchBytesMin = 4

/** Throws `Undecodable` for what is not LZ4, and as soon as more than `bytesMax` would come out. */
export function decompressLz4(input: Buffer, bytesMax: number): Buffer {
  const output = new LzOutput(bytesMax, input.length * 4)
  for (let at = 0; at < input.length; ) at = readFrame(input, at, output)
  return output.finish()
}

/** Resolves to where the frame ends. */
function readFrame(input: Buffer, start: number, output: LzOutput): number {
  if (start + 7 > input.length) throw truncated()
  const flags = input[start + 4] ?? 0
  if (input.readUInt32LE(start) !== magic || flags >>> 6 !== 1) {
    throw new Undecodable('batch-corrupt', 'not an LZ4 frame')
  }
  if ((flags & dictionaryFlag) !== 0) {
    throw new Undecodable('batch-corrupt', 'an LZ4 frame needs a dictionary')
  }
  let at = start + 7 + ((flags & contentSizeFlag) === 0 ? 0 : 8)
  for (;;) {
    if (at + 4 > input.length) throw truncated()
    const field = input.readUInt32LE(at)
    at += 4
    if (field === 0) break
    const end = at + (field & 0x7fff_ffff)
    if (end > input.length) throw truncated()
    if (field > 0x7fff_ffff) output.literal(input, at, end)
    else readBlock(input.subarray(at, end), output)
    at = end + ((flags & blockChecksumFlag) === 0 ? 0 : 4)
  }
  return at + ((flags & contentChecksumFlag) === 0 ? 0 : 4)
}

function readBlock(block: Buffer, output: LzOutput): void {
  let at = 0
  while (at < block.length) {
    const token = block[at] ?? 0
    at += 1
    let literals = token >>> 4
    if (literals === 15) {
      const more = readLength(block, at)
      literals += more.length
      at = more.end
    }
    output.literal(block, at, at + literals)
    at += literals
    if (at === block.length) return
    if (at + 2 > block.length) throw truncated()
    const distance = block.readUInt16LE(at)
    at += 2
    let length = (token & 15) + matchBytesMin
    if ((token & 15) === 15) {
      const more = readLength(block, at)
      length += more.length
      at = more.end
    }
    output.match(distance, length)
  }
}

/** Bytes that are added up until one is not 255. */
function readLength(block: Buffer, start: number): { length: number; end: number } {
  let length = 0
  for (let at = start; at < block.length; at += 1) {
    const byte = block[at] ?? 0
    length += byte
    if (byte < 255) return { length, end: at + 1 }
  }
  throw truncated()
}
