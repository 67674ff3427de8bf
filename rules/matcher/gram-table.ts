import { groupBy } from '../../core/group-by.ts'
import { foldByte, foldedBytes } from './ascii.ts'
import { foldWord, type Placement, placeLiterals, type Sampling } from './gram-sampling.ts'
import type { IdSet } from './id-set.ts'
import type { Literal } from './literal-index.ts'
import type { ScanBuffer } from './scan-buffer.ts'

/**
 * Finds which of many literals occur in a text for a fraction of a look-up per byte.
 *
 * A gram is 3 or 4 consecutive bytes. Only every `step`-th byte of the text is probed; a literal is
 * entered under `step` consecutive grams, so that wherever it stands exactly one of them begins at a
 * probed byte. It needs a window of size + step − 1 bytes for that, and the rarest window is taken.
 *
 *     literal  p o w e r s h e l l      size 4, step 4: 7 bytes   "owershe"
 *     entered    o w e r                                offsets 1, 2, 3, 4 of the literal
 *                  w e r s
 *                    e r s h
 *                      r s h e
 *
 * Soundness: a window is pure ASCII, and ASCII stands in the scan buffer as itself wherever the
 * literal occurs. Both sides fold case by setting bit 5, which may only make grams equal that were
 * not. A hit is then verified byte by byte; beyond ASCII that compares low bytes, so a hit is
 * necessary for an occurrence, not quite sufficient.
 */

/** Bucket numbers are 16 bits wide, 0 is none. */
export const placementsMax = 0xffff

/** As many tables as `literals` need, `others` placed beside them. `sample` as in `placeLiterals`. */
export function gramTables(
  literals: readonly Literal[],
  sampling: Sampling,
  sample: readonly string[] = [],
  others: readonly Placement[] = [],
): GramTable[] {
  const placements = [...placeLiterals(literals, sampling, sample), ...others]
  return Array.from({ length: Math.ceil(placements.length / placementsMax) }, (_, index) => {
    const start = index * placementsMax
    return new GramTable(placements.slice(start, start + placementsMax), sampling)
  })
}

/** Fibonacci hashing: the high bits of a product with 2^32 / golden ratio. */
const hashFactor = 0x9e3779b1 | 0
/** Beyond 2^16 slots a table leaves the nearer caches. */
const slotBitsMax = 16

export class GramTable {
  readonly #step: number
  readonly #mask: number
  readonly #shift: number
  /** Open addressing: hash → bucket number, 0 for none. */
  readonly #slots: Uint16Array
  /** By bucket: its gram, and where its entries begin. */
  readonly #grams: Int32Array
  readonly #entryStarts: Int32Array
  /** By entry: the literal's index, and where in it the gram stands. */
  readonly #entryLiterals: Int32Array
  readonly #entryOffsets: Int32Array
  /** By literal: its number, and where its bytes begin. */
  readonly #ids: Int32Array
  readonly #byteStarts: Int32Array
  readonly #bytes: Uint8Array

  /** At most `placementsMax` of them. */
  constructor(placements: readonly Placement[], sampling: Sampling) {
    this.#step = sampling.step
    this.#mask = sampling.size === 4 ? -1 : 0xffffff
    const buckets = groupBy(placements, ({ gram }) => gram)
    const slotBits = slotBitsFor(buckets.size)
    this.#shift = 32 - slotBits
    this.#slots = new Uint16Array(1 << slotBits)
    this.#grams = new Int32Array(buckets.size + 1)
    this.#entryStarts = new Int32Array(buckets.size + 2)
    const entries: Placement[] = []
    let bucket = 0
    for (const [gram, members] of buckets) {
      bucket += 1
      this.#grams[bucket] = gram
      this.#entryStarts[bucket] = entries.length
      entries.push(...members)
      this.#slots[this.#freeSlot(gram)] = bucket
    }
    this.#entryStarts[bucket + 1] = entries.length
    const literals = [...new Set(entries.map(({ literal }) => literal))]
    const indexes = new Map(literals.map((literal, index) => [literal, index]))
    this.#entryLiterals = Int32Array.from(entries, ({ literal }) => indexes.get(literal) ?? 0)
    this.#entryOffsets = Int32Array.from(entries, ({ offset }) => offset)
    this.#ids = Int32Array.from(literals, ({ id }) => id)
    this.#byteStarts = new Int32Array(literals.length + 1)
    literals.forEach(({ text }, index) => {
      this.#byteStarts[index + 1] = (this.#byteStarts[index] ?? 0) + text.length
    })
    this.#bytes = foldedBytes(literals.map(({ text }) => text).join(''))
  }

  /** Adds the number of every literal that occurs in `text`, its ASCII letters in any case. */
  scan(text: ScanBuffer, found: IdSet): void {
    if (this.#step >= 4) this.#scanWords(text, found)
    else if (this.#step === 2) this.#scanHalves(text, found)
    else this.#scanBytes(text, found)
  }

  // Each loop probes four grams at a time: one branch for four, for almost all of them miss.

  #scanWords(text: ScanBuffer, found: IdSet): void {
    const { words } = text
    const slots = this.#slots
    const shift = this.#shift
    const stride = this.#step >> 2
    const wordCount = (text.length + 3) >> 2
    for (let word = 0; word < wordCount; word += 4 * stride) {
      const a = (words[word] ?? 0) | foldWord
      const b = (words[word + stride] ?? 0) | foldWord
      const c = (words[word + 2 * stride] ?? 0) | foldWord
      const d = (words[word + 3 * stride] ?? 0) | foldWord
      const used =
        (slots[Math.imul(a, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(b, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(c, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(d, hashFactor) >>> shift] ?? 0)
      if (used !== 0) this.#verifyFour(a, b, c, d, word * 4, text, found)
    }
  }

  #scanHalves(text: ScanBuffer, found: IdSet): void {
    const { words } = text
    const slots = this.#slots
    const shift = this.#shift
    const mask = this.#mask
    const wordCount = (text.length + 3) >> 2
    let first = (words[0] ?? 0) | foldWord
    for (let word = 0; word < wordCount; word += 2) {
      const second = (words[word + 1] ?? 0) | foldWord
      const third = (words[word + 2] ?? 0) | foldWord
      const a = first & mask
      const b = ((first >>> 16) | (second << 16)) & mask
      const c = second & mask
      const d = ((second >>> 16) | (third << 16)) & mask
      const used =
        (slots[Math.imul(a, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(b, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(c, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(d, hashFactor) >>> shift] ?? 0)
      if (used !== 0) this.#verifyFour(a, b, c, d, word * 4, text, found)
      first = third
    }
  }

  #scanBytes(text: ScanBuffer, found: IdSet): void {
    const { words } = text
    const slots = this.#slots
    const shift = this.#shift
    const mask = this.#mask
    const wordCount = (text.length + 3) >> 2
    let low = (words[0] ?? 0) | foldWord
    for (let word = 0; word < wordCount; word += 1) {
      const high = (words[word + 1] ?? 0) | foldWord
      const a = low & mask
      const b = ((low >>> 8) | (high << 24)) & mask
      const c = ((low >>> 16) | (high << 16)) & mask
      const d = ((low >>> 24) | (high << 8)) & mask
      const used =
        (slots[Math.imul(a, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(b, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(c, hashFactor) >>> shift] ?? 0) |
        (slots[Math.imul(d, hashFactor) >>> shift] ?? 0)
      if (used !== 0) this.#verifyFour(a, b, c, d, word * 4, text, found)
      low = high
    }
  }

  /** Of four grams that begin `step` bytes apart, the first at byte `at`, some hash to a used slot. */
  #verifyFour(
    a: number,
    b: number,
    c: number,
    d: number,
    at: number,
    text: ScanBuffer,
    found: IdSet,
  ): void {
    const step = this.#step
    this.#verify(a, at, text, found)
    this.#verify(b, at + step, text, found)
    this.#verify(c, at + 2 * step, text, found)
    this.#verify(d, at + 3 * step, text, found)
  }

  /** Which literals stand around the gram that begins at byte `at`? */
  #verify(gram: number, at: number, text: ScanBuffer, found: IdSet): void {
    const slots = this.#slots
    let slot = Math.imul(gram, hashFactor) >>> this.#shift
    let bucket = slots[slot] ?? 0
    while (bucket !== 0 && this.#grams[bucket] !== gram) {
      slot = (slot + 1) & (slots.length - 1)
      bucket = slots[slot] ?? 0
    }
    if (bucket === 0) return
    const end = this.#entryStarts[bucket + 1] ?? 0
    for (let entry = this.#entryStarts[bucket] ?? 0; entry < end; entry += 1) {
      const literal = this.#entryLiterals[entry] ?? 0
      const id = this.#ids[literal] ?? 0
      if (found.has(id)) continue
      if (this.#standsAt(literal, at - (this.#entryOffsets[entry] ?? 0), text)) found.add(id)
    }
  }

  #standsAt(literal: number, at: number, text: ScanBuffer): boolean {
    const start = this.#byteStarts[literal] ?? 0
    const length = (this.#byteStarts[literal + 1] ?? 0) - start
    if (at < 0 || at + length > text.length) return false
    const wanted = this.#bytes
    const { bytes } = text
    for (let index = 0; index < length; index += 1) {
      if (foldByte[bytes[at + index] ?? 0] !== wanted[start + index]) return false
    }
    return true
  }

  #freeSlot(gram: number): number {
    let slot = Math.imul(gram, hashFactor) >>> this.#shift
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (this.#slots.length - 1)
    return slot
  }
}

/** Sparse, so that most probes end at an empty slot; never more than half full. */
function slotBitsFor(buckets: number): number {
  let bits = 9
  while (1 << bits < buckets * 64 && bits < slotBitsMax) bits += 1
  while (1 << bits < buckets * 2) bits += 1
  return bits
}
