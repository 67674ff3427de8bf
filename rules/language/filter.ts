import type { LogSource } from '../../schemas/event.ts'
import type { Node } from '../node.ts'
import type { Rule } from '../rule.ts'
import type { RuleDocument } from './collection.ts'
import type { RuleContext } from './context.ts'
import { parseDetection } from './detection.ts'
import { Keys } from './keys.ts'
import { declaredVersion, logicHash, versionText } from './logic-hash.ts'
import type { Report } from './report.ts'
import { parseHeader, parseLogsource } from './sigma.ts'
import { andOf } from './tree.ts'

/** A Sigma filter: a condition that is joined by `and` to that of the rules it names. */
export interface SigmaFilter {
  readonly id: string
  readonly title: string
  /** Ids or names of rules; 'any' is every rule of the log source. */
  readonly rules: readonly string[] | 'any'
  readonly logsource: LogSource
  readonly selections: ReadonlyMap<string, Node>
  readonly condition: Node
  readonly file: string
  readonly line: number
}

export function parseFilter(
  report: Report,
  document: RuleDocument,
  context: RuleContext,
): SigmaFilter | undefined {
  const errorsBefore = report.errorCount
  const keys = new Keys(report, document.map, 'a Sigma filter')
  const { id, title } = parseHeader(report, keys)
  const logsource = parseLogsource(report, keys)
  const map = keys.map('filter')
  if (map === undefined) return undefined
  const filter = new Keys(report, map, 'a filter')
  const references = filter.texts('rules').map((scalar) => scalar.text.trim())
  if (filter.require('rules') === undefined) return undefined
  const isAny = references.length === 0 || references.some((name) => /^(?:any|all)$/i.test(name))
  const detection = parseDetection(report, map, {
    placeholders: context.placeholders,
    reserved: ['rules'],
  })
  if (detection === undefined || report.errorCount > errorsBefore) return undefined
  const rules = isAny ? 'any' : references
  const line = report.line(document.map.start)
  return { id, title, rules, logsource, ...detection, file: report.file, line }
}

/** The rule with every filter that names it; the rule itself where none does. */
export function filtered(rule: Rule, filters: readonly SigmaFilter[]): Rule {
  const own = filters.filter((filter) => appliesTo(filter, rule))
  if (own.length === 0) return rule
  const condition = andOf([rule.condition, ...own.map((filter) => filter.condition)])
  const hash = logicHash({ ...rule, condition })
  return {
    ...rule,
    condition,
    logicHash: hash,
    version: versionText(declaredVersion(rule.version), hash),
  }
}

/** A filter's log source must be the rule's, as far as the filter names it. */
function appliesTo(filter: SigmaFilter, rule: Rule): boolean {
  if (rule.language !== 'sigma') return false
  for (const dimension of ['product', 'service', 'category'] as const) {
    const wanted = filter.logsource[dimension]
    if (wanted !== undefined && wanted !== rule.logsource[dimension]) return false
  }
  return filter.rules === 'any' || filter.rules.some((name) => isNamed(rule, name))
}

/** Sigma refers to a rule by its id or its `name`. */
export function isNamed(rule: { id: string; reference?: string }, name: string): boolean {
  return rule.id === name || rule.reference === name
}
