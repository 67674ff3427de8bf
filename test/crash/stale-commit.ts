/**
 * Kafka checks membership on a commit, not ownership, and kafkajs sends its current generation: a
 * batch that outlived a rebalance can move the group back over what its new owner has confirmed.
 * Shown twice: with kafkajs alone, where it happens, and through `KafkaSource`, where the batch's
 * lease refuses.
 */

import { setTimeout } from 'node:timers/promises'
import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs'
import { type Lease, LeaseLost } from '../../core/kafka.ts'
import { silentLog } from '../../core/log.ts'
import { KafkaSource } from '../../processors/engine/kafka-source.ts'

const partitions = 2
const newOwnersOffset = 10
const waitMs = 30_000

/** The offset the group ends at after a stale commit of 0 over the new owner's 10. */
export async function staleCommit(
  bootstrap: string,
  topic: string,
  how: 'kafkajs alone' | 'with leases',
): Promise<number> {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: false,
    topics: [{ topic, numPartitions: partitions }],
  })
  await fill(kafka, topic)
  const closers: (() => Promise<void>)[] = []
  try {
    const stale =
      how === 'with leases'
        ? await joinWithLeases(kafka, topic, closers)
        : await joinAlone(kafka, topic, closers)
    // A second member takes one of the two partitions over and confirms it.
    const taken = await takeOver(kafka, topic, closers)
    await until('the first member to rejoin', stale.hasRejoined)
    await stale.commit(taken)
    const found = await admin.fetchOffsets({ groupId: topic, topics: [topic] })
    return Number(found[0]?.partitions.find(({ partition }) => partition === taken)?.offset)
  } finally {
    for (const close of closers) await close()
    await admin.disconnect()
  }
}

interface Stale {
  hasRejoined(): boolean
  /** Commits offset 0 with what the batch of that partition was given before the rebalance. */
  commit(partition: number): Promise<void>
}

async function joinAlone(
  kafka: Kafka,
  topic: string,
  closers: (() => Promise<void>)[],
): Promise<Stale> {
  const consumer = kafka.consumer({ groupId: topic, sessionTimeout: 6_000, heartbeatInterval: 200 })
  closers.push(() => consumer.disconnect())
  let joins = 0
  consumer.on(consumer.events.GROUP_JOIN, () => {
    joins += 1
  })
  const payloads = new Map<number, EachBatchPayload>()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: async (payload) => {
      if (!payloads.has(payload.batch.partition)) payloads.set(payload.batch.partition, payload)
    },
  })
  await until('both partitions', () => payloads.size === partitions)
  return {
    hasRejoined: () => joins > 1,
    commit: async (partition) => {
      const offsets = [{ topic, partitions: [{ partition, offset: '0' }] }]
      await payloads.get(partition)?.commitOffsetsIfNecessary({ topics: offsets })
    },
  }
}

async function joinWithLeases(
  kafka: Kafka,
  topic: string,
  closers: (() => Promise<void>)[],
): Promise<Stale> {
  const source = createSource(kafka, topic)
  closers.push(() => source.close())
  const leases = new Map<number, Lease>()
  const positions = new Map<number, number>()
  const running = source.run({
    assigned: async ({ partition }) => {
      positions.set(partition, (positions.get(partition) ?? 0) + 1)
      return 0
    },
    batch: async (batch, lease) => {
      if (!leases.has(batch.partition)) leases.set(batch.partition, lease)
      return batch.lastOffset + 1
    },
  })
  closers.push(() => running)
  await until('both partitions', () => leases.size === partitions)
  return {
    hasRejoined: () => [...positions.values()].some((times) => times > 1),
    commit: async (partition) => {
      try {
        await leases.get(partition)?.commit(0, 'stale')
      } catch (cause) {
        if (!(cause instanceof LeaseLost)) throw cause
      }
    },
  }
}

/** Joins the group, confirms its partition at 10 and returns which it got. */
async function takeOver(
  kafka: Kafka,
  topic: string,
  closers: (() => Promise<void>)[],
): Promise<number> {
  const source = createSource(kafka, topic)
  closers.push(() => source.close())
  let taken = -1
  const running = source.run({
    assigned: async () => 0,
    batch: async (batch, lease) => {
      if (taken < 0) {
        await lease.commit(newOwnersOffset, 'confirmed')
        taken = batch.partition
      }
      return batch.lastOffset + 1
    },
  })
  closers.push(() => running)
  await until('the second member to confirm', () => taken >= 0)
  return taken
}

function createSource(kafka: Kafka, topic: string): KafkaSource {
  return new KafkaSource(kafka, {
    groupId: topic,
    topics: [topic],
    sessionMs: 6_000,
    lingerMs: 50,
    fetchBytesMax: 1 << 20,
    batchBytesMax: 1 << 20,
    partitionsMax: partitions,
    log: silentLog,
  })
}

async function fill(kafka: Kafka, topic: string): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  for (let partition = 0; partition < partitions; partition += 1) {
    const messages = Array.from({ length: 20 }, (_, n) => ({ partition, value: `v${n}` }))
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let leftMs = waitMs; !holds(); leftMs -= 50) {
    if (leftMs <= 0) throw new Error(`waited ${waitMs / 1000} s for ${what}`)
    await setTimeout(50)
  }
}
