import { atomKey } from './atom.ts'
import { type FieldAtom, FieldIndex } from './field-index.ts'
import { Postings } from './postings.ts'

/** A rule waits for an atom. */
export interface Waiting<WaitedFor> {
  readonly atom: WaitedFor
  readonly rule: number
}

/** The index of one field, and which rules wait for each of its atoms. */
export class IndexedField {
  readonly index: FieldIndex
  readonly postings: Postings

  constructor(waiting: readonly Waiting<FieldAtom>[], sample: readonly string[]) {
    const groups = new Map<string, { atom: FieldAtom; rules: Set<number> }>()
    for (const { atom, rule } of waiting) {
      const key = atomKey(atom)
      const group = groups.get(key)
      if (group === undefined) groups.set(key, { atom, rules: new Set([rule]) })
      else group.rules.add(rule)
    }
    const distinct = [...groups.values()]
    this.index = new FieldIndex(
      distinct.map((group) => group.atom),
      sample,
    )
    this.postings = new Postings(distinct.map((group) => [...group.rules]))
  }
}
