import type { Attack } from '../../schemas/attack.ts'
import type { MatchEvent } from '../../schemas/event.ts'
import { emitsOf } from '../emit.ts'
import type { Rule, RuleSample } from '../rule.ts'
import { evaluate } from './evaluate.ts'
import { isRouted } from './taxonomy.ts'

/** Does a rule meet an event at all? Native by kind, Sigma by log source. */
export function meets(rule: Rule, event: MatchEvent): boolean {
  return rule.kinds === null
    ? isRouted(rule.logsource, event.logsource)
    : rule.kinds.includes(event.kind)
}

/** Most specific ids of the techniques that a rule says of an event, sorted; [] without a match. */
export function techniqueIdsOf(rule: Rule, event: MatchEvent, attack: Attack): readonly string[] {
  if (!meets(rule, event) || !evaluate(rule.condition, event)) return []
  const ids = emitsOf(rule, event, attack).map((one) => one.subTechniqueId || one.techniqueId)
  return ids.sort()
}

/** What is wrong with a rule by one of its own samples; undefined when it does what the sample says. */
export function sampleProblem(
  rule: Rule,
  sample: RuleSample,
  event: MatchEvent,
  attack: Attack,
): string | undefined {
  const wanted = sample.emits.toSorted()
  const given = techniqueIdsOf(rule, event, attack)
  if (wanted.join() === given.join()) return undefined
  const list = (ids: readonly string[]) => (ids.length === 0 ? 'nothing' : ids.join(', '))
  return `this sample should emit ${list(wanted)}, and emits ${list(given)}`
}
