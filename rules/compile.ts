import { naiveRevision } from './language/naive-revision.ts'
import type { Revision, Rule } from './rule.ts'

/** The one place that chooses the matcher. Ids of `rules` are unique. */
export function compileRules(rules: readonly Rule[]): Revision {
  return naiveRevision(rules)
}
