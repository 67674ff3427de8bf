import { type CompiledRevision, type CompileOptions, compileRevision } from './matcher/revision.ts'
import type { Rule } from './rule.ts'

/** The one place that chooses the matcher. Ids of `rules` are unique. Never fails. */
export function compileRules(
  rules: readonly Rule[],
  options: CompileOptions = {},
): CompiledRevision {
  return compileRevision(rules, options)
}
