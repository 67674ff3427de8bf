import { fieldsOf, leavesOf } from '../language/tree.ts'
import type { EventValues } from './event-values.ts'
import type { CompiledCondition, Lineage } from './lineage.ts'
import { PatchedPlan, type UsedPlan } from './patched-plan.ts'
import { ValueSample } from './value-sample.ts'
import { witnessOf } from './witness.ts'

/**
 * Learns from the stream which witnesses are rare. For some events it counts how often each rule was
 * evaluated for nothing; if that was often, it looks at the values of some more events, and chooses
 * the witnesses of those rules anew. It does so a few times in a plan's life, ever more seldom.
 *
 * A witness is sound however it was chosen, so answers never depend on what was learned.
 */

/**
 * A round of counting begins at these events of a plan. What is learned pays for itself after some
 * ten thousand events, so a plan that sees fewer is left as it is.
 */
const roundsAt = [1 << 13, 1 << 16, 1 << 19]
const countedEvents = 2048
/** A rule evaluated in vain for more than this share of events is worth a better witness. */
const wasteMax = 0.004
const relearnedMax = 256
const sampledEvents = 256
/** One event in so many is sampled: neighbours are alike. */
const sampleEvery = 4

export class Watch {
  readonly #lineage: Lineage
  #round = 0
  #state: 'waiting' | 'counting' | 'sampling' | 'done' = 'waiting'
  /** The event at which the state ends. */
  #until = 0
  /** By rule number: evaluations in vain in this round. */
  #wasted: Uint32Array | null = null
  #wasteful: CompiledCondition[] = []
  #sample = new ValueSample([])

  /** `hasLearned`: the plan's witnesses were learned before; the first round is left out. */
  constructor(lineage: Lineage, hasLearned: boolean) {
    this.#lineage = lineage
    this.#round = hasLearned ? 1 : 0
    this.#until = roundsAt[this.#round] ?? 0
  }

  /** Was the first round of learning done? */
  get hasLearned(): boolean {
    return this.#round > 0
  }

  /** A candidate did not match. */
  missed(rule: number): void {
    const wasted = this.#wasted
    if (wasted !== null) wasted[rule] = (wasted[rule] ?? 0) + 1
  }

  /** After each event; `events` is how many there were. Returns a better plan, when it has one. */
  after(events: number, plan: UsedPlan, values: EventValues): UsedPlan | null {
    if (this.#state === 'sampling' && events % sampleEvery === 0) {
      this.#sample.add(values, this.#lineage.names)
    }
    return events < this.#until ? null : this.#next(events, plan)
  }

  #next(events: number, plan: UsedPlan): UsedPlan | null {
    switch (this.#state) {
      case 'waiting':
        this.#wasted = new Uint32Array(this.#lineage.numberLimit)
        this.#enter('counting', events + countedEvents)
        return null
      case 'counting':
        this.#wasteful = wastefulOf(plan, this.#wasted ?? new Uint32Array())
        this.#wasted = null
        if (this.#wasteful.length === 0) {
          this.#wait(events)
          // Nobody edits rules just now.
          return plan instanceof PatchedPlan ? plan.replaced(new Set(), []) : null
        }
        this.#sample = new ValueSample(new Set(this.#wasteful.flatMap(conditionFields)))
        this.#enter('sampling', events + sampledEvents * sampleEvery)
        return null
      case 'sampling': {
        const better = replanned(plan, this.#wasteful, this.#sample)
        this.#wasteful = []
        this.#sample = new ValueSample([])
        this.#wait(events)
        return better
      }
      case 'done':
        return null
    }
  }

  #wait(events: number): void {
    this.#round += 1
    const at = roundsAt[this.#round]
    if (at === undefined) this.#enter('done', Number.POSITIVE_INFINITY)
    else this.#enter('waiting', Math.max(at, events))
  }

  #enter(state: 'waiting' | 'counting' | 'sampling' | 'done', until: number): void {
    this.#state = state
    this.#until = until
  }
}

function wastefulOf(plan: UsedPlan, wasted: Uint32Array): CompiledCondition[] {
  const wasteOf = (condition: CompiledCondition): number => wasted[condition.number] ?? 0
  return plan.choices
    .map((choice) => choice.condition)
    .filter((condition) => wasteOf(condition) > countedEvents * wasteMax)
    .sort((left, right) => wasteOf(right) - wasteOf(left))
    .slice(0, relearnedMax)
}

function conditionFields(condition: CompiledCondition): string[] {
  return leavesOf(condition.rule.condition).flatMap(fieldsOf)
}

function replanned(
  plan: UsedPlan,
  wasteful: readonly CompiledCondition[],
  sample: ValueSample,
): UsedPlan {
  const rarity = sample.rarity()
  const choices = wasteful.map((condition) =>
    condition.choose(witnessOf(condition.rule.condition, rarity)),
  )
  return plan.replaced(new Set(wasteful), choices, (field) => sample.textsOf(field))
}
