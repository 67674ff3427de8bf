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

/**
 * Equal sets of rules have equal ids on every worker, in whatever order they were loaded: the sum of a
 * hash of each rule, so that an edit costs one hash and no sorting.
 */
export function revisionId(rules: readonly Rule[]): string {
  return revisionIdOf(rules.reduce((sum, rule) => sum + revisionTerm(rule), 0n))
}

/** What a rule adds to the sum. */
export function revisionTerm({ id, version, ruleHash }: Rule): bigint {
  return BigInt(`0x${sha256Hex(`${id} ${version} ${ruleHash}`)}`)
}

/** 64 hex digits. */
export function revisionIdOf(sum: bigint): string {
  return BigInt.asUintN(256, sum).toString(16).padStart(64, '0')
}
