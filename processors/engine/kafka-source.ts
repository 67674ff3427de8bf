/**
 * `RecordSource` on kafkajs. It keeps what kafkajs does not:
 * - an epoch per join, since Kafka checks membership and not ownership: an old batch's commit would
 *   be sent under the current generation and be taken;
 * - nothing is fetched from a new assignment before the handler has said from where (kafkajs would
 *   start at the commit, or overwrite it when retention has passed it);
 * - commits go through the batch's own call: `consumer.commitOffsets` resolves without committing
 *   while the consumer stops;
 * - record sets are decoded by us (`wire/`), so that neither a bad batch nor a set of nothing but
 *   control records stops or slips past the handler.
 */

import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import type { Admin, Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import { messageOf, TransientError } from '../../core/error.ts'
import {
  type Committed,
  type Lease,
  LeaseLost,
  type RecordBatch,
  type RecordHandler,
  type RecordSource,
  type TopicPartition,
  type Watermarks,
} from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'
import { fetchedOffset, lastOffsetOf, recordsOfBatch } from './wire/batch-records.ts'
import { installRecordDecoder } from './wire/kafkajs-decoder.ts'

export interface KafkaSourceOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly sessionMs: number
  readonly lingerMs: number
  /** Most bytes one fetch returns, of one partition and in total. */
  readonly fetchBytesMax: number
  /** Most bytes that one fetch answer, or one record batch, may take when decoded. */
  readonly batchBytesMax: number
  /** Partitions whose batches are handled side by side. */
  readonly partitionsMax: number
  readonly log: Log
}

/** kafkajs calls these a rebalance; they must reach its runner, which then joins again. */
const rejoinTypes = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])
const commitTriesMax = 5

export class KafkaSource implements RecordSource {
  readonly #options: KafkaSourceOptions
  readonly #consumer: Consumer
  readonly #admin: Admin
  #epoch = 0
  #lastHeartbeat = 0
  #isClosing = false
  #fail: (cause: unknown) => void = () => {}
  readonly #settling = new Set<Promise<void>>()
  readonly #lanes = new Map<string, Lane>()

  constructor(kafka: Kafka, options: KafkaSourceOptions) {
    installRecordDecoder(options.batchBytesMax)
    this.#options = options
    this.#admin = kafka.admin()
    this.#consumer = kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionMs,
      rebalanceTimeout: options.sessionMs * 2,
      heartbeatInterval: this.#heartbeatMs(),
      // A fetch returns when this much is there or `lingerMs` has passed: that is the block's linger.
      minBytes: 1 << 20,
      maxWaitTimeInMs: options.lingerMs,
      maxBytes: options.fetchBytesMax,
      maxBytesPerPartition: options.fetchBytesMax,
      metadataMaxAge: 60_000,
      retry: { restartOnFailure: async () => !this.#isClosing },
    })
  }

  async run(handler: RecordHandler): Promise<void> {
    const failed = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    const { events } = this.#consumer
    this.#consumer.on(events.HEARTBEAT, () => {
      this.#lastHeartbeat = performance.now()
    })
    this.#consumer.on(events.REBALANCING, () => this.#advance())
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#lastHeartbeat = performance.now()
      this.#settle(payload.memberAssignment, handler)
    })
    this.#consumer.on(events.CRASH, ({ payload }) => {
      this.#advance()
      if (!payload.restart && !this.#isClosing) this.#fail(payload.error)
    })
    await Promise.all([this.#admin.connect(), this.#consumer.connect()])
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: this.#options.partitionsMax,
      eachBatch: (payload) => this.#handle(payload, handler),
    })
    const stopped = new Promise<void>((resolve) => {
      this.#consumer.on(events.STOP, () => {
        if (this.#isClosing) resolve()
      })
    })
    await Promise.race([failed, stopped])
  }

  async committed({ topic, partition }: TopicPartition): Promise<Committed> {
    const found = await this.#ask(() =>
      this.#admin.fetchOffsets({ groupId: this.#options.groupId, topics: [topic] }),
    )
    const one = found[0]?.partitions.find((candidate) => candidate.partition === partition)
    const offset = Number(one?.offset ?? -1)
    return offset < 0 ? { offset: null, metadata: '' } : { offset, metadata: one?.metadata ?? '' }
  }

  async watermarks({ topic, partition }: TopicPartition): Promise<Watermarks> {
    const found = await this.#ask(() => this.#admin.fetchTopicOffsets(topic))
    const one = found.find((candidate) => candidate.partition === partition)
    if (one === undefined) {
      throw new TransientError(
        'kafka-unknown-partition',
        `${topic}:${partition} has no offsets yet.`,
      )
    }
    return { low: Number(one.low), high: Number(one.high) }
  }

  async close(): Promise<void> {
    this.#isClosing = true
    // The batches at hand end while the group still holds their partitions.
    await Promise.all([...this.#lanes.values()].map(({ tail }) => tail))
    await this.#consumer.disconnect()
    this.#advance()
    await Promise.allSettled(this.#settling)
    await this.#admin.disconnect()
  }

  #heartbeatMs(): number {
    return Math.max(100, Math.floor(this.#options.sessionMs / 10))
  }

  #advance(): void {
    this.#epoch += 1
  }

  /** Holds every assigned partition until the handler has told where to read it from. */
  #settle(assignment: Readonly<Record<string, number[]>>, handler: RecordHandler): void {
    this.#advance()
    const epoch = this.#epoch
    const partitions = Object.entries(assignment).flatMap(([topic, numbers]) =>
      numbers.map((partition) => ({ topic, partition })),
    )
    for (const { topic, partition } of partitions) {
      this.#consumer.pause([{ topic, partitions: [partition] }])
    }
    const task = Promise.all(partitions.map((at) => this.#settleOne(at, epoch, handler)))
      .then(() => {})
      .catch((cause: unknown) => this.#fail(cause))
      .finally(() => this.#settling.delete(task))
    this.#settling.add(task)
  }

  async #settleOne(at: TopicPartition, epoch: number, handler: RecordHandler): Promise<void> {
    const lease: Lease = {
      isHeld: () => this.#epoch === epoch,
      confirm: async () => {
        const isStale = performance.now() - this.#lastHeartbeat > this.#options.sessionMs
        if (isStale || this.#epoch !== epoch) throw new LeaseLost('The group has moved on.')
      },
      commit: async () => {
        throw new LeaseLost('An assignment cannot commit before its first batch.')
      },
    }
    try {
      const position = await handler.assigned(at, lease)
      if (!lease.isHeld()) return
      this.#consumer.seek({ ...at, offset: String(position) })
      this.#consumer.resume([{ topic: at.topic, partitions: [at.partition] }])
    } catch (cause) {
      if (!(cause instanceof LeaseLost) && lease.isHeld()) throw cause
    }
  }

  /**
   * Puts the batch behind those of its partition and lets kafkajs fetch the next one meanwhile; with
   * one at work and one waiting it holds back. What the handler throws ends the source; an error that
   * calls for a rejoin is thrown to kafkajs, here or at the partition's next batch.
   */
  async #handle(payload: EachBatchPayload, handler: RecordHandler): Promise<void> {
    const batch = recordBatch(payload.batch)
    const lane = this.#lane(batch)
    const lease = new BatchLease(payload, {
      isCurrent: epochGuard(() => this.#epoch),
      heartbeatAgeMs: () => performance.now() - this.#lastHeartbeat,
      freshMs: this.#heartbeatMs() * 2,
    })
    const before = lane.tail
    const own = before.then(() => this.#work(batch, lease, handler))
    lane.tail = own
    payload.resolveOffset(String(batch.lastOffset))
    const beat = setInterval(() => lease.beat(), this.#heartbeatMs())
    await before
    clearInterval(beat)
    if (lease.rejoin !== null) throw lease.rejoin
  }

  async #work(batch: RecordBatch, lease: BatchLease, handler: RecordHandler): Promise<void> {
    const beat = setInterval(() => lease.beat(), this.#heartbeatMs())
    try {
      if (!lease.isHeld() || this.#isClosing) return
      const position = await handler.batch(batch, lease)
      if (lease.isHeld() && position !== batch.lastOffset + 1) {
        const { topic, partition } = batch
        this.#consumer.seek({ topic, partition, offset: String(position) })
      }
    } catch (cause) {
      if (cause instanceof LeaseLost) return
      this.#advance()
      this.#fail(cause)
    } finally {
      clearInterval(beat)
    }
  }

  #lane({ topic, partition }: TopicPartition): Lane {
    const key = `${topic}:${partition}`
    const known = this.#lanes.get(key)
    if (known !== undefined) return known
    const made = { tail: Promise.resolve() }
    this.#lanes.set(key, made)
    return made
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (cause) {
      throw new TransientError('kafka-unavailable', `Kafka: ${messageOf(cause)}`, { cause })
    }
  }
}

/** The batches of one partition, one after the other. */
interface Lane {
  tail: Promise<void>
}

interface LeaseClock {
  isCurrent(): boolean
  heartbeatAgeMs(): number
  readonly freshMs: number
}

class BatchLease implements Lease {
  readonly #payload: EachBatchPayload
  readonly #clock: LeaseClock
  #isLost = false
  /** The error that must reach kafkajs's runner so that it joins again. */
  rejoin: unknown = null

  constructor(payload: EachBatchPayload, clock: LeaseClock) {
    this.#payload = payload
    this.#clock = clock
  }

  isHeld(): boolean {
    if (!this.#isLost && !this.#clock.isCurrent()) this.#isLost = true
    return !this.#isLost
  }

  /** Keeps the session while a batch takes its time; a refusal ends the lease. */
  beat(): void {
    if (!this.isHeld()) return
    this.#payload.heartbeat().catch((cause: unknown) => this.#lose(cause))
  }

  async confirm(): Promise<void> {
    if (this.isHeld() && this.#clock.heartbeatAgeMs() > this.#clock.freshMs) {
      await this.#payload.heartbeat().catch((cause: unknown) => this.#lose(cause))
      if (this.#clock.heartbeatAgeMs() > this.#clock.freshMs) this.#isLost = true
    }
    if (!this.isHeld()) throw new LeaseLost('The group has moved on.')
  }

  async commit(offset: number, metadata: string): Promise<void> {
    const { topic, partition } = this.#payload.batch
    const partitions = [{ partition, offset: String(offset), metadata }]
    for (let tries = 1; ; tries += 1) {
      if (!this.isHeld()) throw new LeaseLost('The group has moved on.')
      try {
        await this.#payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
        // The next commit must not share this answer's microtasks: a join may be among them.
        await setImmediate()
        return
      } catch (cause) {
        if (tries === commitTriesMax || rejoinTypes.has(typeOf(cause))) this.#lose(cause)
      }
    }
  }

  #lose(cause: unknown): void {
    this.#isLost = true
    this.rejoin ??= cause
  }
}

/** True for as long as the epoch is the one that holds now. */
function epochGuard(epochNow: () => number): () => boolean {
  const epoch = epochNow()
  return () => epochNow() === epoch
}

function typeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null || !('type' in cause)) return ''
  return String(cause.type)
}

function recordBatch(batch: Batch): RecordBatch {
  const { topic, partition } = batch
  return {
    topic,
    partition,
    position: fetchedOffset(batch),
    records: recordsOfBatch(batch),
    lastOffset: lastOffsetOf(batch),
    highWatermark: Number(batch.highWatermark),
  }
}
