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
import { setTimeout } from 'node:timers/promises'
import type { Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs'
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
import { BatchLease } from './batch-lease.ts'
import { untilAnswered } from './kafka-away.ts'
import { KafkaWitness } from './kafka-witness.ts'
import { memoryOf, releaseAnswer } from './wire/answer-memory.ts'
import { fetchedOffset, lastOffsetOf, recordsOfBatch } from './wire/batch-records.ts'
import { installRecordDecoder } from './wire/kafkajs-decoder.ts'
import { type BeforeJoin, installGroupRules } from './wire/kafkajs-group.ts'

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

export class KafkaSource implements RecordSource {
  readonly #options: KafkaSourceOptions
  readonly #consumer: Consumer
  readonly #witness: KafkaWitness
  #epoch = 0
  #lastHeartbeat = 0
  /** When the newest answered heartbeat or join was sent. */
  #sessionAsked = 0
  #isClosing = false
  #end: () => void = () => {}
  #fail: (cause: unknown) => void = () => {}
  readonly #settling = new Set<Promise<void>>()
  readonly #lanes = new Map<string, Lane>()
  /** What has not been turned into rows: resolved when it is, with the memory it takes. */
  readonly #held = new Map<Promise<void>, Memory>()

  constructor(kafka: Kafka, options: KafkaSourceOptions) {
    installRecordDecoder(options.batchBytesMax)
    installGroupRules()
    this.#options = options
    this.#witness = new KafkaWitness(kafka, options.groupId)
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
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
    // It may end before anybody waits for it.
    ended.catch(() => {})
    const { events } = this.#consumer
    // A session lasts from when it was asked for: an answer may wait in the socket of a frozen process
    // until long after the broker has given its partitions away.
    this.#consumer.on(events.REQUEST, ({ payload: { apiName, duration } }) => {
      if (!sessionRequests.has(apiName)) return
      this.#sessionAsked = performance.now() - Math.max(0, duration)
    })
    this.#consumer.on(events.HEARTBEAT, () => {
      this.#lastHeartbeat = this.#sessionAsked
    })
    this.#consumer.on(events.REBALANCING, ({ payload }) => {
      this.#advance()
      if (isBeforeJoin(payload)) payload.waitFor(this.#untilIdle())
    })
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#lastHeartbeat = this.#sessionAsked
      this.#settle(payload.memberAssignment, handler)
    })
    // Before a crash is told of, the group is gone already: there is nothing to seek in until the next join.
    this.#consumer.on(events.STOP, () => this.#advance())
    this.#consumer.on(events.CRASH, ({ payload }) => {
      this.#advance()
      if (!payload.restart && !this.#isClosing) this.#fail(payload.error)
    })
    await this.#connect()
    if (!this.#isClosing)
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.#options.partitionsMax,
        eachBatch: (payload) => this.#handle(payload, handler),
      })
    await ended
  }

  committed(at: TopicPartition): Promise<Committed> {
    return this.#witness.committed(at)
  }

  watermarks(at: TopicPartition): Promise<Watermarks> {
    return this.#witness.watermarks(at)
  }

  ends(topic: string): Promise<ReadonlyMap<number, number>> {
    return this.#witness.ends(topic)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    // The batches at hand end while the group still holds their partitions.
    await this.#untilIdle()
    await this.#consumer.disconnect()
    this.#advance()
    await this.#untilIdle()
    await this.#witness.close()
    this.#end()
  }

  abandon(): void {
    this.#isClosing = true
    this.#advance()
  }

  async #connect(): Promise<void> {
    const { topics, log } = this.#options
    await untilAnswered(
      log,
      () => this.#isClosing,
      async () => {
        await this.#consumer.connect()
        await this.#consumer.subscribe({ topics: [...topics], fromBeginning: true })
      },
    )
  }

  /** Nothing is being written any more, nor read to decide where to begin. */
  async #untilIdle(): Promise<void> {
    await Promise.allSettled([...this.#settling, ...[...this.#lanes.values()].map(tailOf)])
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
      .then(() => {
        if (this.#epoch === epoch) handler.settled?.()
      })
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
        throw new Error('An assignment cannot commit before its first batch.')
      },
    }
    while (lease.isHeld() && !this.#isClosing) {
      try {
        const position = await handler.assigned(at, lease)
        if (!lease.isHeld()) return
        this.#consumer.seek({ ...at, offset: String(position) })
        this.#consumer.resume([{ topic: at.topic, partitions: [at.partition] }])
        return
      } catch (cause) {
        if (!(cause instanceof LeaseLost) && lease.isHeld()) throw cause
        // Lost for want of an answer, and yet ours: it would stay on hold, so it is asked for once more.
        await setTimeout(this.#heartbeatMs())
      }
    }
  }

  /**
   * Puts the batch behind those of its partition and lets kafkajs fetch the next one meanwhile, if there
   * is more; with one at work and one waiting, only the other partitions' go on. What the handler throws
   * ends the source; an error that calls for a rejoin is thrown to kafkajs, here or at the partition's next batch.
   */
  async #handle(payload: EachBatchPayload, handler: RecordHandler): Promise<void> {
    const held = this.#hold(payload.batch)
    const lane = this.#lane(held)
    let nearsEnd = () => {}
    const isNear = new Promise<void>((resolve) => {
      nearsEnd = resolve
    })
    lane.fetched += 1
    const { fetched } = lane
    const batch = { ...held, nearsEnd, isFollowed: () => lane.fetched > fetched }
    const lease = new BatchLease(payload, {
      isCurrent: epochGuard(() => this.#epoch),
      heartbeatAgeMs: () => performance.now() - this.#lastHeartbeat,
      freshMs: this.#heartbeatMs() * 2,
    })
    const before = lane.tail
    lane.tail = before.then(() => this.#work(batch, lease, handler)).finally(batch.release)
    payload.resolveOffset(String(batch.lastOffset))
    const beat = setInterval(() => lease.beat(), this.#heartbeatMs())
    // What is read to its end gathers records until this is all but written: fetched now, they would wait for it.
    const isCaughtUp = batch.lastOffset + 1 >= batch.highWatermark
    if (isCaughtUp) this.#leaveOut(batch, Promise.race([isNear, lane.tail]), lease)
    else await this.#untilBegun(batch, before, lease)
    await this.#untilRoom(lease)
    clearInterval(beat)
    if (lease.rejoin !== null) throw lease.rejoin
  }

  /**
   * Resolves when the batch before is done. kafkajs fetches for all partitions or none: one that takes
   * its time is left out until its batch is at work, so that it does not hold up the others.
   */
  async #untilBegun(batch: RecordBatch, before: Promise<void>, lease: BatchLease): Promise<void> {
    const patience = setTimeout(patienceMs, 'over', { ref: false })
    if ((await Promise.race([before, patience])) === 'over') this.#leaveOut(batch, before, lease)
  }

  /** Fetches nothing of a partition until then. */
  #leaveOut({ topic, partition }: RecordBatch, until: Promise<void>, lease: BatchLease): void {
    if (!lease.isHeld()) return
    const at = [{ topic, partitions: [partition] }]
    this.#consumer.pause(at)
    // After a join it is the new assignment that resumes.
    const resume = () => lease.isCurrent() && this.#consumer.resume(at)
    until.then(resume, resume)
  }

  /** Resolves when the answers held leave room for another one. */
  async #untilRoom(lease: BatchLease): Promise<void> {
    while (lease.isHeld() && this.#heldBytes() > answersMax * this.#options.fetchBytesMax) {
      const look = setTimeout(this.#heartbeatMs(), undefined, { ref: false })
      await Promise.race([...this.#held.keys(), look])
    }
  }

  #hold(fetched: Batch): RecordBatch & { release(): void } {
    const batch = recordBatch(fetched)
    let end = () => {}
    const held = new Promise<void>((resolve) => {
      end = resolve
    })
    const memory = memoryOf(fetched)
    this.#held.set(held, memory ?? { byteLength: bytesOf(batch) })
    const release = () => {
      if (!this.#held.delete(held)) return
      releaseAnswer(fetched)
      end()
    }
    return { ...batch, release }
  }

  #heldBytes(): number {
    let sum = 0
    // Batches of one answer share its memory.
    for (const { byteLength } of new Set(this.#held.values())) sum += byteLength
    return sum
  }

  async #work(batch: RecordBatch, lease: BatchLease, handler: RecordHandler): Promise<void> {
    const beat = setInterval(() => lease.beat(), this.#heartbeatMs())
    try {
      if (!lease.isHeld() || this.#isClosing) return
      const position = await handler.batch(batch, lease)
      if (lease.isHeld() && position !== batch.lastOffset + 1) this.#seek(batch, position)
    } catch (cause) {
      if (cause instanceof LeaseLost) {
        // Lost for want of an answer, but the partition is still ours: the batch comes once more.
        if (lease.isCurrent() && !this.#isClosing) this.#seek(batch, batch.position)
        return
      }
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
    const made = { tail: Promise.resolve(), fetched: 0 }
    this.#lanes.set(key, made)
    return made
  }

  #seek({ topic, partition }: TopicPartition, position: number): void {
    this.#consumer.seek({ topic, partition, offset: String(position) })
  }
}

/** How long all partitions wait for the one whose last two batches are not done. */
const patienceMs = 500
/** Answers that wait to be turned into rows while another one is fetched; an answer may exceed its limit. */
const answersMax = 1.5

/** What a member's session begins anew with. */
const sessionRequests = new Set(['Heartbeat', 'SyncGroup'])

interface Memory {
  readonly byteLength: number
}

/** The batches of one partition, one after the other. */
interface Lane {
  tail: Promise<void>
  /** How many came. */
  fetched: number
}

function tailOf({ tail }: Lane): Promise<void> {
  return tail
}

function bytesOf({ records }: RecordBatch): number {
  let sum = 0
  for (const { key, value } of records) sum += (key?.byteLength ?? 0) + (value?.byteLength ?? 0)
  return sum
}

function isBeforeJoin(payload: object): payload is BeforeJoin {
  return 'waitFor' in payload && typeof payload.waitFor === 'function'
}

/** True for as long as the epoch is the one that holds now. */
function epochGuard(epochNow: () => number): () => boolean {
  const epoch = epochNow()
  return () => epochNow() === epoch
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
