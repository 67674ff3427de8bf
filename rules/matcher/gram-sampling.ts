import { isAscii } from './ascii.ts'
import type { Literal } from './literal-index.ts'

/**
 * Which bytes of a text are probed, and under which of its grams a literal is entered for that.
 */

/** How texts are sampled: by grams of `size` bytes at every `step`-th byte. */
export interface Sampling {
  readonly size: 3 | 4
  readonly step: 1 | 2 | 4 | 8
}

/** From coarse to fine: the finer, the shorter the literals may be and the slower the scan. */
export const samplings: readonly Sampling[] = [
  { size: 4, step: 8 },
  { size: 4, step: 4 },
  { size: 4, step: 2 },
  { size: 3, step: 2 },
  { size: 3, step: 1 },
]

/** The ASCII run that a literal must have to be found under `sampling`. */
export function windowLength(sampling: Sampling): number {
  return sampling.size + sampling.step - 1
}

/**
 * The sampling that finds `literals` in a text of usual length for the least time; null if a search
 * for each is cheaper. `run`: a literal's longest ASCII run; `aloneNs`: what a search for it costs,
 * if it is too short for the sampling; `loadNs`: what a table costs before its first probe.
 */
export function cheapestSampling(
  literals: readonly { readonly run: number; readonly aloneNs: number }[],
  usualChars: number,
  loadNs: number,
): Sampling | null {
  let best: Sampling | null = null
  let bestNs = sumOf(literals.map(({ aloneNs }) => aloneNs))
  for (const sampling of samplings) {
    const left = literals.filter(({ run }) => run < windowLength(sampling))
    // A probe takes about a nanosecond.
    const ns = loadNs + usualChars / sampling.step + sumOf(left.map(({ aloneNs }) => aloneNs))
    if (ns >= bestNs) continue
    best = sampling
    bestNs = ns
  }
  return best
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

/** Sets bit 5 of every byte: letters lose their case, some other bytes become equal. */
export const foldWord = 0x20202020

/** A literal is found by `gram`, which stands `offset` bytes behind the literal's start. */
export interface Placement {
  readonly gram: number
  readonly literal: Literal
  readonly offset: number
}

/**
 * Places each literal under `step` consecutive grams of its rarest window. Each must have an ASCII
 * run of `windowLength(sampling)`. `sample` is text of the kind that will be scanned, lower-case: it
 * decides which windows are rare, nothing else.
 */
export function placeLiterals(
  literals: readonly Literal[],
  sampling: Sampling,
  sample: readonly string[] = [],
): Placement[] {
  const texts = literals.map((literal) => literal.text)
  const counts = countGrams([...texts, ...sample], sampling)
  return literals.flatMap((literal) => {
    const start = rarestWindow(literal.text, sampling, counts)
    return Array.from({ length: sampling.step }, (_, index): Placement => {
      const offset = start + index
      return { gram: gramAt(literal.text, offset, sampling.size), literal, offset }
    })
  })
}

/** How often each gram occurs in `texts`. */
function countGrams(texts: Iterable<string>, { size }: Sampling): Map<number, number> {
  const counts = new Map<number, number>()
  for (const text of texts) {
    for (let at = 0; at + size <= text.length; at += 1) {
      const gram = gramAt(text, at, size)
      counts.set(gram, (counts.get(gram) ?? 0) + 1)
    }
  }
  return counts
}

/** Where in `text` the pure ASCII window begins whose grams are seen least. */
function rarestWindow(
  text: string,
  sampling: Sampling,
  counts: ReadonlyMap<number, number>,
): number {
  const length = windowLength(sampling)
  let best = -1
  let bestCount = Number.POSITIVE_INFINITY
  for (let start = 0; start + length <= text.length; start += 1) {
    if (!isAscii(text.slice(start, start + length))) continue
    let count = 0
    for (let offset = start; offset < start + sampling.step; offset += 1) {
      count += counts.get(gramAt(text, offset, sampling.size)) ?? 0
    }
    if (count >= bestCount) continue
    best = start
    bestCount = count
  }
  if (best === -1) throw new RangeError(`No ASCII run of ${length} bytes in a literal.`)
  return best
}

/** As a little-endian word of the scan buffer would read it, folded. */
export function gramAt(text: string, at: number, size: 3 | 4): number {
  const low =
    (text.charCodeAt(at) & 0xff) |
    ((text.charCodeAt(at + 1) & 0xff) << 8) |
    ((text.charCodeAt(at + 2) & 0xff) << 16)
  if (size === 3) return (low | foldWord) & 0xffffff
  return low | ((text.charCodeAt(at + 3) & 0xff) << 24) | foldWord
}
