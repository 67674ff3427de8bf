/**
 * Reads a range of one partition's records anew, apart from the engine: for dead letters and replays.
 *
 * Contract: every record of the range that Kafka still holds is handed over once, in order. Offsets
 * are committed only where the caller commits; with `isAlone` nobody else may be in the group.
 */

import { setInterval } from 'node:timers'
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import { ConfigError, messageOf, TransientError } from '../../core/error.ts'
import type { TopicPartition } from '../../core/kafka.ts'
import { recordsOfBatch, type StoredRecord } from './wire/batch-records.ts'
import { installRecordDecoder } from './wire/kafkajs-decoder.ts'

export interface RecordRange extends TopicPartition {
  readonly first: number
  /** The offset after the last. */
  readonly end: number
}

export interface RangeReaderOptions {
  readonly groupId: string
  /** Most bytes that one fetch answer may take when decoded. */
  readonly batchBytesMax: number
  /** Refuses to begin, and stops, when the group has another member. */
  readonly isAlone?: boolean
  readonly signal?: AbortSignal
}

export type Commit = (offset: number, metadata: string) => Promise<void>
/** `next` is the offset after all that has been handed over. */
export type TakeRecords = (
  records: readonly StoredRecord[],
  next: number,
  commit: Commit,
) => Promise<void>

/** A partition that stays silent for so long in the middle of a range is not being read. */
const silentMsMax = 30_000
const heartbeatMs = 1_000
const fetchBytesMax = 4 << 20

/** Throws `TransientError` when Kafka does not answer, and what `take` throws. */
export async function readRange(
  kafka: Kafka,
  range: RecordRange,
  options: RangeReaderOptions,
  take: TakeRecords,
): Promise<void> {
  if (range.first >= range.end) return
  installRecordDecoder(options.batchBytesMax)
  if (options.isAlone === true) await assertEmptyGroup(kafka, options.groupId)
  const consumer = kafka.consumer({
    groupId: options.groupId,
    minBytes: 1,
    maxWaitTimeInMs: 100,
    maxBytes: fetchBytesMax,
    maxBytesPerPartition: fetchBytesMax,
    retry: { retries: 5, restartOnFailure: async () => false },
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic: range.topic, fromBeginning: true })
    await new RangeReading(consumer, range, options, take).run()
  } catch (cause) {
    if (cause instanceof Error && cause.name.startsWith('KafkaJS')) {
      throw new TransientError('kafka-unavailable', `Kafka: ${messageOf(cause)}`, { cause })
    }
    throw cause
  } finally {
    await consumer.disconnect()
  }
}

class RangeReading {
  readonly #consumer: Consumer
  readonly #range: RecordRange
  readonly #options: RangeReaderOptions
  readonly #take: TakeRecords
  #position: number
  #joins = 0
  #heardMs = performance.now()
  #finish: () => void = () => {}
  #fail: (cause: unknown) => void = () => {}

  constructor(
    consumer: Consumer,
    range: RecordRange,
    options: RangeReaderOptions,
    take: TakeRecords,
  ) {
    this.#consumer = consumer
    this.#range = range
    this.#options = options
    this.#take = take
    this.#position = range.first
  }

  async run(): Promise<void> {
    const finished = new Promise<void>((resolve, reject) => {
      this.#finish = resolve
      this.#fail = reject
    })
    const { events } = this.#consumer
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment))
    this.#consumer.on(events.CRASH, ({ payload }) => this.#fail(payload.error))
    const watch = setInterval(() => this.#watch(), heartbeatMs)
    try {
      await this.#consumer.run({
        autoCommit: false,
        eachBatch: async (payload) => this.#batch(payload),
      })
      await finished
    } finally {
      clearInterval(watch)
    }
  }

  #joined(assignment: Readonly<Record<string, number[]>>): void {
    const { topic, partition } = this.#range
    this.#joins += 1
    const partitions = assignment[topic] ?? []
    const isTaken = !partitions.includes(partition) || this.#joins > 1
    if (this.#options.isAlone === true && isTaken) {
      this.#fail(notAlone(this.#options.groupId))
      return
    }
    const others = partitions.filter((number) => number !== partition)
    if (others.length > 0) this.#consumer.pause([{ topic, partitions: others }])
    this.#consumer.seek({ topic, partition, offset: String(this.#position) })
  }

  async #batch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const { topic, partition, end } = this.#range
    if (batch.partition !== partition || this.#position >= end) return
    this.#heardMs = performance.now()
    const records = recordsOfBatch(batch).filter(
      ({ offset }) => offset >= this.#position && offset < end,
    )
    const next = Math.min(end, Number(batch.lastOffset()) + 1)
    const beat = setInterval(() => {
      this.#heardMs = performance.now()
      payload.heartbeat().catch((cause: unknown) => this.#fail(cause))
    }, heartbeatMs)
    try {
      await this.#take(records, next, async (offset, metadata) => {
        const partitions = [{ partition, offset: String(offset), metadata }]
        await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
      })
      this.#position = next
      if (next >= end) this.#finish()
    } catch (cause) {
      this.#fail(cause)
    } finally {
      clearInterval(beat)
    }
  }

  #watch(): void {
    const { topic, partition } = this.#range
    if (this.#options.signal?.aborted === true) {
      this.#fail(new ConfigError('interrupted', 'Interrupted.'))
    } else if (performance.now() - this.#heardMs > silentMsMax) {
      const where = `${topic}:${partition}:${this.#position}`
      this.#fail(new TransientError('kafka-silent', `Kafka sends nothing from ${where} on.`))
    }
  }
}

async function assertEmptyGroup(kafka: Kafka, groupId: string): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const { groups } = await admin.describeGroups([groupId])
    if (groups.some(({ members }) => members.length > 0)) throw notAlone(groupId)
  } finally {
    await admin.disconnect()
  }
}

function notAlone(groupId: string): ConfigError {
  return new ConfigError(
    'replay-running',
    `Somebody else is in the group ${groupId}: one replay runs at a time. Wait for it to end.`,
  )
}
