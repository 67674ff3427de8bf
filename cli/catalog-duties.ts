/**
 * What one worker of a group does for all: rules become detection assets, correlations, and the daily
 * decay run.
 * That worker is the one that holds the catalog's partition.
 */

import type { Views } from '../core/clickhouse.ts'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import type { Lease, LogRecord, TopicPartition } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import { Correlator } from '../processors/correlate.ts'
import { DecayHoldings } from '../processors/decay.ts'
import type { ComposedEngine } from './compose-engine.ts'
import { startCorrelations } from './correlation-job.ts'
import { DecayRequests } from './decay-requests.ts'
import { type DecayResult, runDecay, scheduleDecay } from './decay-run.ts'
import type { LiveRules } from './live-rules.ts'
import { RuleAssetPublisher } from './rule-asset-publisher.ts'
import { ruleFolders } from './rule-folders.ts'

export interface CatalogDutiesOptions {
  readonly config: Config
  readonly log: Log
  readonly metrics: Metrics
  readonly rules: LiveRules
  readonly sink: ComposedEngine['sink']
  readonly views: Views
}

export class CatalogDuties {
  readonly ruleAssets: RuleAssetPublisher
  readonly #options: CatalogDutiesOptions
  readonly #topic: string
  readonly #holdings = new DecayHoldings()
  readonly #schedule: { stop(): void }
  readonly #requests: DecayRequests
  readonly #correlations: { stop(): void }
  #isHolder: () => boolean = () => false

  constructor(options: CatalogDutiesOptions) {
    const { config, log, metrics, rules, sink, views } = options
    this.#options = options
    this.#topic = config.text('TTPSTREAM_TOPIC_CATALOG')
    this.ruleAssets = new RuleAssetPublisher({
      topic: this.#topic,
      folders: ruleFolders(config),
      rules: () => rules.rules(),
      send: (records) => sink.send(records),
      clock: systemClock,
      log,
    })
    const zone = config.text('TTPSTREAM_TIME_ZONE')
    const run = () => this.decay()
    this.#requests = new DecayRequests({
      topic: this.#topic,
      views,
      run,
      send: (records) => sink.send(records),
      clock: systemClock,
      log,
    })
    this.#schedule = scheduleDecay(zone, log, () => this.#isHolder(), run)
    this.#correlations = startCorrelations({
      correlator: new Correlator({
        views,
        send: (records) => sink.send(records),
        clock: systemClock,
        topic: config.text('TTPSTREAM_TOPIC_ALERTS'),
      }),
      correlations: () => rules.correlations(),
      isHolder: () => this.#isHolder(),
      intervalMs: config.count('TTPSTREAM_CORRELATION_MS'),
      log,
      metrics,
    })
  }

  /** A partition is this worker's for as long as the lease is held. */
  assigned({ topic }: TopicPartition, lease: Lease): void {
    if (topic !== this.#topic) return
    this.#isHolder = () => lease.isHeld()
    this.#requests.hold(this.#isHolder)
    if (this.#options.config.flag('TTPSTREAM_RULE_ASSETS')) this.ruleAssets.hold(this.#isHolder)
  }

  /** Takes a record of the catalog, in log order. */
  take(record: LogRecord): void {
    this.ruleAssets.take(record)
    this.#holdings.apply(record)
    this.#requests.take(record)
  }

  /** All that the catalog held has been taken, or another batch of it. */
  caughtUp(): void {
    this.#requests.caughtUp()
  }

  /** The daily run, now. */
  decay(): Promise<DecayResult> {
    const { sink, views } = this.#options
    return runDecay({
      topic: this.#topic,
      views,
      holdings: this.#holdings,
      send: (records) => sink.send(records),
      clock: systemClock,
    })
  }

  close(): void {
    this.ruleAssets.close()
    this.#schedule.stop()
    this.#requests.close()
    this.#correlations.stop()
  }
}
