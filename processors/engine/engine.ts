/**
 * The block loop: Kafka records in, rows and tags out, each record counted once.
 *
 * Contract: an intent precedes its effects; a block is cut the same way twice; nothing is committed
 * or written under an epoch that has passed; whatever is not a bad record or an unwell server stops
 * the engine with the block uncommitted and named.
 */

import type { Clock } from '../../core/clock.ts'
import { ConfigError } from '../../core/error.ts'
import {
  type Lease,
  LeaseLost,
  type RecordBatch,
  type RecordHandler,
  type RecordSource,
  type TopicPartition,
} from '../../core/kafka.ts'
import type { Random } from '../../core/random.ts'
import type { CorrelatedRule } from '../../rules/correlated-rule.ts'
import type { Revision, RuleState } from '../../rules/rule.ts'
import type { Processor } from '../processor.ts'
import { decideStart, type Start } from './assignment.ts'
import type { BlockLimits } from './block.ts'
import { parseMark } from './intent.ts'
import { LagWatch } from './lag-watch.ts'
import { Partition, type PartitionStart, unproven } from './partition.ts'
import { retryTransient } from './retry.ts'
import type { BlockWriter } from './write-block.ts'

export interface RulesInForce {
  readonly revision: Revision
  readonly states: ReadonlyMap<string, RuleState>
  readonly correlated?: ReadonlyMap<string, CorrelatedRule>
}

export interface EngineOptions extends BlockWriter {
  readonly source: RecordSource
  /** By topic. */
  readonly processors: ReadonlyMap<string, Processor>
  /** Asked once per block, so that no block meets two revisions. */
  readonly rules: () => RulesInForce
  readonly limits: BlockLimits
  readonly clock: Clock
  readonly random: Random
  /** A partition's start was decided: the engine works, and holds it for as long as the lease. */
  readonly onAssigned?: (at: TopicPartition, lease: Lease) => void
  /** Every partition of a join was assigned; there may be none. */
  readonly onSettled?: () => void
}

export class Engine implements RecordHandler {
  readonly #options: EngineOptions
  readonly #partitions = new Map<string, Partition>()
  readonly #lag: LagWatch
  #isStopping = false

  constructor(options: EngineOptions) {
    this.#options = options
    const { metrics, clock, source } = options
    this.#lag = new LagWatch({ metrics, clock, ends: (topic) => source.ends(topic) })
  }

  /** Consumes until `stop`. Rejects with what stopped it; the block at hand stays uncommitted. */
  async run(): Promise<void> {
    this.#lag.start()
    try {
      await this.#options.source.run(this)
    } finally {
      this.#lag.stop()
    }
  }

  /** Finishes the blocks at hand and leaves the group. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#options.source.close()
  }

  async assigned(at: TopicPartition, lease: Lease): Promise<number> {
    const { log, onTrouble } = this.#options
    const what = `assign ${keyOf(at)}`
    const { start, store } = await retryTransient({ lease, what, log, onTrouble }, () =>
      this.#decide(at),
    )
    const processor = await this.#processorOf(at, lease)
    const begin = startOf(at, start, store, this.#options.random)
    const partition = new Partition(this.#options, begin, processor)
    if (start.kind === 'expired' && start.available > start.intent.last)
      await partition.finish(lease)
    if (!lease.isHeld()) throw new LeaseLost('The group has moved on.')
    this.#partitions.set(keyOf(at), partition)
    this.#lag.hold(at, lease, () => partition.reading)
    log.info({ ...at, start: start.kind, position: partition.reading }, 'partition assigned')
    this.#options.onAssigned?.(at, lease)
    return partition.reading
  }

  settled(): void {
    this.#options.onSettled?.()
  }

  async batch(batch: RecordBatch, lease: Lease): Promise<number> {
    const partition = this.#partitions.get(keyOf(batch))
    if (partition === undefined) throw new LeaseLost(`${keyOf(batch)} is not assigned yet.`)
    const position = await partition.take(batch, lease, () => this.#isStopping)
    const last = batch.records.findLast(({ offset }) => offset < position)
    this.#lag.moved(batch, batch.highWatermark, last?.timestampMs)
    return position
  }

  /** Of this assignment alone: what a processor remembers must not outlive the lease. */
  async #processorOf(at: TopicPartition, lease: Lease): Promise<Processor> {
    const { log, onTrouble, processors, store } = this.#options
    const processor = processors.get(at.topic)
    if (processor === undefined) {
      throw new ConfigError('no-processor', `No processor reads topic ${at.topic}.`)
    }
    const { memory } = processor
    if (memory === undefined) return processor
    const what = `recall ${keyOf(at)}`
    const retry = { lease, what, log, onTrouble }
    return memory.recall(await retryTransient(retry, () => store.merges(at)))
  }

  /** Reads the witnesses and lets `decideStart` judge. */
  async #decide(at: TopicPartition): Promise<{ start: Start; store: string }> {
    const { source, store } = this.#options
    const [storeId, committed, watermarks, newest] = await Promise.all([
      store.id(),
      source.committed(at),
      source.watermarks(at),
      store.newestProgress(at),
    ])
    const mark = parseMark(committed.metadata)
    const ending = (last: number) =>
      mark === null ? null : store.progressEnding(at, mark.log, last)
    const next = mark?.kind === 'intent' ? mark.first : (committed.offset ?? 0)
    const [before, own] = await Promise.all([
      next > 0 ? ending(next - 1) : null,
      mark?.kind === 'intent' ? ending(mark.last) : null,
    ])
    const witnesses = { committed, newest, before, own, watermarks, store: storeId }
    return { start: decideStart(at, witnesses), store: storeId }
  }
}

function startOf(at: TopicPartition, start: Start, store: string, random: Random): PartitionStart {
  switch (start.kind) {
    case 'new': {
      const { position } = start
      return { ...at, store, log: random.uuid(), start: position, position, pending: null }
    }
    case 'resume':
      return {
        ...at,
        store,
        log: start.log,
        start: start.start,
        position: start.position,
        pending: null,
      }
    case 'recover':
    case 'expired': {
      const { intent } = start
      const position = start.kind === 'expired' ? start.available : intent.first
      const pending = { kind: 'recover', intent } as const
      return { ...at, store, log: intent.log, start: intent.start, position, pending }
    }
    case 'verify': {
      const { progress } = start
      if (!start.isWhole) throw unproven(at, progress)
      const pending = { kind: 'verify', progress } as const
      const { log, first } = progress
      return { ...at, store, log, start: first, position: first, pending }
    }
    case 'refuse':
      throw new ConfigError(start.code, start.message)
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`
}
