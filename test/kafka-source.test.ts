/** The source on a broker: partitions that are slow, or not to be had at first. */

import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafka } from '../cli/kafka.ts'
import { readConfig } from '../core/config.ts'
import { LeaseLost, type RecordBatch, type TopicPartition } from '../core/kafka.ts'
import { silentLog } from '../core/log.ts'
import { KafkaSource } from '../processors/engine/kafka-source.ts'
import type { Broker } from './brokers/broker.ts'
import { startDevBroker } from './brokers/dev-broker.ts'
import { until } from './delivery/until.ts'

let broker: Broker

beforeAll(async () => {
  broker = await startDevBroker({
    topics: {
      slow: { partitions: 2 },
      ahead: { partitions: 1 },
      doubted: { partitions: 2 },
      crashed: { partitions: 1 },
      refused: { partitions: 1 },
    },
  })
})

afterAll(() => broker?.close())

test('a partition whose batches take their time does not hold up another one', async () => {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const seen: number[][] = [[], []]
  const source = await reading('slow', async (batch) => {
    if (batch.partition === 0) await gate
    seen[batch.partition]?.push(...batch.records.map(({ offset }) => offset))
  })
  await produce('slow', 0, 'at work')
  await until('the slow one to be at work', async () => source.begun.includes('0:0'))
  for (const text of ['waiting', 'left out']) await produce('slow', 0, text)
  await produce('slow', 1, 'another')
  await until('the other one', async () => seen[1]?.length === 1)
  // The slow one is left out by now; the other goes on.
  await produce('slow', 1, 'and another')
  await until('the other one again', async () => seen[1]?.length === 2)
  expect(seen[0]).toEqual([])
  open()
  await until('the slow one', async () => seen[0]?.length === 3)
  expect(seen[0]).toEqual([0, 1, 2])
  await source.end()
}, 60_000)

test('what is read to its end is fetched again once its batch is all but done', async () => {
  const sizes: number[] = []
  const source = await reading('ahead', async (batch) => {
    sizes.push(batch.records.length)
    if (sizes.length > 1) return
    for (const text of ['one', 'two']) await produce('ahead', 0, text)
    // Long enough for several fetches.
    await setTimeout(200)
    expect(batch.isFollowed?.()).toBe(false)
    batch.nearsEnd?.()
    await until('what follows', async () => batch.isFollowed?.() === true)
  })
  await produce('ahead', 0, 'at work')
  await until('the second batch', async () => sizes.length === 2)
  expect(sizes).toEqual([1, 2])
  await source.end()
}, 60_000)

test('a partition that an assignment doubted and that is still ours is read after all', async () => {
  const seen: number[] = []
  let doubts = 0
  const assigned = async ({ partition }: TopicPartition) => {
    if (partition === 0 && doubts < 2) {
      doubts += 1
      throw new LeaseLost('No heartbeat was answered in time.')
    }
    return 0
  }
  const source = await reading(
    'doubted',
    async (batch) => {
      seen.push(batch.partition)
    },
    assigned,
  )
  await produce('doubted', 1, 'certain')
  await produce('doubted', 0, 'doubted')
  await until('both to be read', async () => seen.length === 2)
  expect(seen.toSorted()).toEqual([0, 1])
  expect(doubts).toBe(2)
  await source.end()
}, 60_000)

test('a batch that is given up while kafkajs starts anew after a crash comes again', async () => {
  let giveUp = () => {}
  const stopped = new Promise<void>((resolve) => {
    giveUp = resolve
  })
  // Few tries, so that it soon crashes; told of the end of its group before the source is.
  const retry = { initialRetryTime: 50, maxRetryTime: 100, retries: 2 }
  const kafka = new Kafka({ brokers: [broker.bootstrap], retry, logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer.bind(kafka)
  kafka.consumer = (options) => {
    const made = consumer(options)
    made.on(made.events.STOP, giveUp)
    return made
  }
  await produce('crashed', 0, 'once more')
  const source = await reading(
    'crashed',
    async () => {
      if (source.begun.length > 1) return
      await stopped
      throw new LeaseLost('Kafka is away.')
    },
    undefined,
    kafka,
  )
  await until('the batch to be at work', async () => source.begun.length === 1)
  broker.kill('SIGKILL')
  await stopped
  await broker.restart()
  await until('the batch again', async () => source.begun.length === 2)
  expect(source.begun).toEqual(['0:0', '0:0'])
  await source.end()
}, 60_000)

test('after a join that was refused for the moment the group is joined, and the batch comes again', async () => {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker/index.js')
  const { heartbeat, joinGroup } = prototype
  let refusals = 0
  let hasRefusedJoin = false
  // The coordinator goes, and another one loads the group.
  const refusal = (type: string) => {
    refusals += 1
    return Promise.reject(Object.assign(new Error(type), { type, retriable: true }))
  }
  await produce('refused', 0, 'once more')
  const source = await reading('refused', async () => {
    if (source.begun.length > 1) return
    await until('to be refused', async () => refusals > 0)
    await setTimeout(200)
    throw new LeaseLost('The group has moved on.')
  })
  prototype.heartbeat = function (...given: unknown[]) {
    if (source.begun.length === 0 || hasRefusedJoin) return heartbeat.apply(this, given)
    return refusal('NOT_COORDINATOR_FOR_GROUP')
  }
  prototype.joinGroup = function (...given: unknown[]) {
    if (source.begun.length === 0 || hasRefusedJoin) return joinGroup.apply(this, given)
    hasRefusedJoin = true
    return refusal('GROUP_LOAD_IN_PROGRESS')
  }
  try {
    await until('the batch again', async () => source.begun.length === 2)
    expect(source.begun).toEqual(['0:0', '0:0'])
    expect(hasRefusedJoin).toBe(true)
    await source.end()
  } finally {
    Object.assign(prototype, { heartbeat, joinGroup })
  }
}, 60_000)

function createClient() {
  return createKafka(readConfig({ TTPSTREAM_KAFKA_BROKERS: broker.bootstrap }), silentLog)
}

async function produce(topic: string, partition: number, value: string): Promise<void> {
  const producer = createClient().producer({ allowAutoTopicCreation: false })
  await producer.connect()
  await producer.send({ topic, messages: [{ partition, value }] })
  await producer.disconnect()
}

/** Reads a topic from its beginning; `begun` are the batches handed over, as partition:position. */
async function reading(
  topic: string,
  handle: (batch: RecordBatch) => Promise<void>,
  assigned: (at: TopicPartition) => Promise<number> = async () => 0,
  kafka = createClient(),
) {
  const begun: string[] = []
  const source = new KafkaSource(kafka, {
    groupId: `group-${topic}`,
    topics: [topic],
    sessionMs: 6_000,
    lingerMs: 20,
    fetchBytesMax: 1 << 20,
    batchBytesMax: 1 << 20,
    partitionsMax: 16,
    log: silentLog,
  })
  const running = source.run({
    assigned,
    batch: async (batch) => {
      begun.push(`${batch.partition}:${batch.position}`)
      await handle(batch)
      return batch.lastOffset + 1
    },
  })
  const end = async () => {
    await source.close()
    await running
  }
  return { begun, end }
}
