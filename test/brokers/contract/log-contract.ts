/** Topics, produce, fetch and offsets: what holds for every broker. */
import { expect, test } from 'vitest'
import { encodeBatch } from '../record-batch.ts'
import { commit, committed, fetch, offsetAt, produce, withoutMember } from '../wire-calls.ts'
import { consume } from './consume.ts'
import { eventually, isPending, type Subject } from './subject.ts'

export function testLog(given: () => Subject): void {
  test.concurrent('a topic is made with its partitions, and not made twice', async () => {
    const { admin } = given()
    const topic = await given().topic(3)
    expect(await admin.createTopics({ topics: [{ topic }] })).toBe(false)
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions.map(({ partitionId }) => partitionId).sort()).toEqual([0, 1, 2])
    expect(await admin.listTopics()).toContain(topic)
  })

  test.concurrent('a topic of a wrong name, count or setting is refused', async () => {
    const { admin } = given()
    const make = (topic: string, numPartitions: number, config?: [string, string]) =>
      admin.createTopics({
        topics: [
          {
            topic,
            numPartitions,
            configEntries: config === undefined ? [] : [{ name: config[0], value: config[1] }],
          },
        ],
      })
    await expect(make('no spaces', 1)).rejects.toMatchObject({
      errors: [{ type: 'INVALID_TOPIC_EXCEPTION' }],
    })
    const name = given().name('refused')
    await expect(make(name, 0)).rejects.toMatchObject({ errors: [{ type: 'INVALID_PARTITIONS' }] })
    await expect(make(name, 1, ['retention.mss', '1'])).rejects.toMatchObject({
      errors: [{ type: 'INVALID_CONFIG' }],
    })
    await expect(make(name, 1, ['retention.ms', 'long'])).rejects.toMatchObject({
      errors: [{ type: 'INVALID_CONFIG' }],
    })
    expect(await admin.listTopics()).not.toContain(name)
  })

  test.concurrent('partitions are added, and never taken away', async () => {
    const { admin } = given()
    const topic = await given().topic(1)
    await given().send(topic, [{ value: 'before' }])
    await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
    const client = await given().wire()
    await eventually('the second partition', async () => {
      return (await offsetAt(client, { topic, partition: 1 }, -1)).error === 'NONE'
    })
    await given().send(topic, [{ value: 'after', partition: 1 }])
    const records = await consume(given(), topic, 2)
    expect(records.map(({ value, partition }) => `${partition} ${value}`).sort()).toEqual([
      '0 before',
      '1 after',
    ])
    await expect(
      admin.createPartitions({ topicPartitions: [{ topic, count: 1 }] }),
    ).rejects.toMatchObject({ type: 'INVALID_PARTITIONS' })
  })

  test.concurrent('settings given with a topic are shown', async () => {
    const { admin } = given()
    const topic = given().name('configured')
    const configEntries = [{ name: 'retention.ms', value: '123456789' }]
    await given().create({ topic, configEntries })
    const { resources } = await admin.describeConfigs({
      resources: [{ type: 2, name: topic, configNames: ['retention.ms', 'max.message.bytes'] }],
      includeSynonyms: false,
    })
    const shown = resources[0]?.configEntries.map(({ configName, configValue }) => [
      configName,
      configValue,
    ])
    expect(shown?.sort()).toEqual([
      ['max.message.bytes', '1048588'],
      ['retention.ms', '123456789'],
    ])
  })

  for (const acks of [-1, 1, 0]) {
    test.concurrent(`what is produced with acks ${acks} is read back as it was`, async () => {
      const topic = await given().topic()
      const sent = [
        {
          key: 'a',
          value: 'one',
          headers: { h: 'x', many: ['1', '2'] },
          timestamp: '1700000000001',
        },
        { key: null, value: 'no key', timestamp: '1700000000002' },
        { key: 'tombstone', value: null, timestamp: '1700000000003' },
        { key: '', value: '', timestamp: '1700000000004' },
        { key: 'ключ', value: 'значение 🜛', timestamp: '1700000000005' },
      ]
      await given().send(topic, sent, acks)
      const records = await consume(given(), topic, sent.length)
      expect(
        records.map(({ key, value, timestamp, offset }) => ({
          key: key?.toString() ?? null,
          value: value?.toString() ?? null,
          timestamp,
          offset,
        })),
      ).toEqual(
        sent.map(({ key, value, timestamp }, index) => ({
          key,
          value,
          timestamp,
          offset: String(index),
        })),
      )
      expect(records[0]?.headers?.['h']?.toString()).toBe('x')
      expect(String(records[0]?.headers?.['many'])).toBe('1,2')
    })
  }

  test.concurrent('order holds over many batches and fetches', async () => {
    const topic = await given().topic()
    const producer = await given().producer()
    const texts = Array.from({ length: 2_000 }, (_, index) => String(index))
    for (let at = 0; at < texts.length; at += 250) {
      await producer.send({
        topic,
        messages: texts.slice(at, at + 250).map((value) => ({ value })),
        compression: at % 500 === 0 ? 0 : 1,
      })
    }
    await producer.disconnect()
    const records = await consume(given(), topic, texts.length)
    expect(records.map(({ value }) => String(value))).toEqual(texts)
    expect(records.map(({ offset }) => Number(offset))).toEqual(texts.map(Number))
  })

  test.concurrent('an empty partition does not hold up the others', async () => {
    const topic = await given().topic(3)
    await given().send(topic, [{ value: 'only', partition: 1 }])
    const records = await consume(given(), topic, 1)
    expect(records.map(({ value, partition }) => `${partition} ${value}`)).toEqual(['1 only'])
  })

  test.concurrent('a record of nearly a mebibyte passes, a larger one is refused', async () => {
    const topic = await given().topic()
    const fits = Buffer.alloc((1 << 20) - 100, 'x')
    await given().send(topic, [{ value: fits }])
    await expect(
      given().send(topic, [{ value: Buffer.alloc(1 << 20, 'x') }]),
    ).rejects.toMatchObject({
      type: 'MESSAGE_TOO_LARGE',
    })
    const [record] = await consume(given(), topic, 1)
    expect(record?.value?.equals(fits)).toBe(true)
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 1 })
  })

  test.concurrent('a fetch that allows fewer bytes than a batch has brings it all the same', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const batch = encodeBatch({ values: [Buffer.alloc(5_000, 'x')] })
    await produce(client, { topic }, batch)
    await produce(client, { topic }, batch)
    const { records } = await fetch(client, { topic, offset: 1, bytesMax: 10 })
    expect(records.length).toBe(batch.length)
    expect(records.readBigInt64BE(0)).toBe(1n)
    // All but base offset and leader epoch is what the producer sent.
    expect(records.subarray(16).equals(batch.subarray(16))).toBe(true)
  })

  test.concurrent('a fetch from within a batch brings the whole batch', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    await produce(client, { topic }, encodeBatch({ values: ['a', 'b', 'c'] }))
    const { records, highWatermark } = await fetch(client, { topic, offset: 2 })
    expect(records.readBigInt64BE(0)).toBe(0n)
    expect(highWatermark).toBe(3)
  })

  test.concurrent('offsets are found at the start, at the end and by time', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const timestampMs = 1_700_000_000_000
    const values = ['a', 'b', 'c', 'd']
    await produce(client, { topic }, encodeBatch({ values, timestampMs, stepMs: 10 }))
    const later = timestampMs + 1_000
    await produce(
      client,
      { topic },
      encodeBatch({ values, timestampMs: later, stepMs: 10, isGzip: true }),
    )
    const at = async (time: number) => {
      const { error, offset, timestampMs: found } = await offsetAt(client, { topic }, time)
      expect(error).toBe('NONE')
      return [offset, found]
    }
    expect(await at(-2)).toEqual([0, -1])
    expect(await at(-1)).toEqual([8, -1])
    expect(await at(0)).toEqual([0, timestampMs])
    expect(await at(timestampMs + 11)).toEqual([2, timestampMs + 20])
    expect(await at(timestampMs + 30)).toEqual([3, timestampMs + 30])
    expect(await at(timestampMs + 31)).toEqual([4, later])
    expect(await at(later + 29)).toEqual([7, later + 30])
    expect(await at(later + 31)).toEqual([-1, -1])
    const byTime = await given().admin.fetchTopicOffsetsByTimestamp(topic, later)
    expect(byTime).toEqual([{ partition: 0, offset: '4' }])
  })

  test.concurrent('an offset outside the log is told at once', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    await produce(client, { topic }, encodeBatch({ values: ['a'] }))
    const late = await fetch(client, { topic, offset: 2, waitMsMax: 60_000 })
    expect(late).toMatchObject({ error: 'OFFSET_OUT_OF_RANGE', highWatermark: -1 })
    const negative = await fetch(client, { topic, offset: -5, waitMsMax: 60_000 })
    expect(negative.error).toBe('OFFSET_OUT_OF_RANGE')
  })

  test.concurrent('a partition that does not exist is told', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    const position = { topic, partition: 7 }
    const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
    expect(await produce(client, position, encodeBatch({ values: ['a'] }))).toEqual({
      error: unknown,
      baseOffset: -1,
    })
    expect((await fetch(client, { ...position, offset: 0, waitMsMax: 60_000 })).error).toBe(unknown)
    expect((await offsetAt(client, position, -1)).error).toBe(unknown)
    const absent = { topic: given().name('absent') }
    expect((await produce(client, absent, encodeBatch({ values: ['a'] }))).error).toBe(unknown)
    expect((await fetch(client, { ...absent, offset: 0, waitMsMax: 60_000 })).error).toBe(unknown)
    expect((await offsetAt(client, absent, -1)).error).toBe(unknown)
  })

  test.concurrent('a fetch at the end waits for a record, and no longer', async () => {
    const topic = await given().topic()
    const [reader, writer] = [await given().wire(), await given().wire()]
    const fetched = fetch(reader, { topic, offset: 0, waitMsMax: 60_000 })
    expect(await isPending(fetched)).toBe(true)
    await produce(writer, { topic }, encodeBatch({ values: ['a'] }))
    expect((await fetched).records.length).toBeGreaterThan(0)
  })

  test.concurrent('a fetch waits until the bytes it asked for are there', async () => {
    const topic = await given().topic()
    const [reader, writer] = [await given().wire(), await given().wire()]
    const fetched = fetch(reader, { topic, offset: 0, waitMsMax: 60_000, bytesMin: 10_000 })
    const small = encodeBatch({ values: ['a'] })
    await produce(writer, { topic }, small)
    expect(await isPending(fetched)).toBe(true)
    const large = encodeBatch({ values: [Buffer.alloc(10_000)] })
    await produce(writer, { topic }, large)
    expect((await fetched).records.length).toBe(small.length + large.length)
  })

  test.concurrent('a fetch is answered empty when its time is over', async () => {
    const topic = await given().topic()
    const client = await given().wire()
    await produce(client, { topic }, encodeBatch({ values: ['a'] }))
    const { error, records } = await fetch(client, { topic, offset: 1, waitMsMax: 100 })
    expect([error, records.length]).toEqual(['NONE', 0])
    const some = await fetch(client, { topic, offset: 0, waitMsMax: 100, bytesMin: 10_000 })
    expect(some.records.length).toBeGreaterThan(0)
  })

  test.concurrent('deleted records raise the low watermark and cannot be read', async () => {
    const { admin } = given()
    const topic = await given().topic()
    const client = await given().wire()
    for (const value of ['a', 'b', 'c', 'd']) {
      await produce(client, { topic }, encodeBatch({ values: [value] }))
    }
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 4 })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
    expect(await given().watermarks(topic)).toEqual({ low: 2, high: 4 })
    expect((await fetch(client, { topic, offset: 1 })).error).toBe('OFFSET_OUT_OF_RANGE')
    expect((await fetch(client, { topic, offset: 2 })).records.readBigInt64BE(0)).toBe(2n)
    expect((await offsetAt(client, { topic }, 0)).offset).toBe(2)
    const records = await consume(given(), topic, 2)
    expect(records.map(({ value }) => String(value))).toEqual(['c', 'd'])
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '-1' }] })
    expect(await given().watermarks(topic)).toEqual({ low: 4, high: 4 })
    await expect(
      admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '9' }] }),
    ).rejects.toMatchObject({
      cause: { partitions: [{ error: { type: 'OFFSET_OUT_OF_RANGE' } }] },
    })
  })

  test.concurrent('records older than the retention of their topic go', async () => {
    const topic = given().name('brief')
    const configEntries = [{ name: 'retention.ms', value: '3600000' }]
    await given().create({ topic, configEntries })
    const client = await given().wire()
    const twoHoursAgo = Date.now() - 7_200_000
    await produce(client, { topic }, encodeBatch({ values: ['a', 'b'], timestampMs: twoHoursAgo }))
    await eventually('retention', async () => (await offsetAt(client, { topic }, -2)).offset === 2)
    expect((await offsetAt(client, { topic }, -1)).offset).toBe(2)
    expect((await fetch(client, { topic, offset: 0 })).error).toBe('OFFSET_OUT_OF_RANGE')
    const appended = await produce(client, { topic }, encodeBatch({ values: ['c'] }))
    expect(appended).toEqual({ error: 'NONE', baseOffset: 2 })
  })

  test.concurrent('a topic made again under its old name is empty', async () => {
    // Its own: kafkajs looks for every topic that an admin has ever named, gone ones too.
    const admin = given().kafka.admin()
    await admin.connect()
    const topic = await given().topic()
    await given().send(topic, [{ value: 'old' }])
    const nobody = withoutMember(given().name('group'))
    const client = await given().wire()
    expect(await commit(client, nobody, { topic, offset: 1 })).toBe('NONE')
    await admin.deleteTopics({ topics: [topic] })
    await eventually(
      'the end of the topic',
      async () => !(await admin.listTopics()).includes(topic),
    )
    await given().create({ topic })
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 0 })
    expect((await committed(client, nobody.groupId, { topic }))[0]?.offset).toBe(-1)
    await admin.disconnect()
  })
}
