import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ConfigError } from '../../core/error.ts'
import { silentLog } from '../../core/log.ts'
import type { DevKafkaSettings } from './options.ts'
import { type DevKafka, startDevKafka } from './server.ts'

let dataDir = ''
let running: DevKafka[] = []
let admins: Admin[] = []
let nowMs = 0

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'dev-kafka-'))
  nowMs = Date.now()
})
afterEach(async () => {
  await Promise.all(admins.map((admin) => admin.disconnect()))
  await Promise.all(running.map((broker) => broker.close()))
  rmSync(dataDir, { recursive: true, force: true })
  running = []
  admins = []
})

test('topics of the options are there at the start, and others are made with the default count', async () => {
  const topics = { listed: { partitions: 3, configs: { 'retention.ms': '-1' } } }
  const { kafka, admin } = await start({ topics, defaultPartitions: 2 })
  expect(await admin.listTopics()).toEqual(['listed'])
  await produce(kafka, 'unlisted', 'a')
  expect((await admin.fetchTopicOffsets('listed')).length).toBe(3)
  expect((await admin.fetchTopicOffsets('unlisted')).length).toBe(2)
  await admin.deleteTopics({ topics: ['listed'] })
  await produce(kafka, 'listed', 'a')
  expect((await admin.fetchTopicOffsets('listed')).length).toBe(3)
})

test('without automatic topics a producer is told that there is none', async () => {
  const { kafka, admin } = await start({ autoCreateTopics: false })
  await expect(produce(kafka, 'absent', 'a')).rejects.toMatchObject({
    cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' },
  })
  expect(await admin.listTopics()).toEqual([])
})

test('a restart finds topics, records, settings and deletions', async () => {
  const first = await start()
  await first.admin.createTopics({
    topics: [
      { topic: 'kept', configEntries: [{ name: 'retention.ms', value: '-1' }] },
      { topic: 'gone' },
    ],
  })
  await first.admin.createPartitions({ topicPartitions: [{ topic: 'kept', count: 2 }] })
  for (const value of ['a', 'b', 'c']) await produce(first.kafka, 'kept', value)
  await first.admin.fetchTopicOffsets('kept')
  await first.admin.deleteTopicRecords({
    topic: 'kept',
    partitions: [{ partition: 0, offset: '1' }],
  })
  await first.admin.deleteTopics({ topics: ['gone'] })
  await first.broker.close()
  const second = await start()
  expect(await second.admin.listTopics()).toEqual(['kept'])
  const offsets = await second.admin.fetchTopicOffsets('kept')
  expect(offsets.map(({ low, high }) => [low, high])).toEqual([
    ['1', '3'],
    ['0', '0'],
  ])
  const { resources } = await second.admin.describeConfigs({
    resources: [{ type: 2, name: 'kept', configNames: ['retention.ms'] }],
    includeSynonyms: false,
  })
  expect(resources[0]?.configEntries[0]?.configValue).toBe('-1')
})

test('records older than the retention of their topic go, those of others stay', async () => {
  const { kafka, admin } = await start({ retentionCheckMs: 20 })
  const configEntries = [{ name: 'retention.ms', value: '60000' }]
  await admin.createTopics({ topics: [{ topic: 'brief', configEntries }, { topic: 'long' }] })
  await produce(kafka, 'brief', 'a')
  await produce(kafka, 'long', 'a')
  nowMs += 61_000
  await vi.waitFor(async () => {
    expect((await admin.fetchTopicOffsets('brief'))[0]).toMatchObject({ low: '1', high: '1' })
  })
  expect((await admin.fetchTopicOffsets('long'))[0]).toMatchObject({ low: '0', high: '1' })
})

test('the offsets of a group that has long been empty are forgotten', async () => {
  const { kafka, admin } = await start({ retentionCheckMs: 20 })
  await produce(kafka, 'topic', 'a')
  await readOne(kafka, 'topic', 'group')
  const offset = async () => {
    const [fetched] = await admin.fetchOffsets({ groupId: 'group', topics: ['topic'] })
    return fetched?.partitions[0]?.offset
  }
  nowMs += 6 * 86_400_000
  expect(await offset()).toBe('1')
  nowMs += 2 * 86_400_000
  await vi.waitFor(async () => expect(await offset()).toBe('-1'))
  expect((await admin.listGroups()).groups).toEqual([])
})

test('more partitions, groups or connections than allowed are refused', async () => {
  const { kafka, admin, broker } = await start({
    partitionsMax: 3,
    groupsMax: 1,
    connectionsMax: 3,
  })
  await expect(
    admin.createTopics({ topics: [{ topic: 'wide', numPartitions: 4 }] }),
  ).rejects.toMatchObject({ errors: [{ type: 'INVALID_PARTITIONS' }] })
  await admin.createTopics({ topics: [{ topic: 'narrow', numPartitions: 3 }] })
  await produce(kafka, 'narrow', 'a')
  await readOne(kafka, 'narrow', 'one')
  const consumer = kafka.consumer({ groupId: 'two', retry: { retries: 0 } })
  await consumer.connect()
  await consumer.subscribe({ topic: 'narrow' })
  const crashed = new Promise<unknown>((resolve) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error))
  })
  await consumer.run({ eachMessage: async () => {} }).catch(() => {})
  expect(await crashed).toMatchObject({ type: 'GROUP_MAX_SIZE_REACHED' })
  await consumer.disconnect()
  const sockets = [0, 1, 2, 3].map(() => connect(broker.port, '127.0.0.1').on('error', () => {}))
  await new Promise((resolve) => sockets[3]?.once('close', resolve))
  for (const socket of sockets) socket.destroy()
})

test('a folder in use is refused, and free again when the broker has closed', async () => {
  const { broker } = await start()
  await expect(start()).rejects.toThrow(ConfigError)
  expect(Number(readFileSync(join(dataDir, 'broker.pid'), 'utf8'))).toBe(process.pid)
  await broker.close()
  await broker.close()
  await start()
})

test('a claim of a process that is gone counts for nothing', async () => {
  const { broker } = await start()
  await broker.close()
  // Above what Linux gives out.
  writeFileSync(join(dataDir, 'broker.pid'), '4999999\n')
  await start()
})

test('close ends a fetch that waits', async () => {
  const { kafka, broker } = await start()
  await produce(kafka, 'topic', 'a')
  await expect(readOne(kafka, 'topic', 'group', () => broker.close())).resolves.toBeUndefined()
})

async function start(settings: Partial<DevKafkaSettings> = {}) {
  const clock = { now: () => nowMs }
  const broker = await startDevKafka({ ...settings, dataDir, log: silentLog, clock })
  running.push(broker)
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${broker.port}`],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 3 },
  })
  const admin = kafka.admin()
  await admin.connect()
  admins.push(admin)
  return { broker, kafka, admin }
}

async function produce(kafka: Kafka, topic: string, value: string): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: [{ value, partition: 0 }] })
  } finally {
    await producer.disconnect()
  }
}

/** Reads the first record as a member of the group, which then commits and leaves. */
async function readOne(
  kafka: Kafka,
  topic: string,
  groupId: string,
  beforeLeaving: () => Promise<void> = async () => {},
): Promise<void> {
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 10_000 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve) => {
    void consumer.run({ eachMessage: async () => resolve() })
  })
  await beforeLeaving()
  await consumer.disconnect()
}
