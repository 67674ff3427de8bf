import { formatDiagnostic } from '../../core/diagnostic.ts'
import type { LogSource } from '../../schemas/event.ts'
import { isRouted } from '../language/taxonomy.ts'
import { fieldsOf, leavesOf } from '../language/tree.ts'
import type { Rule } from '../rule.ts'
import type { RuleSet } from '../rule-set.ts'

/** What an import of other people's rules is worth here (R9). Lists are of rule ids, sorted. */
export interface ImportReport {
  readonly files: number
  readonly compiled: number
  readonly correlations: number
  readonly filters: number
  readonly refused: readonly Refused[]
  /** Refusals by the code of their first error. */
  readonly refusedByCode: Readonly<Record<string, number>>
  /** They count hits and tag nothing. */
  readonly noTechnique: readonly string[]
  /** They name a technique that the pinned release does not have: tagged, with in_release = false. */
  readonly unknownTechnique: readonly string[]
  /** They name a revoked technique that was followed to its successor. */
  readonly revokedTechnique: readonly string[]
  /** Rules by technique id, most specific. */
  readonly techniques: number
  /** Only with observations: rules of a log source that no event was of. */
  readonly logsourceNeverSeen?: readonly string[]
  /** Only with observations: fields that rules read and no event they meet had, with the rules. */
  readonly fieldNeverSeen?: Readonly<Record<string, readonly string[]>>
}

export interface Refused {
  readonly file: string
  /** '' when the file does not tell. */
  readonly ruleId: string
  readonly reasons: readonly string[]
}

/** What events are like where the rules shall run. */
export interface Observations {
  /** Log sources that events had, and the fields that were in those events, lower case. */
  readonly sources: readonly {
    readonly logsource: LogSource
    readonly fields: ReadonlySet<string>
  }[]
}

export function importReport(ruleSet: RuleSet, observations?: Observations): ImportReport {
  const { rules } = ruleSet
  const refused = ruleSet.rejections.map(({ file, ruleId, diagnostics }) => ({
    file,
    ruleId,
    reasons: diagnostics.map(formatDiagnostic),
  }))
  const refusedByCode: Record<string, number> = {}
  for (const { diagnostics } of ruleSet.rejections) {
    const code = diagnostics[0]?.code ?? 'unknown'
    refusedByCode[code] = (refusedByCode[code] ?? 0) + 1
  }
  const files = [...ruleSet.files.values()]
  const emitted = rules.flatMap((rule) => rule.emits)
  return {
    files: files.length,
    compiled: rules.length,
    correlations: ruleSet.correlations.length,
    filters: files.reduce((sum, file) => sum + file.filters.length, 0),
    refused,
    refusedByCode,
    noTechnique: idsOf(rules.filter((rule) => rule.emits.length === 0)),
    unknownTechnique: idsOf(rules.filter((rule) => rule.emits.some((emit) => !emit.inRelease))),
    revokedTechnique: idsOf(rules.filter((rule) => hasWarning(ruleSet, rule, 'revoked-technique'))),
    techniques: new Set(emitted.map((emit) => emit.subTechniqueId || emit.techniqueId)).size,
    ...(observations === undefined ? {} : unseen(rules, observations)),
  }
}

function hasWarning(ruleSet: RuleSet, rule: Rule, code: string): boolean {
  const file = ruleSet.files.get(rule.file)
  const isOnly = file?.rules.length === 1
  return (
    file?.diagnostics.some(
      (diagnostic) => diagnostic.code === code && (isOnly || diagnostic.line >= rule.line),
    ) === true
  )
}

function unseen(
  rules: readonly Rule[],
  { sources }: Observations,
): Pick<Required<ImportReport>, 'logsourceNeverSeen' | 'fieldNeverSeen'> {
  const never: string[] = []
  const fields = new Map<string, string[]>()
  for (const rule of rules) {
    if (rule.kinds !== null) continue
    const met = sources.filter(({ logsource }) => isRouted(rule.logsource, logsource))
    if (met.length === 0) {
      never.push(rule.id)
      continue
    }
    const read = new Set(leavesOf(rule.condition).flatMap(fieldsOf))
    for (const field of read) {
      if (met.some((source) => source.fields.has(field.toLowerCase()))) continue
      const ids = fields.get(field) ?? []
      ids.push(rule.id)
      fields.set(field, ids)
    }
  }
  const byCount = [...fields].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))
  return { logsourceNeverSeen: never.sort(), fieldNeverSeen: Object.fromEntries(byCount) }
}

function idsOf(rules: readonly Rule[]): readonly string[] {
  return rules.map((rule) => rule.id).sort()
}
