import type { Views } from '../core/clickhouse.ts'
import type { Clock } from '../core/clock.ts'
import { uuid5 } from '../core/hash.ts'
import type { OutRecord } from '../core/kafka.ts'
import { hourMs, minuteMs } from '../core/units.ts'
import { correlatedRules, type RunnableCorrelation } from '../rules/correlated-rule.ts'

/**
 * Runs correlations over what their rules matched, and publishes what holds as alerts of our own.
 *
 * Contract:
 * - An alert's id is made of the correlation, its version, the group and the bucket of time, and an alert
 *   that is known is not published again: so a rerun adds nothing.
 * - Late events add alerts and take none back: whatever the order of arrival, in the end there is an
 *   alert for each bucket in which an at-least condition holds.
 */

export interface CorrelateOptions {
  readonly views: Views
  readonly send: (records: readonly OutRecord[]) => Promise<void>
  readonly clock: Clock
  /** Where alerts go. */
  readonly topic: string
}

const namespace = '0d0a5e1c-7a5d-4d0e-9a44-3c3a4f5f8d61'
/** Blocks become readable a little after the time that their rows carry. */
const lookBackMs = 10 * minuteMs
/** A block that was finished late, for another worker, carries an old time. */
const longLookBackMs = 24 * hourMs
const idsMax = 1_000
const separator = '\u001f'

export class Correlator {
  readonly #options: CorrelateOptions
  /** Alert id → when it was sent; until it can be read back. */
  readonly #sent = new Map<string, number>()
  #longLookMs = Number.NEGATIVE_INFINITY

  constructor(options: CorrelateOptions) {
    this.#options = options
  }

  /** One pass over all of them; resolves to the number of alerts published. */
  async run(correlations: readonly RunnableCorrelation[]): Promise<number> {
    const { clock, send, topic } = this.#options
    const nowMs = clock.now()
    const isLong = nowMs - this.#longLookMs >= hourMs
    const sinceMs = nowMs - (isLong ? longLookBackMs : lookBackMs)
    const correlated = correlatedRules(correlations)
    let published = 0
    for (const runnable of correlations) {
      const isCounted = correlated.get(runnable.correlation.id)?.isTagging === false
      const fresh = await this.#unknown(await this.#matches(runnable, sinceMs), nowMs)
      for (let from = 0; from < fresh.length; from += idsMax) {
        const part = fresh.slice(from, from + idsMax)
        await send(part.map((match) => alertRecord(topic, runnable, match, { nowMs, isCounted })))
        for (const { id } of part) this.#sent.set(id, nowMs)
        published += part.length
      }
    }
    if (isLong) this.#longLookMs = nowMs
    for (const [id, at] of this.#sent) if (nowMs - at > hourMs) this.#sent.delete(id)
    return published
  }

  async #matches(
    { correlation, ruleIds, groupFields, valueFields }: RunnableCorrelation,
    sinceMs: number,
  ): Promise<readonly Match[]> {
    const joined = (lists: readonly (readonly string[])[]) =>
      lists.map((names) => names.join(separator))
    const rows = await this.#options.views.select<MatchRow>('correlation_matches', {
      type: correlation.type,
      rule_ids: ruleIds,
      group_fields: joined(groupFields),
      value_fields: joined(valueFields),
      window_ms: correlation.timespanMs,
      since_ms: sinceMs,
      ...measureBounds(correlation.bounds),
    })
    return rows.map((row) => ({ ...row, id: alertId(correlation, row) }))
  }

  async #unknown(matches: readonly Match[], nowMs: number): Promise<readonly Match[]> {
    const unknown: Match[] = []
    const candidates = matches.filter(({ id }) => !this.#sent.has(id))
    for (let from = 0; from < candidates.length; from += idsMax) {
      const part = candidates.slice(from, from + idsMax)
      const ids = part.map(({ id }) => id)
      const rows = await this.#options.views.select<{ alert_id: string }>('alerts_known', { ids })
      const known = new Set(rows.map(({ alert_id }) => alert_id))
      for (const id of known) this.#sent.set(id, nowMs)
      unknown.push(...part.filter(({ id }) => !known.has(id)))
    }
    return unknown
  }
}

/** A row of `correlation_matches`. */
interface MatchRow {
  readonly group_values: readonly string[]
  readonly bucket: number
  readonly anchor_ms: number
  readonly anchor_measure: number
  readonly anchor_host: string
  readonly anchor_user: string
  readonly anchor_attacker_id: string
  readonly source_event_ids: readonly string[]
}

interface Match extends MatchRow {
  readonly id: string
}

type Bounds = RunnableCorrelation['correlation']['bounds']

/** Several bounds hold together; `neq` excludes one measure. */
function measureBounds(bounds: Bounds) {
  const of = (op: Bounds[number]['op']) => bounds.filter((bound) => bound.op === op)
  const values = (op: Bounds[number]['op']) => of(op).map(({ value }) => value)
  // An event is there wherever a measure is taken, so no measure is below 0; counts are whole.
  const least = [0, ...values('gte'), ...values('eq'), ...values('gt').map((value) => value + 1)]
  const most = [...values('lte'), ...values('eq'), ...values('lt').map((value) => value - 1)]
  return {
    measure_min: Math.max(...least),
    measure_max: Math.min(Number.MAX_SAFE_INTEGER, ...most),
    // Never empty, so that its type is known.
    measure_not: [-1, ...values('neq')],
  }
}

function alertId(
  { id, version }: RunnableCorrelation['correlation'],
  { group_values, bucket }: MatchRow,
): string {
  return `correlation-${uuid5(namespace, JSON.stringify([id, version, group_values, bucket]))}`
}

function alertRecord(
  topic: string,
  { correlation, ruleIds }: RunnableCorrelation,
  match: Match,
  { nowMs, isCounted }: { nowMs: number; isCounted: boolean },
): OutRecord {
  const { id, title, version, severity, emits, type, groupBy, timespanMs } = correlation
  const value = {
    alert_id: match.id,
    event_time: match.anchor_ms,
    raised_at: nowMs,
    rule: { system: 'ttpstream', id, name: title, version },
    severity,
    // One that another correlation only counts says nothing on its own.
    technique_ids: (isCounted ? [] : emits).map((emit) => emit.subTechniqueId || emit.techniqueId),
    hosts: given(match.anchor_host),
    users: given(match.anchor_user),
    src_ips: given(match.anchor_attacker_id),
    source_event_ids: match.source_event_ids,
    correlation: {
      type,
      rules: ruleIds,
      group: Object.fromEntries(groupBy.map((name, n) => [name, match.group_values[n] ?? ''])),
      timespan_seconds: timespanMs / 1000,
      measure: match.anchor_measure,
    },
  }
  return { topic, key: match.anchor_host || id, value: JSON.stringify(value) }
}

function given(text: string): readonly string[] {
  return text === '' ? [] : [text]
}
