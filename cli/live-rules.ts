/**
 * The rules in force: a revision from the rule folders or the log, and the states from the catalog,
 * each swapped whole between two blocks; every change is told on `ttp.rule-events`.
 */

import { type Clock, monotonicMs } from '../core/clock.ts'
import { formatDiagnostic } from '../core/diagnostic.ts'
import type { LogRecord, OutRecord } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import type { Readiness } from '../core/readiness.ts'
import { canaryFolder, canaryKind, canaryRuleId, doesCanarySing } from '../processors/canary.ts'
import type { RulesInForce } from '../processors/engine/engine.ts'
import type { Outcome } from '../processors/processor.ts'
import { PushedRules } from '../processors/pushed-rules.ts'
import { Quarantine, type QuarantineOptions } from '../processors/quarantine.ts'
import { type RuleCounts, RuleRuntime } from '../processors/rule-runtime.ts'
import { RuleStates, type StateChange } from '../processors/rule-states.ts'
import {
  type CorrelatedRule,
  correlatedRules,
  type RunnableCorrelation,
  runnableCorrelations,
} from '../rules/correlated-rule.ts'
import { type RuleFolder, type RuleSetChange, watchRules } from '../rules/folder.ts'
import { readRuleFolders } from '../rules/folder-listing.ts'
import { type RuleContext, ruleContext } from '../rules/language/context.ts'
import type { Rule } from '../rules/rule.ts'
import type { RuleSet } from '../rules/rule-set.ts'

export interface LiveRulesOptions {
  /** `log`: the rules that `rules push` published to the catalog. */
  readonly folders: readonly string[] | 'log'
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly readiness: Readiness
  readonly quarantine: QuarantineOptions
  readonly onEvent: (event: RuleEvent) => void
  /** Other rules are in force. */
  readonly onRules?: () => void
  /** Publishes to the catalog. */
  readonly onQuarantine: (record: (topic: string) => OutRecord) => void
}

/** One record of `ttp.rule-events` (R11). */
export interface RuleEvent {
  readonly event:
    | 'loaded'
    | 'reloaded'
    | 'rejected'
    | 'removed'
    | 'state'
    | 'state_reverted'
    | 'suppressed'
  readonly rule_id: string
  readonly [detail: string]: unknown
}

interface Correlations {
  readonly of: RuleSet | null
  readonly runnable: readonly RunnableCorrelation[]
  readonly correlated: ReadonlyMap<string, CorrelatedRule>
}

const timerMsMax = 2 ** 31 - 1

export class LiveRules {
  readonly #options: LiveRulesOptions
  readonly #states = new RuleStates()
  readonly #runtime = new RuleRuntime((ruleId) => ruleId === canaryRuleId)
  readonly #quarantine: Quarantine
  #folder: RuleFolder | null = null
  #pushed: PushedRules | null = null
  #inForce: RulesInForce | null = null
  /** Rules that lost tags to an exception, and were told of, under one revision. */
  #failing = { revision: '', rules: new Set<string>() }
  #correlations: Correlations = { of: null, runnable: [], correlated: new Map() }
  #timer: NodeJS.Timeout | null = null
  /** Epoch milliseconds of the last change of rules. */
  changedAtMs: number

  constructor(options: LiveRulesOptions) {
    this.#options = options
    this.#quarantine = new Quarantine(options.quarantine)
    this.changedAtMs = options.clock.now()
  }

  /** Loads the folders; from then on they are followed. Rules from the log come with `settle`. */
  async start(): Promise<void> {
    const { folders, log } = this.#options
    const context: RuleContext = {
      ...ruleContext(),
      extraKinds: [canaryKind],
      matching: {
        timer: monotonicMs,
        onError: ({ id, file, line }, error) =>
          log.warn({ rule: id, file, line, error }, 'a rule could not be evaluated'),
      },
    }
    if (folders === 'log') {
      this.#pushed = new PushedRules(context, readRuleFolders([canaryFolder]))
      return
    }
    this.#folder = await watchRules([...folders, canaryFolder], {
      context,
      log,
      onChange: (change) => this.#onRules(change),
    })
    this.#swap()
  }

  current(): RulesInForce {
    if (this.#inForce === null) throw new Error('LiveRules.current before start')
    return this.#inForce
  }

  /** Without the canary. */
  rules(): readonly Rule[] {
    return this.current().revision.rules.filter(({ id }) => id !== canaryRuleId)
  }

  /** Each with what it has done in this process. */
  summaries(): readonly (Rule & { readonly counters?: RuleCounts })[] {
    const counts = this.#runtime.counts()
    return this.rules().map((rule) => {
      const counters = counts.get(rule.id)
      return counters === undefined ? rule : { ...rule, counters }
    })
  }

  /** Those that may publish. */
  correlations(): readonly RunnableCorrelation[] {
    const { states } = this.current()
    return this.#correlations.runnable.filter(({ correlation: { id } }) => {
      const state = states.get(id)?.state ?? 'enabled'
      return state === 'enabled' || state === 'clipped'
    })
  }

  /** Takes account of a finished block. */
  finished(outcome: Outcome, timeMs: number): void {
    this.#runtime.add(outcome)
    const { states, revision } = this.current()
    for (const [rule, error] of outcome.ruleErrors ?? []) this.#tellOnce(revision.id, rule, error)
    const explosions = this.#quarantine.judge(outcome, timeMs, (ruleId) => states.has(ruleId))
    for (const explosion of explosions) {
      const { log, clock, onEvent, onQuarantine } = this.#options
      log.warn({ ...explosion }, 'rule quarantined')
      onQuarantine((topic) => this.#quarantine.record(topic, explosion, clock.now()))
      const { ruleId, ...rates } = explosion
      onEvent({ event: 'suppressed', rule_id: ruleId, ...rates })
    }
  }

  /** Once per rule and revision: a rule that fails does so on many events. */
  #tellOnce(revision: string, rule: string, error: string): void {
    if (this.#failing.revision !== revision) this.#failing = { revision, rules: new Set() }
    if (this.#failing.rules.has(rule)) return
    this.#failing.rules.add(rule)
    this.#options.log.warn({ rule, revision, error }, 'tags were lost to an exception')
  }

  /** Prometheus text, with what the rules did until now. */
  metricsText(): Promise<string> {
    this.#runtime.exportTo(this.#options.metrics)
    return this.#options.metrics.text()
  }

  /** Texts of what is refused now, for people. */
  problems(): readonly string[] {
    const diagnostics = this.#ruleSet()?.diagnostics ?? []
    return diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic)
  }

  /** The catalog has been read to its end: pushed rules go into force, the whole set at once. */
  settle(): void {
    const isFirst = this.#inForce === null
    const change = this.#pushed?.build() ?? null
    if (change === null) return
    // What a worker begins with is no change; neither is it with folders.
    if (isFirst) this.#swap()
    else this.#onRules(change)
  }

  /** Takes a record of the catalog; state changes are in force for the next block. */
  takeCatalog(record: LogRecord): void {
    this.#pushed?.take(record)
    const change = this.#states.apply(record)
    if (change === null) return
    this.#quarantine.release(change.ruleId, this.#options.clock.now())
    this.#swap()
    this.#onState(change)
    this.#schedule()
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#folder?.close()
  }

  #onRules({ changes }: RuleSetChange): void {
    const { clock, log, metrics, onEvent } = this.#options
    this.changedAtMs = clock.now()
    // What is told is in force.
    this.#swap()
    for (const { change, ruleId, file, version, ruleHash, logicHash, diagnostics } of changes) {
      if (ruleId === canaryRuleId) continue
      metrics.count('ttpstream_rule_reloads_total', { outcome: change })
      const problems = diagnostics.map(formatDiagnostic)
      if (change === 'rejected') log.warn({ ruleId, file, problems }, 'rule rejected')
      const details = { file, version, rule_hash: ruleHash, logic_hash: logicHash }
      onEvent({
        event: change,
        rule_id: ruleId,
        ...details,
        ...(problems.length > 0 ? { problems } : {}),
      })
    }
    if (this.#ruleSet() !== null) this.#options.onRules?.()
  }

  #onState({ ruleId, state, kind }: StateChange): void {
    this.#options.log.info({ ruleId, state }, 'rule state')
    this.#options.onEvent({ event: kind, rule_id: ruleId, state: state ?? { state: 'enabled' } })
  }

  /** Expiry is a timer, not a question that somebody has to ask. */
  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    const next = this.#states.nextExpiryMs()
    if (next === null) return
    const waitMs = Math.min(timerMsMax, Math.max(0, next - this.#options.clock.now()))
    this.#timer = setTimeout(() => {
      const changes = this.#states.expire(this.#options.clock.now())
      this.#swap()
      for (const change of changes) this.#onState(change)
      this.#schedule()
    }, waitMs)
    this.#timer.unref()
  }

  #ruleSet(): RuleSet | null {
    return this.#folder?.ruleSet ?? this.#pushed?.ruleSet ?? null
  }

  #swap(): void {
    const ruleSet = this.#ruleSet()
    if (ruleSet === null) return
    const { revision } = ruleSet
    this.#runtime.use(revision)
    if (this.#correlations.of !== ruleSet) {
      const runnable = runnableCorrelations(ruleSet.correlations, ruleSet.rules)
      this.#correlations = { of: ruleSet, runnable, correlated: correlatedRules(runnable) }
    }
    const { correlated } = this.#correlations
    this.#inForce = { revision, states: this.#states.snapshot(), correlated }
    const { metrics, readiness } = this.#options
    const count = this.rules().length
    metrics.set('ttpstream_rules', {}, count)
    const isWell = count > 0 && doesCanarySing(revision)
    readiness.set(
      'rules',
      isWell ? null : count === 0 ? 'no rules are loaded' : 'the canary event yields no tag',
    )
  }
}
