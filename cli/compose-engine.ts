/** Puts an engine together from the settings: the same for `run`, `dev`, `demo` and the crash tests. */

import type { Kafka } from 'kafkajs'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import type { Lease, RecordSink, RecordSource, TopicPartition } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import { createMetrics, type Metrics } from '../core/metrics.ts'
import { systemRandom } from '../core/random.ts'
import { createReadiness, type Readiness } from '../core/readiness.ts'
import { noTracer, type Tracer } from '../core/trace.ts'
import { Engine, type RulesInForce } from '../processors/engine/engine.ts'
import { type Failpoint, noFailpoint } from '../processors/engine/failpoint.ts'
import { KafkaSink } from '../processors/engine/kafka-sink.ts'
import { KafkaSource } from '../processors/engine/kafka-source.ts'
import { ClickHouseStore, type Store } from '../processors/engine/store.ts'
import type { Outcome, Processor, Publish } from '../processors/processor.ts'
import { createClickHouse } from './clickhouse.ts'
import { closeInTime } from './close-in-time.ts'
import { createKafka } from './kafka.ts'

export interface EngineParts {
  readonly log: Log
  readonly metrics?: Metrics
  readonly readiness?: Readiness
  readonly tracer?: Tracer
  readonly processors: ReadonlyMap<string, Processor>
  readonly publish: Publish
  readonly rules: () => RulesInForce
  /** A partition is this worker's for as long as the lease is held. */
  readonly onAssigned?: (at: TopicPartition, lease: Lease) => void
  readonly onFinished?: (outcome: Outcome, timeMs: number) => void
  /** For tests. */
  readonly failpoint?: Failpoint
  readonly wrapStore?: (store: Store) => Store
  readonly wrapSource?: (source: RecordSource) => RecordSource
  readonly wrapSink?: (sink: RecordSink) => RecordSink
}

export interface ComposedEngine {
  readonly metrics: Metrics
  readonly readiness: Readiness
  readonly kafka: Kafka
  readonly sink: KafkaSink
  /** Consumes until `stop`; rejects with what stopped it. */
  run(): Promise<void>
  /** Finishes the blocks at hand, in 10 s at most. */
  stop(): Promise<void>
  /** Gives up what still waits for a server: its block stays uncommitted. */
  hurry(): void
}

const partitionsMax = 16

export function composeEngine(config: Config, parts: EngineParts): ComposedEngine {
  const { log, wrapStore = same, wrapSource = same, wrapSink = same } = parts
  const metrics = parts.metrics ?? createMetrics()
  const readiness = parts.readiness ?? createReadiness()
  const sessionMs = config.count('TTPSTREAM_KAFKA_SESSION_MS')
  const kafka = createKafka(config, log)
  // An insert that outlasts the session would be finished by somebody else.
  const clickhouse = createClickHouse(config, { requestMs: Math.max(1_000, sessionMs * 0.8) })
  const sink = new KafkaSink(kafka)
  readiness.set('start', 'no partition is assigned yet')
  const source = new KafkaSource(kafka, {
    groupId: config.text('TTPSTREAM_KAFKA_GROUP'),
    topics: [...parts.processors.keys()],
    sessionMs,
    lingerMs: config.count('TTPSTREAM_LINGER_MS'),
    fetchBytesMax: config.count('TTPSTREAM_FETCH_BYTES_MAX'),
    batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
    partitionsMax,
    log,
  })
  const engine = new Engine({
    source: wrapSource(source),
    sink: wrapSink(sink),
    store: wrapStore(new ClickHouseStore(clickhouse)),
    processors: parts.processors,
    publish: parts.publish,
    rules: parts.rules,
    limits: {
      recordsMax: config.count('TTPSTREAM_BLOCK_RECORDS_MAX'),
      bytesMax: config.count('TTPSTREAM_BLOCK_BYTES_MAX'),
    },
    clock: systemClock,
    random: systemRandom,
    metrics,
    tracer: parts.tracer ?? noTracer,
    log,
    failpoint: parts.failpoint ?? noFailpoint,
    ...(parts.onFinished === undefined ? {} : { onFinished: parts.onFinished }),
    ...(parts.onAssigned === undefined ? {} : { onAssigned: parts.onAssigned }),
    // A standby has no partition, and is ready to take one.
    onSettled: () => readiness.set('start', null),
    onTrouble: (reason) => readiness.set('servers', reason === null ? null : troubleOf(reason)),
  })
  const hurry = () => {
    source.abandon()
    clickhouse.close().catch(() => {})
  }
  const closers = [() => engine.stop(), () => sink.close(), () => clickhouse.close()]
  return {
    metrics,
    readiness,
    kafka,
    sink,
    run: () => engine.run(),
    stop: () => closeInTime(closers, hurry),
    hurry,
  }
}

function same<T>(value: T): T {
  return value
}

/** What the health endpoint may say of it: no addresses. */
function troubleOf(reason: string): string {
  return reason.includes('ClickHouse:') ? 'ClickHouse does not answer' : 'Kafka does not answer'
}
