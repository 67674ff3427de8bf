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

/** A rule, or a correlation, whose alerts are counted as a rule's matches are. */
type Referred = Pick<Rule, 'id' | 'reference'>

/** Correlations all of whose rules and correlations are there. */
export function runnableCorrelations(
  correlations: readonly Correlation[],
  rules: readonly Rule[],
): readonly RunnableCorrelation[] {
  return correlations.flatMap((correlation) => {
    const referred = correlation.rules.flatMap((name) => {
      const found: Referred | undefined =
        rules.find((candidate) => isNamed(candidate, name)) ??
        correlations.find((candidate) => isNamed(candidate, name))
      return found === undefined ? [] : [found]
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

/**
 * Correlations that come back to themselves through those they refer to: each alert would be counted
 * for the next.
 */
export function circularCorrelations(correlations: readonly Correlation[]): readonly Correlation[] {
  const nextOf = ({ rules }: Correlation) => {
    return correlations.filter((other) => rules.some((name) => isNamed(other, name)))
  }
  return correlations.filter((start) => {
    const seen = new Set<Correlation>()
    const left = [...nextOf(start)]
    for (let one = left.pop(); one !== undefined; one = left.pop()) {
      if (one === start) return true
      if (!seen.has(one)) left.push(...nextOf(one))
      seen.add(one)
    }
    return false
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
function fieldOf({ aliases }: Correlation, name: string, rule: Referred): string {
  const byRule = Object.entries(aliases[name] ?? {})
  return byRule.find(([named]) => isNamed(rule, named))?.[1] ?? name
}
