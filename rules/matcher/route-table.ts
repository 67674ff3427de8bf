import type { MatchEvent } from '../../schemas/event.ts'
import { meets } from '../language/sample.ts'
import type { Rule } from '../rule.ts'
import type { Choice, CompiledCondition, Lineage } from './lineage.ts'
import { Plan } from './plan.ts'
import { Watch } from './watch.ts'

/** Kinds and log sources told apart at a time. */
const routesMax = 1024
/** After so many events beyond them the table starts anew: the first ones may have been noise. */
const unroutedMax = 1 << 16

/** What all events that meet the same rules share. */
export interface Route {
  plan: Plan
  readonly watch: Watch
  events: number
  /** The plan holds rules that an event may not meet: each candidate is to be asked. */
  readonly isOpen: boolean
}

type Origin = Pick<MatchEvent, 'kind' | 'logsource'>

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
  readonly #byOrigin = new Map<string, { readonly origin: Origin; readonly route: Route }>()
  readonly #byRules = new Map<string, Route>()
  #open: Route | undefined
  #unrouted = 0
  /** Events of routes that are gone. */
  #pastEvents: Float64Array
  #last: { readonly origin: Origin; readonly route: Route } | undefined

  /** `conditions`: one for each of `rules`. */
  constructor(rules: readonly Rule[], conditions: readonly CompiledCondition[], lineage: Lineage) {
    this.#rules = rules
    this.#conditions = conditions
    this.#lineage = lineage
    this.#pastEvents = new Float64Array(lineage.numberLimit)
  }

  get routes(): Route[] {
    const open = this.#open === undefined ? [] : [this.#open]
    return [...this.#byRules.values(), ...open]
  }

  routeOf(event: MatchEvent): Route {
    const last = this.#last
    if (last !== undefined && isSameOrigin(last.origin, event)) return last.route
    const key = keyOf(event)
    const known = this.#byOrigin.get(key)
    if (known !== undefined) {
      this.#last = known
      return known.route
    }
    if (this.#byOrigin.size >= routesMax) return this.#openRoute()
    const origin: Origin = { kind: event.kind, logsource: event.logsource }
    const entry = { origin, route: this.#routeFor(event) }
    this.#byOrigin.set(key, entry)
    this.#last = entry
    return entry.route
  }

  /** How many events each rule met, by number; on an open route every event counts. */
  eventsByNumber(): Float64Array {
    const events = this.#pastEvents.slice()
    for (const route of this.routes) {
      for (const { number } of route.plan.conditions) {
        events[number] = (events[number] ?? 0) + route.events
      }
    }
    return events
  }

  /**
   * Makes the routes that `previous` has, with what was learned there and the indexes that were in
   * use, so that no event has to wait for them. A plan whose rules are the same is taken as it is.
   */
  inherit(previous: RouteTable): void {
    for (const [key, { origin, route }] of previous.#byOrigin) {
      const event = { ...origin, fields: {} }
      this.#byOrigin.set(key, { origin, route: this.#routeFor(event, route.plan) })
    }
  }

  #routeFor(event: MatchEvent, like?: Plan): Route {
    const met = this.#conditions.filter((_, index) => {
      const rule = this.#rules[index]
      return rule !== undefined && meets(rule, event)
    })
    const key = met.map((condition) => condition.number).join()
    const known = this.#byRules.get(key)
    if (known !== undefined) return known
    const route = this.#newRoute(met, like, false)
    this.#byRules.set(key, route)
    return route
  }

  #newRoute(met: readonly CompiledCondition[], like: Plan | undefined, isOpen: boolean): Route {
    const plan =
      like === undefined
        ? new Plan(met, new Map(), this.#lineage)
        : remade(like, met, this.#lineage)
    return { plan, watch: new Watch(this.#lineage, like !== undefined), events: 0, isOpen }
  }

  #openRoute(): Route {
    this.#unrouted += 1
    if (this.#unrouted > unroutedMax) {
      this.#unrouted = 0
      this.#pastEvents = this.eventsByNumber()
      this.#byOrigin.clear()
      this.#byRules.clear()
      this.#open = undefined
      this.#last = undefined
    }
    this.#open ??= this.#newRoute(this.#conditions, undefined, true)
    return this.#open
  }
}

/** `plan` for other conditions, most of them the same. */
function remade(plan: Plan, conditions: readonly CompiledCondition[], lineage: Lineage): Plan {
  const isSame =
    conditions.length === plan.conditions.length &&
    conditions.every((condition, index) => condition === plan.conditions[index])
  if (isSame) return plan
  const kept = new Map<CompiledCondition, Choice>()
  for (const condition of conditions) {
    const choice = plan.choices.get(condition)
    if (choice !== undefined) kept.set(condition, choice)
  }
  const next = new Plan(conditions, kept, lineage)
  for (const field of next.fields) if (plan.isIndexed(field.name)) field.index()
  return next
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
