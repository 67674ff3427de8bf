import type { MatchEvent } from '../../schemas/event.ts'
import type { EventValues } from './event-values.ts'
import type { IdSet } from './id-set.ts'
import type { Choice, CompiledCondition, Lineage } from './lineage.ts'
import { alwaysOf, Plan, type RulePlan } from './plan.ts'

/** A plan that events go through. */
export type UsedPlan = Plan | PatchedPlan

/** With more late rules than this, the plan is made whole: each event pays for both parts. */
const lateMax = 64

/**
 * A plan with a few rules that came later in a small one beside it, so that an edit costs no index of
 * the others anew.
 *
 * `gather` may still add rules that are gone: the base does not know. Whoever asks leaves them out.
 */
export class PatchedPlan implements RulePlan {
  readonly choices: readonly Choice[]
  readonly always: readonly number[]
  readonly #base: Plan
  /** Conditions of the base that are no longer part of this plan. */
  readonly #gone: ReadonlySet<CompiledCondition>
  readonly #late: Plan

  /** `plan` without the conditions of `removed` and with `added`. */
  static of(
    plan: UsedPlan,
    removed: ReadonlySet<CompiledCondition>,
    added: readonly Choice[],
    lineage: Lineage,
  ): UsedPlan {
    const [base, before, gone] =
      plan instanceof PatchedPlan
        ? [plan.#base, plan.#late.choices, plan.#gone]
        : [plan, [], new Set<CompiledCondition>()]
    const late = [...before.filter(({ condition }) => !removed.has(condition)), ...added]
    if (late.length > lateMax) return plan.replaced(removed, added)
    return new PatchedPlan(base, new Set([...gone, ...removed]), new Plan(late, lineage))
  }

  private constructor(base: Plan, gone: ReadonlySet<CompiledCondition>, late: Plan) {
    this.#base = base
    this.#gone = gone
    this.#late = late
    const kept = base.choices.filter(({ condition }) => !gone.has(condition))
    this.choices = [...kept, ...late.choices]
    this.always = alwaysOf(this.choices)
  }

  gather(event: MatchEvent, values: EventValues, candidates: IdSet): void {
    this.#base.gather(event, values, candidates)
    this.#late.gather(event, values, candidates)
  }

  replaced(
    removed: ReadonlySet<CompiledCondition>,
    added: readonly Choice[],
    textsOf?: (field: string) => readonly string[],
  ): Plan {
    const late = this.#late.choices.filter(({ condition }) => !removed.has(condition))
    return this.#base.replaced(new Set([...this.#gone, ...removed]), [...late, ...added], textsOf)
  }
}
