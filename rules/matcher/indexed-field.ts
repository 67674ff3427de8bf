import { groupBy } from '../../core/group-by.ts'
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
    const groups = [...groupBy(waiting, ({ atom }) => atomKey(atom)).values()]
    const atoms = groups.flatMap(([first]) => (first === undefined ? [] : [first.atom]))
    this.index = new FieldIndex(atoms, sample)
    this.postings = new Postings(groups.map((group) => [...new Set(group.map(({ rule }) => rule))]))
  }
}
