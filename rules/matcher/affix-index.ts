import type { IdSet } from './id-set.ts'
import type { Literal } from './literal-index.ts'

/**
 * Finds which of many literals a text begins or ends with.
 *
 * A running hash goes inwards from that end, one character at a time; after each character a bitmap
 * says whether some literal of that length may have this hash. A literal longer than `keyCharsMax`
 * is entered under its outermost ones. Soundness: text and literal pass through the same hash, so an
 * equal end gives an equal hash; every hit is verified on the whole literal.
 */

/** Bounds a look-up; longer literals gain nothing, they are verified. */
const keyCharsMax = 24

export class AffixIndex {
  readonly #end: 'prefix' | 'suffix'
  readonly #shift: number
  readonly #isUsed: Uint8Array
  readonly #buckets = new Map<number, Literal[]>()
  #keyLengthMin = keyCharsMax
  #keyLengthMax = 0

  constructor(literals: readonly Literal[], end: 'prefix' | 'suffix') {
    this.#end = end
    let bits = 10
    while (1 << bits < literals.length * 16 && bits < 16) bits += 1
    this.#shift = 32 - bits
    this.#isUsed = new Uint8Array(1 << bits)
    for (const literal of literals) this.#enter(literal)
  }

  /** Adds the number of every literal at this end of the lower-case `text`. */
  find(text: string, found: IdSet): void {
    const isUsed = this.#isUsed
    const shift = this.#shift
    const keyLengthMin = this.#keyLengthMin
    const last = text.length - 1
    const isPrefix = this.#end === 'prefix'
    const length = Math.min(text.length, this.#keyLengthMax)
    let hash = 0
    for (let at = 0; at < length; ) {
      hash = step(hash, text.charCodeAt(isPrefix ? at : last - at))
      at += 1
      if (at < keyLengthMin) continue
      const slot = mix(hash, at) >>> shift
      if (isUsed[slot] === 1) this.#verify(slot, text, found)
    }
  }

  #verify(slot: number, text: string, found: IdSet): void {
    const isPrefix = this.#end === 'prefix'
    for (const literal of this.#buckets.get(slot) ?? []) {
      const stands = isPrefix ? text.startsWith(literal.text) : text.endsWith(literal.text)
      if (stands) found.add(literal.id)
    }
  }

  #enter(literal: Literal): void {
    const { text } = literal
    const length = Math.min(text.length, keyCharsMax)
    let hash = 0
    for (let at = 0; at < length; at += 1) {
      hash = step(hash, text.charCodeAt(this.#end === 'prefix' ? at : text.length - 1 - at))
    }
    const slot = mix(hash, length) >>> this.#shift
    this.#isUsed[slot] = 1
    const bucket = this.#buckets.get(slot)
    if (bucket === undefined) this.#buckets.set(slot, [literal])
    else bucket.push(literal)
    this.#keyLengthMin = Math.min(this.#keyLengthMin, length)
    this.#keyLengthMax = Math.max(this.#keyLengthMax, length)
  }
}

/** FNV-1a over UTF-16 units. */
function step(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193) | 0
}

function mix(hash: number, length: number): number {
  return Math.imul(hash + length, 0x9e3779b1)
}
