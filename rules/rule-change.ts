import type { Diagnostic } from '../core/diagnostic.ts'
import type { Rule } from './rule.ts'
import type { Rejection, RuleSet } from './rule-set.ts'

/** What became of one rule between two rule sets (R11): one record each, never batched. */
export interface RuleChange {
  readonly change: 'loaded' | 'reloaded' | 'rejected' | 'removed'
  /** '' for a rejected text that does not tell its id. */
  readonly ruleId: string
  readonly file: string
  /** Of the rule in force after the change, or before it when it was removed; '' without one. */
  readonly version: string
  readonly ruleHash: string
  readonly logicHash: string
  /** Why it was rejected. */
  readonly diagnostics: readonly Diagnostic[]
}

/** From `before` to `after`: rules by id, then rejections that are new. */
export function ruleChanges(before: RuleSet | undefined, after: RuleSet): readonly RuleChange[] {
  // Almost all rules are the same objects, most in the same places: only the others are gone through.
  const was = before?.rules ?? []
  const gone = new Set(was.filter((rule, place) => rule !== after.rules[place]))
  const moved = after.rules.filter((rule, place) => rule !== was[place])
  const fresh = moved.filter((rule) => !gone.delete(rule))
  const old = new Map([...gone].map((rule) => [rule.id, rule]))
  const current = new Map(fresh.map((rule) => [rule.id, rule]))
  const changes: RuleChange[] = []
  for (const rule of fresh) {
    const before = old.get(rule.id)
    if (before === undefined) changes.push(changeOf('loaded', rule))
    else if (isEdited(before, rule)) changes.push(changeOf('reloaded', rule))
  }
  for (const rule of old.values()) {
    if (!current.has(rule.id)) changes.push(changeOf('removed', rule))
  }
  const known = new Set((before?.rejections ?? []).map(keyOf))
  for (const rejection of after.rejections) {
    if (known.has(keyOf(rejection))) continue
    const { ruleId, file, diagnostics } = rejection
    const inForce = after.rules.find(({ id }) => id === ruleId)
    const { version = '', ruleHash = '', logicHash = '' } = inForce ?? {}
    changes.push({ change: 'rejected', ruleId, file, version, ruleHash, logicHash, diagnostics })
  }
  return changes
}

function isEdited(was: Rule, is: Rule): boolean {
  return (
    was.ruleHash !== is.ruleHash ||
    was.version !== is.version ||
    was.file !== is.file ||
    was.isShadow !== is.isShadow
  )
}

function changeOf(change: 'loaded' | 'reloaded' | 'removed', rule: Rule): RuleChange {
  const { id, file, version, ruleHash, logicHash } = rule
  return { change, ruleId: id, file, version, ruleHash, logicHash, diagnostics: [] }
}

function keyOf({ file, ruleId, textHash }: Rejection): string {
  return `${file}\n${ruleId}\n${textHash}`
}
