/**
 * The states of rules (S1-S3), folded from the catalog's records in log order: the same on every
 * worker, because every worker folds the same log.
 *
 * Contract: a rule without an entry is enabled. A state that has expired is no state: the rule is
 * enabled again, whether or not anyone asked meanwhile.
 */

import type { LogRecord } from '../core/kafka.ts'
import type { RuleState } from '../rules/rule.ts'
import { catalogTime, parseCatalog } from '../schemas/catalog.ts'

export interface StateChange {
  readonly ruleId: string
  /** null: back to enabled. */
  readonly state: RuleState | null
  readonly kind: 'state' | 'state_reverted'
}

export class RuleStates {
  readonly #states = new Map<string, RuleState>()

  /** Takes one catalog record; null if it changes no state (another kind, a refused one). */
  apply(record: LogRecord): StateChange | null {
    const change = parse(record)
    if (change === null || change.kind !== 'rule_state') return null
    const state = change.op === 'delete' ? null : stateOf(change.entity, change.derived)
    if (state === null || state.state === 'enabled') this.#states.delete(change.id)
    else this.#states.set(change.id, state)
    return { ruleId: change.id, state, kind: 'state' }
  }

  /** Removes what has expired at `nowMs` and tells of each. */
  expire(nowMs: number): readonly StateChange[] {
    const expired = [...this.#states].filter(([, { expiresAtMs }]) => isPast(expiresAtMs, nowMs))
    for (const [ruleId] of expired) this.#states.delete(ruleId)
    return expired.map(([ruleId]) => ({ ruleId, state: null, kind: 'state_reverted' }))
  }

  /** Epoch milliseconds of the next expiry; null if none is set. */
  nextExpiryMs(): number | null {
    const times = [...this.#states.values()].flatMap(({ expiresAtMs }) => expiresAtMs ?? [])
    return times.length === 0 ? null : Math.min(...times)
  }

  /** A copy that later changes do not touch: a block meets one set of states. */
  snapshot(): ReadonlyMap<string, RuleState> {
    return new Map(this.#states)
  }
}

function parse(record: LogRecord): ReturnType<typeof changeOf> {
  if (record.value === null) return null
  try {
    return changeOf(JSON.parse(Buffer.from(record.value).toString('utf8')), record.timestampMs)
  } catch {
    // The catalog processor dead-letters it with its reason; here it changes nothing.
    return null
  }
}

function changeOf(input: unknown, recordTimeMs: number) {
  const eventTimeMs = catalogTime(input) ?? recordTimeMs
  const parsed = parseCatalog(input, { eventTimeMs, validityDays: 0 })
  return parsed.ok ? parsed.value : null
}

function stateOf(
  entity: Readonly<Record<string, unknown>>,
  derived: Readonly<Record<string, unknown>>,
): RuleState {
  const merged = { ...entity, ...derived }
  const text = (field: string) => (typeof merged[field] === 'string' ? String(merged[field]) : null)
  const time = (field: string) => (text(field) === null ? null : Date.parse(text(field) ?? ''))
  const state = merged['state']
  const ceiling = merged['confidence_max']
  return {
    state: restrictions.find((name) => name === state) ?? 'enabled',
    confidenceMax: typeof ceiling === 'number' ? ceiling : null,
    expiresAtMs: time('expires_at'),
    reason: text('reason'),
    setBy: text('set_by'),
    setAtMs: time('set_at'),
  }
}

const restrictions = ['disabled', 'clipped', 'shadow', 'quarantined'] as const

function isPast(timeMs: number | null, nowMs: number): boolean {
  return timeMs !== null && timeMs <= nowMs
}
