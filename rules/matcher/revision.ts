import { assert, messageOf } from '../../core/error.ts'
import type { MatchEvent } from '../../schemas/event.ts'
import { meets } from '../language/sample.ts'
import type { Mute, Revision, Rule } from '../rule.ts'
import { Counters, type RuleCounters } from './counters.ts'
import { EventValues } from './event-values.ts'
import { IdSet } from './id-set.ts'
import { type CompiledCondition, Lineage } from './lineage.ts'
import type { Predicate } from './predicate.ts'
import { RouteTable } from './route-table.ts'

/**
 * The indexed matcher. An event goes through three steps: its kind and log source name a plan
 * (`route-table.ts`); the plan's indexes gather candidates, the rules of which the event shows a
 * witness (`plan.ts`, `witness.ts`); each candidate's predicate is evaluated, once (`predicate.ts`).
 *
 * Soundness: the plan holds every rule that the event meets, a witness is necessary for its rule, and
 * an index finds every witness that is there. So no match is lost, and the predicate alone decides.
 */

export interface CompileOptions {
  /**
   * A text longer than this many UTF-16 units (bytes, for ASCII) is matched on its beginning, an
   * array on as much text together. Keywords are searched in four times as much of an event.
   */
  readonly fieldBytesMax?: number
  /** The revision that this one replaces: what did not change is taken over. */
  readonly previous?: Revision
  /** Milliseconds of a monotonic clock; one event in `timedEvery` is timed rule by rule. */
  readonly timer?: () => number
  /** Told of the first evaluation of each rule that throws. */
  readonly onError?: (rule: Rule, message: string) => void
}

export interface CompiledRevision extends Revision {
  /** In the order of `rules`. */
  counters(): readonly { readonly rule: Rule; readonly counters: RuleCounters }[]
  totals(): RevisionTotals
}

export interface RevisionTotals {
  readonly eventsTotal: number
  readonly candidatesTotal: number
  readonly hitsTotal: number
  /** Values longer than `fieldBytesMax`. */
  readonly cutValuesTotal: number
  readonly plans: number
  /** Rules that some plan must always evaluate, by id. */
  readonly alwaysEvaluated: readonly string[]
}

/** As long as a command line of Windows can be. */
export const fieldBytesMaxDefault = 32 * 1024

/** Compiling never fails: a rule whose condition cannot be run counts an error on each evaluation. */
export function compileRevision(
  rules: readonly Rule[],
  options: CompileOptions = {},
): CompiledRevision {
  return new IndexedRevision(rules, options)
}

/** One event in so many is timed. */
export const timedEvery = 512
/** The place of a condition that no rule has any more, which a plan of before may still find. */
const gone = -1
/** A lineage that has seen so many times as many conditions as are in use starts anew. */
const numbersPerRuleMax = 4

class IndexedRevision implements CompiledRevision {
  readonly id: string
  readonly rules: readonly Rule[]
  readonly #lineage: Lineage
  readonly #conditions: readonly CompiledCondition[]
  readonly #routes: RouteTable
  readonly #values: EventValues
  readonly #candidates: IdSet
  readonly #counters: Counters
  readonly #timer: (() => number) | null
  readonly #onError: CompileOptions['onError']
  /** By condition number: its place in `rules`, or `gone`. */
  readonly #places: Int32Array
  /** By condition number, once it was needed. */
  readonly #predicates: (Predicate | undefined)[]
  /** Places in `rules`. */
  readonly #matched: number[] = []
  readonly #result: Rule[] = []
  #events = 0

  constructor(rules: readonly Rule[], options: CompileOptions) {
    const previous = options.previous instanceof IndexedRevision ? options.previous : null
    const lineage = previous?.heir(rules.length) ?? new Lineage()
    this.id = lineage.revisionId(rules)
    this.rules = rules
    this.#lineage = lineage
    this.#conditions = lineage.compile(rules)
    const limit = lineage.numberLimit
    this.#places = new Int32Array(limit).fill(gone)
    this.#conditions.forEach((condition, place) => {
      this.#places[condition.number] = place
    })
    this.#values = new EventValues(lineage.names, options.fieldBytesMax ?? fieldBytesMaxDefault)
    this.#predicates = new Array<Predicate | undefined>(limit).fill(undefined)
    this.#candidates = new IdSet(limit)
    this.#counters = new Counters(limit)
    this.#timer = options.timer ?? null
    this.#onError = options.onError
    this.#routes = new RouteTable(rules, this.#conditions, lineage)
    if (previous !== null && previous.#lineage === lineage) this.#routes.inherit(previous.#routes)
  }

  /** The lineage for a revision of `rules` rules after this one, if it is still worth keeping. */
  heir(rules: number): Lineage | undefined {
    const numbersMax = numbersPerRuleMax * (rules + 1024)
    return this.#lineage.numberLimit <= numbersMax ? this.#lineage : undefined
  }

  match(event: MatchEvent, mute?: Mute): readonly Rule[] {
    const route = this.#routes.routeOf(event)
    const values = this.#values
    const candidates = this.#candidates
    values.begin(event.fields)
    candidates.clear()
    route.plan.gather(event, values, candidates)
    this.#events += 1
    route.events += 1
    const timer = this.#events % timedEvery === 0 ? this.#timer : null
    const matched = this.#matched
    if (matched.length !== 0) matched.length = 0
    for (let index = 0; index < candidates.size; index += 1) {
      const number = candidates.at(index)
      if (this.#places[number] === gone) continue
      if (route.isOpen && !this.#meets(number, event)) continue
      if (mute !== undefined && this.#isMuted(number, mute)) continue
      if (timer === null ? this.#holds(number) : this.#holdsTimed(number, timer)) {
        matched.push(this.#places[number] ?? gone)
      } else route.watch.missed(number)
    }
    const better = route.watch.after(route.events, route.plan, values)
    if (better !== null) route.plan = better
    return this.#inOrder(matched)
  }

  counters(): { rule: Rule; counters: RuleCounters }[] {
    const events = this.#routes.eventsByNumber()
    return this.rules.map((rule, place) => {
      const number = this.#conditions[place]?.number ?? 0
      return { rule, counters: this.#counters.read(number, events[number] ?? 0) }
    })
  }

  totals(): RevisionTotals {
    const always = new Set(this.#routes.routes.flatMap((route) => route.plan.always))
    return {
      eventsTotal: this.#events,
      candidatesTotal: sum(this.#counters.candidates),
      hitsTotal: sum(this.#counters.hits),
      cutValuesTotal: this.#values.cutTotal,
      plans: this.#routes.routes.length,
      alwaysEvaluated: [...always].map((number) => this.#ruleOf(number)?.id ?? ''),
    }
  }

  /** The predicate's answer. What it throws is that rule's alone. */
  #holds(number: number): boolean {
    const counters = this.#counters
    counters.candidates[number] = (counters.candidates[number] ?? 0) + 1
    try {
      const predicate = this.#predicates[number] ?? this.#compile(number)
      if (!predicate(this.#values)) return false
    } catch (thrown) {
      if (counters.failed(number, thrown)) this.#reportError(number, thrown)
      return false
    }
    counters.hits[number] = (counters.hits[number] ?? 0) + 1
    return true
  }

  #reportError(number: number, thrown: unknown): void {
    const rule = this.#ruleOf(number)
    if (rule !== undefined) this.#onError?.(rule, messageOf(thrown))
  }

  #holdsTimed(number: number, timer: () => number): boolean {
    const before = timer()
    const holds = this.#holds(number)
    this.#counters.addTime(number, timer() - before)
    return holds
  }

  #compile(number: number): Predicate {
    const condition = this.#conditions[this.#places[number] ?? gone]
    assert(condition?.number === number, `no condition has the number ${number}`)
    this.#predicates[number] = condition.predicate
    return condition.predicate
  }

  /** The order of `rules`, whatever the index found first. */
  #inOrder(matched: number[]): readonly Rule[] {
    const result = this.#result
    if (result.length !== 0) result.length = 0
    if (matched.length > 1) matched.sort((left, right) => left - right)
    for (let index = 0; index < matched.length; index += 1) {
      const rule = this.rules[matched[index] ?? 0]
      if (rule !== undefined) result.push(rule)
    }
    return result
  }

  #isMuted(number: number, mute: Mute): boolean {
    const rule = this.#ruleOf(number)
    if (rule === undefined || !mute.ruleIds.has(rule.id)) return false
    mute.onSkip(rule)
    return true
  }

  #meets(number: number, event: MatchEvent): boolean {
    const rule = this.#ruleOf(number)
    return rule !== undefined && meets(rule, event)
  }

  #ruleOf(number: number): Rule | undefined {
    return this.rules[this.#places[number] ?? gone]
  }
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, number) => total + number, 0)
}
