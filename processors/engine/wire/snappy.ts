/**
 * Snappy, bare as librdkafka writes it or in the framing of xerial's library, which Java writes.
 *
 *     Framed  => 0x82 'SNAPPY' 0x00 version: int32 compatible: int32 [length: int32 Block]
 *     Block   => uncompressedLength: varint [Element]
 *     Element => tag: byte; its low two bits say which
 *                00  literal: length - 1 in the upper six bits, 60-63: in the next 1-4 bytes
 *                01  copy: length - 4 in bits 2-4, offset in bits 5-7 and the next byte
 *                10  copy: length - 1 in the upper six bits, offset in the next 2 bytes
 *                11  copy: the same with 4 bytes of offset
 */

import { LzOutput, truncated } from './lz-output.ts'
import { tooLarge, Undecodable } from './undecodable.ts'

const framing = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const framingHeaderBytes = 16

/** Throws `Undecodable` for what is not Snappy, and as soon as more than `bytesMax` would come out. */
export function decompressSnappy(input: Buffer, bytesMax: number): Buffer {
  if (!input.subarray(0, framing.length).equals(framing)) {
    const output = new LzOutput(bytesMax, expandBytes(input.length))
    readBlock(input, output, bytesMax)
    return output.finish()
  }
  const output = new LzOutput(bytesMax, expandBytes(input.length))
  for (let at = framingHeaderBytes; at < input.length; ) {
    if (at + 4 > input.length) throw truncated()
    const end = at + 4 + input.readInt32BE(at)
    if (end < at + 4 || end > input.length) throw truncated()
    readBlock(input.subarray(at + 4, end), output, bytesMax)
    at = end
  }
  return output.finish()
}

/** A first guess: JSON shrinks to a quarter or less. */
function expandBytes(inputBytes: number): number {
  return inputBytes * 4
}

function readBlock(block: Buffer, output: LzOutput, bytesMax: number): void {
  const claim = readLength(block)
  const expected = output.length + claim.length
  if (expected > bytesMax) throw tooLarge(bytesMax)
  let at = claim.end
  while (at < block.length) {
    const tag = block[at] ?? 0
    at = (tag & 3) === 0 ? readLiteral(block, at, output) : readCopy(block, at, tag, output)
    if (output.length > expected) break
  }
  if (output.length !== expected) {
    throw new Undecodable('batch-corrupt', 'a Snappy block has another length than it claims')
  }
}

function readLiteral(block: Buffer, at: number, output: LzOutput): number {
  const short = (block[at] ?? 0) >>> 2
  const more = Math.max(0, short - 59)
  const start = at + 1 + more
  if (start > block.length) throw truncated()
  const length = more === 0 ? short : block.readUIntLE(at + 1, more)
  output.literal(block, start, start + length + 1)
  return start + length + 1
}

function readCopy(block: Buffer, at: number, tag: number, output: LzOutput): number {
  const kind = tag & 3
  const next = at + 1 + (kind === 3 ? 4 : kind)
  if (next > block.length) throw truncated()
  if (kind === 1) {
    output.match(((tag >>> 5) << 8) | (block[at + 1] ?? 0), ((tag >>> 2) & 7) + 4)
  } else {
    output.match(block.readUIntLE(at + 1, next - at - 1), (tag >>> 2) + 1)
  }
  return next
}

function readLength(block: Buffer): { length: number; end: number } {
  let length = 0
  for (let index = 0; index < 5; index += 1) {
    const byte = block[index]
    if (byte === undefined) throw truncated()
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { length, end: index + 1 }
  }
  throw new Undecodable('batch-corrupt', 'a Snappy block claims an absurd length')
}
