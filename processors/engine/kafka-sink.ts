/**
 * `RecordSink` on kafkajs. kafkajs sends one batch per partition per call, and a batch above the
 * broker's limit is refused for good, so calls are cut at 900 KB.
 */

import type { Kafka, Producer } from 'kafkajs'
import { messageOf, TransientError } from '../../core/error.ts'
import type { OutRecord, RecordSink, TopicPartition } from '../../core/kafka.ts'

const sendBytesMax = 900_000
/** Key, headers and framing of one record, at most. */
const recordOverheadBytes = 512

export class KafkaSink implements RecordSink {
  readonly #producer: Producer
  #connected: Promise<void> | null = null

  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({ allowAutoTopicCreation: false, maxInFlightRequests: 5 })
  }

  async send(records: readonly OutRecord[]): Promise<void> {
    if (records.length === 0) return
    try {
      await this.#connect()
      for (const part of partsOf(records)) {
        await this.#producer.sendBatch({ acks: -1, topicMessages: part })
      }
    } catch (cause) {
      throw new TransientError('kafka-unavailable', `Kafka: ${messageOf(cause)}`, { cause })
    }
  }

  /** Sends one record and tells where it stands. */
  async sendOne({ topic, key, value }: OutRecord): Promise<TopicPartition & { offset: number }> {
    try {
      await this.#connect()
      const [sent] = await this.#producer.send({ topic, acks: -1, messages: [{ key, value }] })
      return { topic, partition: sent?.partition ?? 0, offset: Number(sent?.baseOffset ?? 0) }
    } catch (cause) {
      throw new TransientError('kafka-unavailable', `Kafka: ${messageOf(cause)}`, { cause })
    }
  }

  async close(): Promise<void> {
    if (this.#connected !== null) await this.#producer.disconnect()
  }

  #connect(): Promise<void> {
    this.#connected ??= this.#producer.connect().catch((cause: unknown) => {
      this.#connected = null
      throw cause
    })
    return this.#connected
  }
}

interface TopicMessages {
  readonly topic: string
  readonly messages: { key: string; value: string }[]
}

function* partsOf(records: readonly OutRecord[]): Generator<TopicMessages[]> {
  let part = new Map<string, TopicMessages>()
  let bytes = 0
  for (const { topic, key, value } of records) {
    const size = Buffer.byteLength(value) + recordOverheadBytes
    if (bytes > 0 && bytes + size > sendBytesMax) {
      yield [...part.values()]
      part = new Map()
      bytes = 0
    }
    const group = part.get(topic) ?? { topic, messages: [] }
    group.messages.push({ key, value })
    part.set(topic, group)
    bytes += size
  }
  if (bytes > 0) yield [...part.values()]
}
