import { numberOf, type Scalar } from '../value.ts'
import { AffixIndex } from './affix-index.ts'
import type { Atom } from './atom.ts'
import { IdSet } from './id-set.ts'
import { type Literal, LiteralIndex } from './literal-index.ts'
import type { ScanBuffer } from './scan-buffer.ts'

/** What a field index answers: any atom about a field. */
export type FieldAtom = Exclude<Atom, { op: 'keyword' }>

/**
 * All questions about one field, answered in one pass over its value: which of these atoms may hold?
 *
 * Contract: after `find…` calls for every scalar of a value, `found` holds the position of each atom
 * that is true of the value, and perhaps of some that are not. Presence is the caller's to report.
 */
export class FieldIndex {
  readonly found: IdSet
  /** Positions of `present` atoms. */
  readonly #present: readonly number[]
  readonly #equals: ReadonlyMap<string, number>
  readonly #equalsCharsMax: number
  readonly #numbers: ReadonlyMap<number, number>
  readonly #prefixes: AffixIndex | null
  readonly #suffixes: AffixIndex | null
  readonly #contained: LiteralIndex | null

  /** `atoms` are distinct. `sample`: lower-case texts that the field has had. */
  constructor(atoms: readonly FieldAtom[], sample: readonly string[] = []) {
    this.found = new IdSet(atoms.length)
    const literals = { equals: list(), startswith: list(), endswith: list(), contains: list() }
    const present: number[] = []
    const numbers = new Map<number, number>()
    atoms.forEach((atom, id) => {
      if (atom.op === 'present') present.push(id)
      else if (atom.op === 'number') numbers.set(atom.value, id)
      else literals[atom.op].push({ text: atom.literal, id })
    })
    const { equals, startswith, endswith, contains } = literals
    this.#present = present
    this.#numbers = numbers
    this.#equals = new Map(equals.map(({ text, id }) => [text, id]))
    this.#equalsCharsMax = equals.reduce((max, { text }) => Math.max(max, text.length), -1)
    this.#prefixes = startswith.length === 0 ? null : new AffixIndex(startswith, 'prefix')
    this.#suffixes = endswith.length === 0 ? null : new AffixIndex(endswith, 'suffix')
    this.#contained = contains.length === 0 ? null : new LiteralIndex(contains, sample)
  }

  /** The field is there, and not null. */
  findPresent(): void {
    for (const id of this.#present) this.found.add(id)
  }

  /** A string, lower-case. */
  findText(text: string, buffer: ScanBuffer): void {
    this.#findLiterals(text, buffer)
    if (this.#numbers.size !== 0 && mayBeNumber(text)) this.#findNumber(text)
  }

  findNumber(value: number, buffer: ScanBuffer): void {
    this.#findLiterals(String(value), buffer)
    if (this.#numbers.size !== 0) this.#findNumber(value)
  }

  #findLiterals(text: string, buffer: ScanBuffer): void {
    const { found } = this
    if (text.length <= this.#equalsCharsMax) {
      const id = this.#equals.get(text)
      if (id !== undefined) found.add(id)
    }
    if (this.#suffixes !== null) this.#suffixes.find(text, found)
    if (this.#prefixes !== null) this.#prefixes.find(text, found)
    if (this.#contained !== null) this.#contained.find(text, buffer, found)
  }

  #findNumber(scalar: Scalar): void {
    const id = this.#numbers.get(numberOf(scalar))
    if (id !== undefined) this.found.add(id)
  }
}

function list(): Literal[] {
  return []
}

/** Cheap and necessary: it begins with a digit or a minus. */
function mayBeNumber(text: string): boolean {
  const unit = text.charCodeAt(0)
  return (unit >= 0x30 && unit <= 0x39) || unit === 0x2d
}
