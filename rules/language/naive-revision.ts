import { sha256Hex } from '../../core/hash.ts'
import type { Revision, Rule } from '../rule.ts'
import { evaluate } from './evaluate.ts'
import { meets } from './sample.ts'

/** The contract of `Revision` word for word: every rule that meets the event, one by one. */
export function naiveRevision(rules: readonly Rule[]): Revision {
  return {
    id: revisionId(rules),
    rules,
    match: (event, mute) =>
      rules.filter((rule) => {
        if (!meets(rule, event)) return false
        if (mute?.ruleIds.has(rule.id) !== true) return evaluate(rule.condition, event)
        mute.onSkip(rule)
        return false
      }),
  }
}

/** Equal sets of rules have equal ids on every worker, in whatever order they were loaded. */
export function revisionId(rules: readonly Rule[]): string {
  return sha256Hex(rules.map(revisionLine).sort().join('\n'))
}

/** What a rule gives to the id of a revision. */
export function revisionLine({ id, version, ruleHash }: Rule): string {
  return `${id} ${version} ${ruleHash}`
}
