/**
 * The loop of `pair-finder.ts` as a module of WebAssembly:
 *
 *     next(at, end): the first sixteen places from address `at` on, and before `end`, of which some is a hit
 *
 * Its memory holds four tables of sixteen bytes, then what `next` found at the sixteen places, then the text.
 * Locals: 0 and 1 are the parameters, 2 to 5 the tables, 6 and 7 the bytes of a place and beside it, 8 the hits.
 */

export const placesAtOnce = 16
/** Where the hits are, behind the tables. */
export const hitsAt = 4 * placesAtOnce
/** Letters lose their case, some other bytes become equal. */
export const foldBit = 0x20

export function pairModule(): Uint8Array {
  const [at, end, tables, first, second, hits] = [0, 1, 2, 6, 7, 8]
  const body = [
    ...[1, 7, v128],
    ...[0, 1, 2, 3].flatMap((n) => [
      ...i32Const(0),
      ...v128Load(placesAtOnce * n),
      ...set(tables + n),
    ]),
    ...loop,
    ...[...get(at), ...v128Load(0), ...splat(foldBit), ...v128Or, ...set(first)],
    ...[...get(at), ...v128Load(1), ...splat(foldBit), ...v128Or, ...set(second)],
    ...halves(first, tables),
    ...halves(second, tables + 2),
    ...[...v128And, ...tee(hits)],
    ...[...anyTrue, ...ifThen, ...i32Const(0), ...get(hits), ...v128Store(hitsAt)],
    ...[...get(at), ...returns, ...endOf],
    ...[...get(at), ...i32Const(placesAtOnce), ...i32Add, ...tee(at)],
    ...[...get(end), ...i32LessUnsigned, ...branchTo(0), ...endOf],
    ...[...i32Const(-1), ...endOf],
  ]
  const type = [1, 0x60, 2, i32, i32, 1, i32]
  const exported = [2, ...text('memory'), 2, 0, ...text('next'), 0, 0]
  return Uint8Array.from([
    ...[0, ...Buffer.from('asm'), 1, 0, 0, 0],
    ...[...section(1, type), ...section(3, [1, 0]), ...section(5, [1, 0, 1])],
    ...section(7, exported),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ])
}

/** The pairs that a byte can be part of, by its two halves. */
function halves(bytes: number, tables: number): number[] {
  const low = [...get(bytes), ...splat(15), ...v128And]
  const high = [...get(bytes), ...i32Const(4), ...shiftRightUnsigned]
  return [...get(tables), ...low, ...swizzle, ...get(tables + 1), ...high, ...swizzle, ...v128And]
}

const [i32, v128] = [0x7f, 0x7b]
const [loop, ifThen, endOf, returns] = [[0x03, 0x40], [0x04, 0x40], [0x0b], [0x0f]]
const [i32Add, i32LessUnsigned] = [[0x6a], [0x49]]
const [v128And, v128Or, anyTrue] = [simd(0x4e), simd(0x50), simd(0x53)]
const [swizzle, shiftRightUnsigned] = [simd(0x0e), simd(0x6d)]

function simd(code: number, ...rest: number[]): number[] {
  return [0xfd, ...unsigned(code), ...rest]
}

function get(local: number): number[] {
  return [0x20, local]
}

function set(local: number): number[] {
  return [0x21, local]
}

function tee(local: number): number[] {
  return [0x22, local]
}

function branchTo(depth: number): number[] {
  return [0x0d, depth]
}

/** From -64 to 63: one byte. */
function i32Const(value: number): number[] {
  return [0x41, value & 0x7f]
}

function splat(byte: number): number[] {
  return simd(0x0c, ...new Array<number>(placesAtOnce).fill(byte))
}

function v128Load(offset: number): number[] {
  return simd(0x00, 0, ...unsigned(offset))
}

function v128Store(offset: number): number[] {
  return simd(0x0b, 0, ...unsigned(offset))
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content]
}

function text(name: string): number[] {
  return [name.length, ...Buffer.from(name)]
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}
