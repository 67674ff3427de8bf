/**
 * Kafka's codecs by their number in a batch's attributes. Each stops as soon as more than the limit
 * comes out, so a bomb costs the limit and no more.
 */

import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { ZSTDDecoder } from 'zstddec'
import { messageOf } from '../../../core/error.ts'
import { decompressLz4 } from './lz4.ts'
import { decompressSnappy } from './snappy.ts'
import { tooLarge, Undecodable } from './undecodable.ts'

const gunzipAsync = promisify(gunzip)
const zstd = new ZSTDDecoder()
const zstdMagic = 0xfd2fb528

/** Throws `Undecodable`. */
export async function decompress(codec: number, input: Buffer, bytesMax: number): Promise<Buffer> {
  switch (codec) {
    case 0:
      return input
    case 1:
      return decompressGzip(input, bytesMax)
    case 2:
      return decompressSnappy(input, bytesMax)
    case 3:
      return decompressLz4(input, bytesMax)
    case 4:
      return decompressZstd(input, bytesMax)
    default:
      throw new Undecodable('batch-codec', `the batch is compressed by codec ${codec}`)
  }
}

async function decompressGzip(input: Buffer, bytesMax: number): Promise<Buffer> {
  try {
    return await gunzipAsync(input, { maxOutputLength: bytesMax })
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(bytesMax)
    throw new Undecodable('batch-corrupt', `gzip: ${messageOf(cause)}`)
  }
}

/**
 * The decoder writes into a buffer of `bytesMax` and answers any error with nothing at all; a batch
 * with records is never empty. Which error it was is not told, but the batch's own checksum held: a
 * frame that is one is nearly always whole, and too large.
 */
async function decompressZstd(input: Buffer, bytesMax: number): Promise<Buffer> {
  const isFrame = input.length >= 4 && input.readUInt32LE(0) === zstdMagic
  if (!isFrame) throw new Undecodable('batch-corrupt', 'not a zstd frame')
  await zstd.init()
  const output = zstd.decode(input, bytesMax)
  if (output.length === 0) throw tooLarge(bytesMax)
  return Buffer.from(output.buffer, output.byteOffset, output.length)
}
