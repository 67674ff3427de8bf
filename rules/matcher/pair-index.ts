import { foldByte, foldedBytes } from './ascii.ts'
import type { IdSet } from './id-set.ts'
import type { Literal } from './literal-index.ts'
import { type PairFinder, pairFinder, pairsMax, pairTables } from './pair-finder.ts'
import { foldBit, placesAtOnce } from './pair-module.ts'

/**
 * Finds which of a few literals occur in a text: by one pair of bytes of each, which are rare enough to be
 * worth a look around wherever one stands.
 *
 * Soundness: every literal holds its pair, and the finder misses no place where a pair stands.
 */
export class PairIndex {
  readonly #finder: PairFinder
  readonly #tables: Uint8Array
  /** By the pair's number. */
  readonly #entries: readonly (readonly Entry[])[]

  private constructor(finder: PairFinder, groups: readonly Group[]) {
    this.#finder = finder
    this.#tables = pairTables(groups.map(({ pair }) => [pair >> 8, pair & 0xff]))
    this.#entries = groups.map(({ pair, literals }) =>
      literals.map(({ text, id }) => ({
        id,
        bytes: foldedBytes(text),
        offset: pairsOf(text).indexOf(pair),
      })),
    )
  }

  /**
   * Null where other ways are better: too many literals, or no few pairs that all of them have. Literals are ASCII, in
   * lower case, of two characters at least. `sample`: lower-case text of the kind that will be searched.
   */
  static of(literals: readonly Literal[], sample: readonly string[]): PairIndex | null {
    if (pairFinder === null || literals.length === 0 || literals.length > literalsMax) return null
    const groups = groupsByPair(literals, sample)
    return groups === null ? null : new PairIndex(pairFinder, groups)
  }

  /** Adds the number of every literal in `text`; of a string, the low byte of each character is compared. */
  find(text: Uint8Array | string, found: IdSet): void {
    const finder = this.#finder
    const bytes = finder.load(this.#tables, text)
    for (let at = finder.next(0); at !== -1; at = finder.next(at + placesAtOnce)) {
      const { hits } = finder
      for (let word = 0; word < hits.length; word += 1) {
        for (let left = hits[word] ?? 0; left !== 0; ) {
          const shift = (31 - Math.clz32(left & -left)) & ~7
          this.#look(bytes, at + 4 * word + (shift >> 3), (left >>> shift) & 0xff, found)
          left &= ~(0xff << shift)
        }
      }
    }
  }

  /** `pairs`: as bits, those that may stand at byte `at`. */
  #look(bytes: Uint8Array, at: number, pairs: number, found: IdSet): void {
    for (let left = pairs; left !== 0; left &= left - 1) {
      const entries = this.#entries[31 - Math.clz32(left & -left)] ?? []
      for (const { id, bytes: wanted, offset } of entries) {
        if (!found.has(id) && standsAt(wanted, bytes, at - offset)) found.add(id)
      }
    }
  }
}

interface Entry {
  readonly id: number
  readonly bytes: Uint8Array
  /** Of the pair, in the literal. */
  readonly offset: number
}

interface Group {
  readonly pair: number
  readonly literals: readonly Literal[]
}

/** More of them are found sooner by their grams. */
const literalsMax = 128

/** Of what stands in most events, in case the sample is poor. */
const usualText = String.raw`{"eventid":"4688","utctime":"2026-01-01 12:00:00.000","image":"c:\\windows\\system32
  \\windowspowershell\\v1.0\\powershell.exe","parentimage":"c:\\program files (x86)\\microsoft\\edge.exe",
  "company":"microsoft corporation","description":"windows command processor","currentdirectory":"c:\\users
  \\administrator\\appdata\\local\\temp","user":"nt authority\\network service","hashes":"md5=,imphash=",
  "targetobject":"hklm\\software\\currentversion\\explorer","message":"the handle to an object was requested"}`

/** Again and again the pair that most of those left have, for how often it stands in other text. */
function groupsByPair(literals: readonly Literal[], sample: readonly string[]): Group[] | null {
  const usual = countsOf([usualText, ...sample])
  const groups: Group[] = []
  let left = literals
  while (left.length > 0) {
    if (groups.length === pairsMax) return null
    const shared = countsOf(left.map(({ text }) => text))
    const worth = (pair: number) => (shared.get(pair) ?? 0) / (1 + (usual.get(pair) ?? 0))
    const [first = 0, ...others] = shared.keys()
    const pair = others.reduce((best, one) => (worth(one) > worth(best) ? one : best), first)
    const has = ({ text }: Literal) => pairsOf(text).includes(pair)
    groups.push({ pair, literals: left.filter(has) })
    left = left.filter((literal) => !has(literal))
  }
  return groups
}

function countsOf(texts: readonly string[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const pair of texts.flatMap(pairsOf)) counts.set(pair, (counts.get(pair) ?? 0) + 1)
  return counts
}

/** The folded bytes of each two characters that stand beside each other. */
function pairsOf(text: string): number[] {
  const byteAt = (at: number) => (text.charCodeAt(at) & 0xff) | foldBit
  return Array.from({ length: text.length - 1 }, (_, at) => (byteAt(at) << 8) | byteAt(at + 1))
}

/** From the end: literals with a pair in common often begin alike. */
function standsAt(wanted: Uint8Array, bytes: Uint8Array, at: number): boolean {
  if (at < 0 || at + wanted.length > bytes.length) return false
  for (let index = wanted.length - 1; index >= 0; index -= 1) {
    if (foldByte[bytes[at + index] ?? 0] !== wanted[index]) return false
  }
  return true
}
