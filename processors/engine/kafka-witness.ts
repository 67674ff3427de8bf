import type { Admin, Kafka } from 'kafkajs'
import { messageOf, TransientError } from '../../core/error.ts'
import type { Committed, TopicPartition, Watermarks } from '../../core/kafka.ts'

/** What a group has committed in one partition. */
export interface Commit extends TopicPartition {
  readonly metadata: string
}

/**
 * What Kafka knows of a group's partitions. Every method throws `TransientError`; the next question
 * after one that failed is asked on a connection of its own, for kafkajs's admin does not always
 * find its way back to a broker that was away.
 */
export class KafkaWitness {
  readonly groupId: string
  readonly #kafka: Kafka
  #admin: Promise<Admin> | null = null

  constructor(kafka: Kafka, groupId: string) {
    this.#kafka = kafka
    this.groupId = groupId
  }

  committed({ topic, partition }: TopicPartition): Promise<Committed> {
    return this.#ask(async (admin) => {
      const found = await admin.fetchOffsets({ groupId: this.groupId, topics: [topic] })
      const one = found[0]?.partitions.find((candidate) => candidate.partition === partition)
      const offset = Number(one?.offset ?? -1)
      return offset < 0 ? { offset: null, metadata: '' } : { offset, metadata: one?.metadata ?? '' }
    })
  }

  /** Of every partition; also of topics that are gone. */
  commits(): Promise<readonly Commit[]> {
    return this.#ask(async (admin) => {
      const found = await admin.fetchOffsets({ groupId: this.groupId })
      return found.flatMap(({ topic, partitions }) =>
        partitions
          .filter(({ offset }) => Number(offset) >= 0)
          .map(({ partition, metadata }) => ({ topic, partition, metadata: metadata ?? '' })),
      )
    })
  }

  /** How many consumers are in the group; one that died is until its session has ended. */
  members(): Promise<number> {
    return this.#ask(async (admin) => {
      const { groups } = await admin.describeGroups([this.groupId])
      return groups[0]?.members.length ?? 0
    })
  }

  watermarks({ topic, partition }: TopicPartition): Promise<Watermarks> {
    return this.#ask(async (admin) => {
      const found = await admin.fetchTopicOffsets(topic)
      const one = found.find((candidate) => candidate.partition === partition)
      if (one === undefined) throw new Error(`${topic}:${partition} has no offsets yet`)
      return { low: Number(one.low), high: Number(one.high) }
    })
  }

  /** High watermarks, by partition. */
  ends(topic: string): Promise<ReadonlyMap<number, number>> {
    return this.#ask(async (admin) => {
      const found = await admin.fetchTopicOffsets(topic)
      return new Map(found.map(({ partition, high }) => [partition, Number(high)]))
    })
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = null
    // An admin that never connected has nothing to close.
    await admin?.then((connected) => connected.disconnect()).catch(() => {})
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connect()
    const asked = this.#admin
    try {
      return await question(await asked)
    } catch (cause) {
      if (this.#admin === asked) await this.close()
      throw new TransientError('kafka-unavailable', `Kafka: ${messageOf(cause)}`, { cause })
    }
  }

  async #connect(): Promise<Admin> {
    const admin = this.#kafka.admin()
    await admin.connect()
    return admin
  }
}
