import type { Correlation } from './language/correlation.ts'
import { isNamed } from './language/filter.ts'
import type { Rule } from './rule.ts'

/** A correlation with the rules it refers to, by id. */
export interface RunnableCorrelation {
  readonly correlation: Correlation
  /** In the order of the correlation's own list. */
  readonly ruleIds: readonly string[]
  /** For each of the rules, the fields to group by and those whose values are counted. */
  readonly groupFields: readonly (readonly string[])[]
  readonly valueFields: readonly (readonly string[])[]
}

/** What correlations want of a rule. */
export interface CorrelatedRule {
  /** Fields to keep of the events that it matches. */
  readonly fields: readonly string[]
  /** Does it tag on its own too? */
  readonly isTagging: boolean
}

/** Correlations all of whose rules are there. One that refers to another correlation cannot be run. */
export function runnableCorrelations(
  correlations: readonly Correlation[],
  rules: readonly Rule[],
): readonly RunnableCorrelation[] {
  return correlations.flatMap((correlation) => {
    const referred = correlation.rules.flatMap((name) => {
      const rule = rules.find((candidate) => isNamed(candidate, name))
      return rule === undefined ? [] : [rule]
    })
    if (referred.length < correlation.rules.length) return []
    const fieldsOf = (names: readonly string[]) =>
      referred.map((rule) => names.map((name) => fieldOf(correlation, name, rule)))
    return [
      {
        correlation,
        ruleIds: referred.map(({ id }) => id),
        groupFields: fieldsOf(correlation.groupBy),
        valueFields: fieldsOf(correlation.valueFields),
      },
    ]
  })
}

/** By rule id. A rule that correlations refer to tags on its own only if one of them generates. */
export function correlatedRules(
  runnable: readonly RunnableCorrelation[],
): ReadonlyMap<string, CorrelatedRule> {
  const found = new Map<string, CorrelatedRule>()
  for (const { correlation, ruleIds, groupFields, valueFields } of runnable) {
    ruleIds.forEach((ruleId, place) => {
      const before = found.get(ruleId)
      const names = [...(groupFields[place] ?? []), ...(valueFields[place] ?? [])]
      found.set(ruleId, {
        fields: [...new Set([...(before?.fields ?? []), ...names])],
        isTagging: correlation.isGenerating || before?.isTagging === true,
      })
    })
  }
  return found
}

/** The rule's own field where the name is an alias. */
function fieldOf({ aliases }: Correlation, name: string, rule: Rule): string {
  const byRule = Object.entries(aliases[name] ?? {})
  return byRule.find(([named]) => isNamed(rule, named))?.[1] ?? name
}
