/** Every metric, declared once: name, help and labels. The registry and the reference page are made from this. */

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const counters = {
  ttpstream_records_total: {
    help: 'Records read, of finished blocks.',
    labels: ['topic', 'partition'],
  },
  ttpstream_events_total: { help: 'Records that became rows.', labels: ['topic', 'partition'] },
  ttpstream_dead_letters_total: {
    help: 'Dead letters written, by reason.',
    labels: ['topic', 'code'],
  },
  ttpstream_deletions_total: { help: 'Records without a value.', labels: ['topic', 'partition'] },
  ttpstream_tags_total: { help: 'Tags written.', labels: ['topic', 'partition'] },
  ttpstream_tags_dropped_total: {
    help: 'Tags not written, by reason; of disabled rules, the evaluations they were spared.',
    labels: ['topic', 'reason'],
  },
  ttpstream_blocks_total: { help: 'Blocks finished.', labels: ['topic', 'partition'] },
  ttpstream_recoveries_total: {
    help: 'Blocks finished for an earlier holder of the partition.',
    labels: ['topic', 'partition'],
  },
  ttpstream_retries_total: {
    help: 'Tries repeated because a server was unwell.',
    labels: ['what'],
  },
  ttpstream_source_events_total: {
    help: 'Events, by the source that recognised them; the rest are dead letters of code unknown-source.',
    labels: ['source', 'kind'],
  },
  ttpstream_source_missing_total: {
    help: 'Events of a source that lack a host, user, session, attacker, text or time of their own.',
    labels: ['source', 'kind', 'field'],
  },
  ttpstream_api_requests_total: {
    help: 'Requests answered, by route and status.',
    labels: ['method', 'route', 'status'],
  },
  ttpstream_spans_dropped_total: {
    help: 'Spans of traces that were not exported: queue-full, export-failed, or left when it stopped.',
    labels: ['reason'],
  },
  ttpstream_match_candidates_total: { help: 'Evaluations of rules.', labels: [] },
  ttpstream_match_hits_total: { help: 'Evaluations that matched.', labels: [] },
  ttpstream_match_errors_total: { help: 'Evaluations that failed.', labels: [] },
  ttpstream_match_seconds_total: {
    help: 'Time in evaluations, estimated from a sample of events.',
    labels: [],
  },
  ttpstream_rule_events_total: { help: 'Events a rule met, of rules that hit.', labels: ['rule'] },
  ttpstream_rule_candidates_total: {
    help: 'Evaluations of a rule, of rules that hit.',
    labels: ['rule'],
  },
  ttpstream_rule_hits_total: { help: 'Matches of a rule.', labels: ['rule'] },
  ttpstream_rule_errors_total: { help: 'Failed evaluations of a rule.', labels: ['rule'] },
  ttpstream_rule_seconds_total: {
    help: 'Time in evaluations of a rule, estimated from a sample of events.',
    labels: ['rule'],
  },
  ttpstream_rule_tags_total: {
    help: 'Tags of a rule: written, or the reason why not; disabled counts evaluations spared.',
    labels: ['rule', 'outcome'],
  },
  ttpstream_rule_reloads_total: {
    help: 'Changes of the rule set, by outcome.',
    labels: ['outcome'],
  },
  ttpstream_correlation_passes_total: {
    help: 'Passes of the correlations: done, or failed, which count again what was there.',
    labels: ['outcome'],
  },
} as const

const gauges = {
  ttpstream_lag_records: {
    help: 'Records of the partition that are not finished; asked of Kafka every 5 s where nothing moves.',
    labels: ['topic', 'partition'],
  },
  ttpstream_lag_seconds: {
    help: 'How long the partition has been behind, or the age of its last finished record if less; 0 if it is not.',
    labels: ['topic', 'partition'],
  },
  ttpstream_source_clock_skew_seconds: {
    help: 'Kafka time less event time, mean of the source’s latest block; below 0 its clock is ahead.',
    labels: ['source', 'kind'],
  },
  ttpstream_source_last_event_seconds: {
    help: 'Latest event time in the source’s latest block, epoch seconds.',
    labels: ['source', 'kind'],
  },
  ttpstream_source_last_taken_seconds: {
    help: 'When the source’s latest block was taken in, epoch seconds.',
    labels: ['source', 'kind'],
  },
  ttpstream_rules: { help: 'Rules in force.', labels: [] },
  ttpstream_ready: { help: '1 when the engine is ready.', labels: [] },
} as const

const histograms = {
  ttpstream_block_records: {
    help: 'Records of a block.',
    labels: ['topic'],
    buckets: [1, 10, 100, 1_000, 5_000, 10_000, 20_000],
  },
  ttpstream_block_seconds: {
    help: 'From cutting a block to its progress row.',
    labels: ['topic'],
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  },
  ttpstream_block_step_seconds: {
    help: 'Steps of a block: cut (its records to rows), the intent, each insert, publish; tries repeated included.',
    labels: ['step'],
    buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  },
  ttpstream_api_request_seconds: {
    help: 'Time to answer a request.',
    labels: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20],
  },
} as const

export const metricSpecs = { ...counters, ...gauges, ...histograms }

export type CounterName = keyof typeof counters
export type GaugeName = keyof typeof gauges
export type HistogramName = keyof typeof histograms
type MetricName = CounterName | GaugeName | HistogramName

/** Exactly the declared labels: another one would be an exception in the middle of a block. */
type Labels<Name extends MetricName> = Readonly<
  Record<(typeof metricSpecs)[Name]['labels'][number], string | number>
>

export interface Metrics {
  count<Name extends CounterName>(name: Name, labels: Labels<Name>, by?: number): void
  set<Name extends GaugeName>(name: Name, labels: Labels<Name>, value: number): void
  /** It is nobody's to tell here any more. */
  unset<Name extends GaugeName>(name: Name, labels: Labels<Name>): void
  observe<Name extends HistogramName>(name: Name, labels: Labels<Name>, value: number): void
  /** Sum over all labels. */
  total(name: CounterName | GaugeName): Promise<number>
  /** Prometheus text format. */
  text(): Promise<string>
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const make = <Kind, Made>(
    specs: Readonly<Record<string, Kind>>,
    one: (name: string, spec: Kind) => Made,
  ) => new Map(Object.entries(specs).map(([name, spec]) => [name, one(name, spec)]))
  const made = {
    counters: make(
      counters,
      (name, { help, labels }) =>
        new Counter({ name, help, labelNames: [...labels], registers: [registry] }),
    ),
    gauges: make(
      gauges,
      (name, { help, labels }) =>
        new Gauge({ name, help, labelNames: [...labels], registers: [registry] }),
    ),
    histograms: make(
      histograms,
      (name, { help, labels, buckets }) =>
        new Histogram({
          name,
          help,
          labelNames: [...labels],
          buckets: [...buckets],
          registers: [registry],
        }),
    ),
  }
  return {
    count: (name, labels, by = 1) => made.counters.get(name)?.inc({ ...labels }, by),
    set: (name, labels, value) => made.gauges.get(name)?.set({ ...labels }, value),
    unset: (name, labels) => made.gauges.get(name)?.remove({ ...labels }),
    observe: (name, labels, value) => made.histograms.get(name)?.observe({ ...labels }, value),
    async total(name) {
      const metric = made.counters.get(name) ?? made.gauges.get(name)
      const { values } = (await metric?.get()) ?? { values: [] }
      return values.reduce((sum, { value }) => sum + value, 0)
    },
    text: () => registry.metrics(),
  }
}
