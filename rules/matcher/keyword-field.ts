import { groupBy } from '../../core/group-by.ts'
import type { Waiting } from './indexed-field.ts'
import { KeywordScan } from './keyword-scan.ts'
import { Postings } from './postings.ts'

/** The keyword literals of a plan, and which rules wait for each. */
export class KeywordField {
  readonly scan: KeywordScan
  readonly postings: Postings

  constructor(waiting: readonly Waiting<string>[], sample: readonly string[]) {
    const byLiteral = groupBy(waiting, ({ atom }) => atom)
    const rules = [...byLiteral.values()].map((group) => [
      ...new Set(group.map(({ rule }) => rule)),
    ])
    this.scan = new KeywordScan([...byLiteral.keys()], sample)
    // No rule waits for an escape, which the scan counts as one more literal.
    this.postings = new Postings([...rules, []])
  }
}
