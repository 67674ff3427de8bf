/** A connection to Kafka that is cut in the middle of an answer, through kafkajs as the product sets it up. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafka } from '../cli/kafka.ts'
import { readConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import type { Broker } from './brokers/broker.ts'
import { startDevBroker } from './brokers/dev-broker.ts'
import { TcpFront } from './crash/tcp-front.ts'

let front: TcpFront
let broker: Broker

beforeAll(async () => {
  front = await TcpFront.create()
  broker = await startDevBroker({ advertisedPort: front.port, topics: { t: { partitions: 3 } } })
  front.target = Number(broker.bootstrap.split(':')[1])
})

afterAll(async () => {
  await broker?.close()
  await front?.close()
})

test('half an answer is forgotten with its connection, and the next one is read from its beginning', async () => {
  const config = readConfig({ TTPSTREAM_KAFKA_BROKERS: `127.0.0.1:${front.port}` })
  const admin = createKafka(config, silentLog).admin()
  await admin.connect()
  const expected = await admin.fetchTopicOffsets('t')
  expect(expected).toHaveLength(3)
  for (let times = 0; times < 3; times += 1) {
    front.mood = 'half'
    await expect(admin.fetchTopicOffsets('t')).rejects.toThrow('Closed connection')
    front.mood = 'well'
    expect(await admin.fetchTopicOffsets('t')).toEqual(expected)
  }
  await admin.disconnect()
}, 30_000)
