import { type Diagnostic, formatDiagnostic } from '../../core/diagnostic.ts'
import type { RuleContext } from '../language/context.ts'
import type { RuleFile } from '../loaded-file.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'

/** `rules check`: do these files load, their own tests included? */
export interface CheckResult {
  readonly ruleSet: RuleSet
  readonly files: number
  readonly rules: number
  readonly errors: number
  readonly warnings: number
  /** By file, line and column. */
  readonly diagnostics: readonly Diagnostic[]
}

export function checkRules(files: readonly RuleFile[], context: RuleContext): CheckResult {
  const ruleSet = buildRuleSet(files, context)
  const diagnostics = ruleSet.diagnostics.toSorted(byPlace)
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length
  return {
    ruleSet,
    files: files.length,
    rules: ruleSet.rules.length,
    errors,
    warnings: diagnostics.length - errors,
    diagnostics,
  }
}

/** For people: every diagnostic with its line, then a summary. */
export function formatCheck(result: CheckResult): string {
  const { files, rules, errors, warnings } = result
  const loaded = `${count(rules, 'rule')} in ${count(files, 'file')}`
  const summary = `${loaded}: ${count(errors, 'error')}, ${count(warnings, 'warning')}`
  return [...result.diagnostics.map(formatDiagnostic), summary].join('\n')
}

/** For machines: one JSON object. */
export function checkToJson(result: CheckResult): string {
  const { ruleSet: _, ...rest } = result
  return JSON.stringify(rest, undefined, 2)
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}

function byPlace(a: Diagnostic, b: Diagnostic): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1
  return a.line - b.line || a.column - b.column
}
