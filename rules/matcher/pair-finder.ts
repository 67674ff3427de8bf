/**
 * Where in a text does one of a few pairs of bytes stand? Sixteen places at a time, with the SIMD of
 * WebAssembly, for a third of what probing a table costs.
 *
 * Up to eight pairs have a bit each. Two tables of sixteen bytes say, for the low and the high half of a
 * byte, in which pairs it can come first; two more, in which second. A pair stands where the four have its
 * bit in common, and at some other places, as pairs share halves: the caller looks again. Bit 5 of every byte
 * is set first, so that letters have no case.
 *
 * In terms of one place, for bytes a and b beside each other, with bit 5 set:
 *
 *     first.low[a & 15] & first.high[a >> 4] & second.low[b & 15] & second.high[b >> 4]
 */

import { hitsAt, pairModule, placesAtOnce } from './pair-module.ts'

/** There is one of it, and its memory is everybody's: load, then search, with nothing between. */
export interface PairFinder {
  /** Takes tables made by `pairTables`, and a text; the bytes of the text, as they stand now. */
  load(tables: Uint8Array, bytes: Uint8Array | string): Uint8Array
  /** The first sixteen places from `at` on of which some is a hit: where they begin; -1 for none. */
  next(at: number): number
  /** After `next`: a byte for each of the sixteen places, four to a word; its bits are the pairs that may stand there. */
  readonly hits: Int32Array
}

export const pairsMax = 8

/** Behind the tables and the hits. */
const textAt = 128
const pageBytes = 65_536
/** A block is read to its end, and one byte on, wherever the text ends. */
const spareBytes = 32

/** The tables for these pairs of folded bytes. */
export function pairTables(pairs: readonly (readonly [number, number])[]): Uint8Array {
  const tables = new Uint8Array(4 * placesAtOnce)
  const enter = (table: number, half: number, bit: number) => {
    const at = table * placesAtOnce + half
    tables[at] = (tables[at] ?? 0) | bit
  }
  pairs.forEach(([first, second], number) => {
    enter(0, first & 15, 1 << number)
    enter(1, first >> 4, 1 << number)
    enter(2, second & 15, 1 << number)
    enter(3, second >> 4, 1 << number)
  })
  return tables
}

/** Null where the machine has no SIMD. */
export const pairFinder: PairFinder | null = createFinder()

/** What we use of it; Node's types name the namespace only. */
declare const WebAssembly: {
  validate(code: Uint8Array): boolean
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
  next(at: number, end: number): number
}

function createFinder(): PairFinder | null {
  const code = pairModule()
  if (!WebAssembly.validate(code)) return null
  // Checked: these are what the module below exports.
  const { memory, next } = new WebAssembly.Instance(new WebAssembly.Module(code)).exports as Exports
  let all = Buffer.from(memory.buffer)
  let hits = new Int32Array(memory.buffer, hitsAt, placesAtOnce / 4)
  let end = textAt
  return {
    load(tables, bytes) {
      end = textAt + bytes.length
      const lacking = end + spareBytes - all.length
      if (lacking > 0) {
        memory.grow(Math.ceil(lacking / pageBytes))
        all = Buffer.from(memory.buffer)
        hits = new Int32Array(memory.buffer, hitsAt, placesAtOnce / 4)
      }
      all.set(tables)
      if (typeof bytes === 'string') all.write(bytes, textAt, bytes.length, 'latin1')
      else all.set(bytes, textAt)
      return all.subarray(textAt, end)
    },
    next(at) {
      const found = next(textAt + at, end)
      return found === -1 ? -1 : found - textAt
    },
    get hits() {
      return hits
    },
  }
}
