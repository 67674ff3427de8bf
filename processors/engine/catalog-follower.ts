/**
 * Reads the catalog from its first record under a group of its own and never commits: what it folds
 * (rule state, pushed rules) reaches every worker, however many there are.
 */

import type { Batch, Consumer, Kafka } from 'kafkajs'
import { ConfigError } from '../../core/error.ts'
import type { LogRecord } from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'
import { untilAnswered } from './kafka-away.ts'
import { lastOffsetOf, recordsOfBatch } from './wire/batch-records.ts'
import { installRecordDecoder } from './wire/kafkajs-decoder.ts'

export interface CatalogFollowerOptions {
  readonly topic: string
  /** Unlike any other worker's. */
  readonly groupId: string
  /** Most bytes that one record batch may take when decoded. */
  readonly batchBytesMax: number
  readonly log: Log
  /** In log order. */
  readonly onRecord: (record: LogRecord) => void
  /** Told when all that was there at the start has been folded, and after each batch from then on. */
  readonly onCaughtUp?: () => void
}

export class CatalogFollower {
  readonly #kafka: Kafka
  readonly #options: CatalogFollowerOptions
  readonly #consumer: Consumer
  #position = 0
  /** The topic's end at the start. */
  #end = 0
  #isClosing = false

  constructor(kafka: Kafka, options: CatalogFollowerOptions) {
    installRecordDecoder(options.batchBytesMax)
    this.#kafka = kafka
    this.#options = options
    // A record is in force on every worker as soon as the broker has it: no linger here.
    this.#consumer = kafka.consumer({ groupId: options.groupId, minBytes: 1, maxWaitTimeInMs: 500 })
  }

  /** Resolves when everything that was in the topic at the call has been folded. */
  async start(): Promise<void> {
    const { topic, log, onCaughtUp } = this.#options
    await untilAnswered(
      log,
      () => this.#isClosing,
      async () => {
        this.#end = await this.#readEnd()
        await this.#consumer.connect()
        await this.#consumer.subscribe({ topic, fromBeginning: true })
      },
    )
    if (this.#isClosing) return
    if (this.#position >= this.#end) onCaughtUp?.()
    const caughtUp = new Promise<void>((resolve, reject) => {
      if (this.#position >= this.#end) resolve()
      this.#consumer.on(this.#consumer.events.CRASH, ({ payload }) => {
        if (!payload.restart) reject(payload.error)
      })
      this.#consumer.on(this.#consumer.events.END_BATCH_PROCESS, () => {
        if (this.#position >= this.#end) resolve()
      })
    })
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => this.#take(batch),
    })
    await caughtUp
  }

  async close(): Promise<void> {
    this.#isClosing = true
    await this.#consumer.disconnect()
  }

  #take(batch: Batch): void {
    const { topic, log, onRecord } = this.#options
    for (const record of recordsOfBatch(batch)) {
      // A rejoin begins anew at the first record; what was folded is not folded twice.
      if (record.offset < this.#position) continue
      if (record.damage === undefined) onRecord(record)
      else log.error({ topic, last: record.offset, ...record.damage }, 'catalog records unreadable')
    }
    this.#position = Math.max(this.#position, lastOffsetOf(batch) + 1)
    if (this.#position >= this.#end) this.#options.onCaughtUp?.()
  }

  async #readEnd(): Promise<number> {
    const admin = this.#kafka.admin()
    await admin.connect()
    try {
      const [only, ...others] = await admin.fetchTopicOffsets(this.#options.topic)
      if (only === undefined || others.length > 0) {
        throw new ConfigError(
          'catalog-partitions',
          `${this.#options.topic} must have exactly one partition.`,
        )
      }
      this.#position = Number(only.low)
      return Number(only.high)
    } finally {
      await admin.disconnect()
    }
  }
}
