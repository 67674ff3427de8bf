import { IdSet } from './id-set.ts'
import type { Waiting } from './indexed-field.ts'
import { KeywordScan } from './keyword-scan.ts'
import { Postings } from './postings.ts'

/** The keyword literals of a plan, and which rules wait for each. */
export class KeywordField {
  readonly scan: KeywordScan
  readonly postings: Postings
  readonly found: IdSet

  constructor(waiting: readonly Waiting<string>[], sample: readonly string[]) {
    const rules = new Map<string, Set<number>>()
    for (const { atom, rule } of waiting) {
      const group = rules.get(atom)
      if (group === undefined) rules.set(atom, new Set([rule]))
      else group.add(rule)
    }
    this.scan = new KeywordScan([...rules.keys()], sample)
    this.postings = new Postings([...rules.values()].map((group) => [...group]))
    this.found = new IdSet(rules.size)
  }
}
