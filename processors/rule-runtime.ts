/**
 * What rules do while they run (R10): events met, evaluations, matches, errors, time, and what became
 * of their tags, since this process began.
 *
 * Contract: counts of a rule go on over revisions. A block is counted once it is finished; evaluations
 * when they happen, so that a block that is tried again is evaluated, and counted, again.
 */

import type { Metrics } from '../core/metrics.ts'
import { type CompiledRevision, timedEvery } from '../rules/matcher/revision.ts'
import type { Outcome, TagOutcome } from './processor.ts'

export interface RuleCounts {
  readonly events: number
  readonly candidates: number
  readonly hits: number
  readonly errors: number
  /** Of all evaluations, estimated from those of a sample of events. */
  readonly evaluationMs: number
  readonly tags: Readonly<Partial<Record<TagOutcome, number>>>
}

/** More rules than these share one series, so that a rule set does not become a cardinality. */
export const ruleSeriesMax = 1_000
const otherRules = 'other'

export class RuleRuntime {
  readonly #isHidden: (ruleId: string) => boolean
  /** Of revisions that are gone. */
  readonly #past = new Map<string, Evaluations>()
  readonly #tags = new Map<string, Partial<Record<TagOutcome, number>>>()
  #revision: CompiledRevision | null = null
  /** What `exportTo` has told so far, by rule. */
  readonly #told = new Map<string, RuleCounts>()
  /** Rule id → label of its series. */
  readonly #labels = new Map<string, string>()

  /** Rules that `isHidden` says are nobody's business are not counted. */
  constructor(isHidden: (ruleId: string) => boolean) {
    this.#isHidden = isHidden
  }

  /** `revision` is in force from now on; the one before it is evaluated no more. */
  use(revision: CompiledRevision): void {
    const old = this.#revision
    if (old === revision) return
    if (old !== null) {
      for (const [id, evaluations] of evaluationsOf(old)) {
        this.#past.set(id, sum(this.#past.get(id), evaluations))
      }
    }
    this.#revision = revision
  }

  /** A block is finished. */
  add({ byRule }: Outcome): void {
    for (const [id, { tags }] of byRule ?? []) {
      const counts = this.#tags.get(id) ?? {}
      for (const [outcome, count] of entriesOf(tags)) {
        counts[outcome] = (counts[outcome] ?? 0) + count
      }
      this.#tags.set(id, counts)
    }
  }

  /** By rule id, of rules that an event has met, also such as are gone. */
  counts(): ReadonlyMap<string, RuleCounts> {
    const evaluations = new Map(this.#past)
    for (const [id, current] of this.#revision === null ? [] : evaluationsOf(this.#revision)) {
      evaluations.set(id, sum(evaluations.get(id), current))
    }
    const visible = [...evaluations].filter(([id]) => !this.#isHidden(id))
    return new Map(
      visible.map(([id, counts]) => [id, { ...counts, tags: this.#tags.get(id) ?? {} }]),
    )
  }

  /** Brings the metrics up to date: totals, and a series for each rule that hit or failed. */
  exportTo(metrics: Metrics): void {
    for (const [id, now] of this.counts()) {
      const before = this.#told.get(id) ?? nothing
      metrics.count('ttpstream_match_candidates_total', {}, now.candidates - before.candidates)
      metrics.count('ttpstream_match_hits_total', {}, now.hits - before.hits)
      metrics.count('ttpstream_match_errors_total', {}, now.errors - before.errors)
      metrics.count('ttpstream_match_seconds_total', {}, secondsSince(before, now))
      // A rule without a series tells all of itself when it gets one: its counters begin at 0.
      const isDisabled = (now.tags.disabled ?? 0) > 0
      const hasSeries = now.hits > 0 || now.errors > 0 || isDisabled
      if (hasSeries) this.#exportRule(metrics, id, now)
      this.#told.set(id, { ...now, tags: { ...now.tags } })
    }
  }

  #exportRule(metrics: Metrics, id: string, now: RuleCounts): void {
    const known = this.#labels.get(id)
    const rule = known ?? (this.#labels.size < ruleSeriesMax ? id : otherRules)
    const before = known === undefined ? nothing : (this.#told.get(id) ?? nothing)
    this.#labels.set(id, rule)
    metrics.count('ttpstream_rule_events_total', { rule }, now.events - before.events)
    metrics.count('ttpstream_rule_candidates_total', { rule }, now.candidates - before.candidates)
    metrics.count('ttpstream_rule_hits_total', { rule }, now.hits - before.hits)
    metrics.count('ttpstream_rule_errors_total', { rule }, now.errors - before.errors)
    metrics.count('ttpstream_rule_seconds_total', { rule }, secondsSince(before, now))
    for (const [outcome, count] of entriesOf(now.tags)) {
      const by = count - (before.tags[outcome] ?? 0)
      if (by > 0) metrics.count('ttpstream_rule_tags_total', { rule, outcome }, by)
    }
  }
}

type Evaluations = Omit<RuleCounts, 'tags'>

const nothing: RuleCounts = {
  events: 0,
  candidates: 0,
  hits: 0,
  errors: 0,
  evaluationMs: 0,
  tags: {},
}

function* evaluationsOf(revision: CompiledRevision): Generator<[string, Evaluations]> {
  for (const { rule, counters } of revision.counters()) {
    const { eventsTotal, candidatesTotal, hitsTotal, errorsTotal, timedMs } = counters
    if (eventsTotal === 0 && candidatesTotal === 0) continue
    yield [
      rule.id,
      {
        events: eventsTotal,
        candidates: candidatesTotal,
        hits: hitsTotal,
        errors: errorsTotal,
        evaluationMs: timedMs * timedEvery,
      },
    ]
  }
}

function sum(a: Evaluations | undefined, b: Evaluations): Evaluations {
  if (a === undefined) return b
  return {
    events: a.events + b.events,
    candidates: a.candidates + b.candidates,
    hits: a.hits + b.hits,
    errors: a.errors + b.errors,
    evaluationMs: a.evaluationMs + b.evaluationMs,
  }
}

function secondsSince(before: RuleCounts, now: RuleCounts): number {
  return (now.evaluationMs - before.evaluationMs) / 1000
}

function entriesOf(tags: RuleCounts['tags']): [TagOutcome, number][] {
  // Checked: the keys of such a record are outcomes, and it holds no undefined.
  return Object.entries(tags) as [TagOutcome, number][]
}
