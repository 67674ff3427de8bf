import type { LogSource, MatchEvent } from '../../schemas/event.ts'
import { meets } from '../language/sample.ts'
import type { Rule } from '../rule.ts'
import type { CompiledCondition, Lineage } from './lineage.ts'
import { PatchedPlan, type UsedPlan } from './patched-plan.ts'
import { Plan } from './plan.ts'
import { Watch } from './watch.ts'

/** Kinds and log sources told apart at a time. */
const routesMax = 1024
/** After so many events beyond them the table starts anew: the first ones may have been noise. */
const unroutedMax = 1 << 16

/** More new rules than this make plans anew, each when it is first needed. */
const inheritedChangesMax = 256

/** What all events that meet the same rules share. */
export interface Route {
  plan: UsedPlan
  readonly watch: Watch
  events: number
  /** The plan holds rules that an event may not meet: each candidate is to be asked. */
  readonly isOpen: boolean
}

type Origin = Pick<MatchEvent, 'kind' | 'logsource'>

interface Entry {
  readonly origin: Origin
  readonly route: Route
}

/**
 * Which plan an event goes through: by its kind and log source, made when they are first seen.
 *
 * Producers name kinds and log sources, so new names must not cost more than known ones for long:
 * beyond `routesMax` of them, events go through one plan of all rules.
 */
export class RouteTable {
  readonly #rules: readonly Rule[]
  readonly #conditions: readonly CompiledCondition[]
  readonly #lineage: Lineage
  readonly #byOrigin = new Map<string, Entry>()
  #byObject = new WeakMap<LogSource, Entry>()
  readonly #byRules = new Map<string, Route>()
  /** Routes made from those of the revision before. */
  #heirs: Route[] = []
  #open: Route | undefined
  #unrouted = 0
  /** Events of routes that are gone. */
  #pastEvents: Float64Array
  #last: Entry | undefined

  /** `conditions`: one for each of `rules`. */
  constructor(rules: readonly Rule[], conditions: readonly CompiledCondition[], lineage: Lineage) {
    this.#rules = rules
    this.#conditions = conditions
    this.#lineage = lineage
    this.#pastEvents = new Float64Array(lineage.numberLimit)
  }

  get routes(): Route[] {
    const open = this.#open === undefined ? [] : [this.#open]
    return [...this.#byRules.values(), ...this.#heirs, ...open]
  }

  routeOf(event: MatchEvent): Route {
    const last = this.#last
    if (last !== undefined && isSameOrigin(last.origin, event)) return last.route
    const { kind, logsource } = event
    // Sources give equal log sources as the same object.
    const ofObject = this.#byObject.get(logsource)
    if (ofObject !== undefined && ofObject.origin.kind === kind) {
      this.#last = ofObject
      return ofObject.route
    }
    const known = this.#byOrigin.get(keyOf(event))
    if (known !== undefined) {
      this.#last = known
      this.#byObject.set(logsource, known)
      return known.route
    }
    if (this.#byOrigin.size >= routesMax) return this.#openRoute()
    const entry = { origin: { kind, logsource }, route: this.#routeFor(event) }
    this.#byOrigin.set(keyOf(event), entry)
    this.#last = entry
    return entry.route
  }

  /** How many events each rule met, by number; on an open route every event counts. */
  eventsByNumber(): Float64Array {
    const events = this.#pastEvents.slice()
    for (const route of this.routes) {
      for (const { condition } of route.plan.choices) {
        const { number } = condition
        events[number] = (events[number] ?? 0) + route.events
      }
    }
    return events
  }

  /**
   * Makes the routes that `previous` has, with what was learned there and the indexes that were in
   * use, so that no event has to wait for them. A plan that no changed rule is part of is taken as
   * it is.
   */
  inherit(previous: RouteTable): void {
    const before = new Set(previous.#conditions)
    const now = new Set(this.#conditions)
    const removed = new Set(previous.#conditions.filter((condition) => !now.has(condition)))
    const added = this.#conditions.filter((condition) => !before.has(condition))
    if (added.length > inheritedChangesMax) return
    const heirs = new Map<Route, Map<string, Route>>()
    for (const [key, { origin, route }] of previous.#byOrigin) {
      // Origins that met the same rules until now may be told apart by a rule that is new.
      const met = added.filter(({ rule }) => meets(rule, { ...origin, fields: {} }))
      const ofRoute = heirs.get(route) ?? new Map<string, Route>()
      const heir = ofRoute.get(numbersOf(met)) ?? this.#heirOf(route, removed, met)
      heirs.set(route, ofRoute.set(numbersOf(met), heir))
      this.#byOrigin.set(key, { origin, route: heir })
    }
    this.#heirs = [...new Set([...heirs.values()].flatMap((ofRoute) => [...ofRoute.values()]))]
  }

  #heirOf(
    route: Route,
    removed: ReadonlySet<CompiledCondition>,
    added: readonly CompiledCondition[],
  ): Route {
    const isTouched =
      added.length > 0 || route.plan.choices.some(({ condition }) => removed.has(condition))
    const guessed = added.map((condition) => condition.guessed)
    const plan = isTouched
      ? PatchedPlan.of(route.plan, removed, guessed, this.#lineage)
      : route.plan
    const watch = new Watch(this.#lineage, route.watch.hasLearned)
    return { plan, watch, events: 0, isOpen: false }
  }

  #routeFor(event: MatchEvent): Route {
    const met = this.#conditions.filter((_, index) => {
      const rule = this.#rules[index]
      return rule !== undefined && meets(rule, event)
    })
    const key = numbersOf(met)
    const known = this.#byRules.get(key)
    if (known !== undefined) return known
    const route = this.#newRoute(met, false)
    this.#byRules.set(key, route)
    return route
  }

  #newRoute(met: readonly CompiledCondition[], isOpen: boolean): Route {
    const plan = new Plan(
      met.map((condition) => condition.guessed),
      this.#lineage,
    )
    return { plan, watch: new Watch(this.#lineage, false), events: 0, isOpen }
  }

  #openRoute(): Route {
    this.#unrouted += 1
    if (this.#unrouted > unroutedMax) {
      this.#unrouted = 0
      this.#pastEvents = this.eventsByNumber()
      this.#byOrigin.clear()
      this.#byObject = new WeakMap()
      this.#byRules.clear()
      this.#heirs = []
      this.#open = undefined
      this.#last = undefined
    }
    this.#open ??= this.#newRoute(this.#conditions, true)
    return this.#open
  }
}

function numbersOf(conditions: readonly CompiledCondition[]): string {
  return conditions.map(({ number }) => number).join()
}

function isSameOrigin(left: Origin, right: Origin): boolean {
  const { kind, logsource } = left
  return (
    kind === right.kind &&
    (logsource === right.logsource ||
      (logsource.category === right.logsource.category &&
        logsource.service === right.logsource.service &&
        logsource.product === right.logsource.product))
  )
}

function keyOf({ kind, logsource }: Origin): string {
  const { product = '\0', service = '\0', category = '\0' } = logsource
  return `${kind}\n${product}\n${service}\n${category}`
}
