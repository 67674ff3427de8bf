/**
 * Where Snappy and LZ4 write to: literals are appended, matches copied from what was written before.
 * It never grows beyond its limit, which is what makes a decompression bomb harmless.
 */

import { tooLarge, Undecodable } from './undecodable.ts'

export class LzOutput {
  #bytes: Buffer
  #length = 0
  readonly #bytesMax: number

  /** `bytesExpected` is what the input claims; no more than the limit is believed. */
  constructor(bytesMax: number, bytesExpected: number) {
    this.#bytesMax = bytesMax
    this.#bytes = Buffer.allocUnsafe(Math.min(bytesMax, Math.max(1_024, bytesExpected)))
  }

  get length(): number {
    return this.#length
  }

  /** Appends `input[start, end)`. */
  literal(input: Buffer, start: number, end: number): void {
    if (end > input.length || end < start) throw truncated()
    this.#reserve(end - start)
    this.#length += input.copy(this.#bytes, this.#length, start, end)
  }

  /** Appends `length` bytes that stand `distance` before the end; the two may overlap. */
  match(distance: number, length: number): void {
    if (!(distance > 0 && distance <= this.#length)) {
      throw new Undecodable('batch-corrupt', 'a match begins before the first byte')
    }
    this.#reserve(length)
    const bytes = this.#bytes
    const from = this.#length - distance
    // What lies behind `from` repeats every `distance` bytes, and each round copies all of it.
    for (let left = length; left > 0; ) {
      const count = Math.min(left, this.#length - from)
      bytes.copyWithin(this.#length, from, from + count)
      this.#length += count
      left -= count
    }
  }

  /** What was written; the output may not be used any further. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    if (needed > this.#bytesMax) throw tooLarge(this.#bytesMax)
    const grown = Buffer.allocUnsafe(Math.min(this.#bytesMax, Math.max(needed, 2 * this.#length)))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

export function truncated(): Undecodable {
  return new Undecodable('batch-corrupt', 'the compressed data ends early')
}
