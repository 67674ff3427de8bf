/** kafkajs consumers and kcat, as programs use them. */
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Consumer } from 'kafkajs'
import { expect, test } from 'vitest'
import { consume } from './consume.ts'
import { eventually, type Subject } from './subject.ts'

const hasKcat = spawnSync('kcat', ['-V']).status === 0

export function testClients(given: () => Subject): void {
  test.concurrent('three kafkajs consumers share the partitions as they come and go', async () => {
    const topic = await given().topic(6)
    const groupId = given().name('group')
    const seen = new Set<string>()
    const start = async () => {
      const member = new Member(given(), groupId)
      await member.run(topic, (text) => seen.add(text))
      return member
    }
    const counts = (members: Member[]) => members.map(({ partitions }) => partitions.length).sort()
    const first = await start()
    await eventually('six partitions', () => first.partitions.length === 6)
    const second = await start()
    await eventually('three each', () => String(counts([first, second])) === '3,3')
    const third = await start()
    const all = [first, second, third]
    await eventually('two each', () => String(counts(all)) === '2,2,2')
    expect(all.flatMap(({ partitions }) => partitions).sort()).toEqual([0, 1, 2, 3, 4, 5])
    const texts = Array.from({ length: 60 }, (_, index) => String(index))
    await given().send(
      topic,
      texts.map((value, index) => ({ value, partition: index % 6 })),
    )
    await eventually('60 records', () => seen.size === 60)
    await second.consumer.disconnect()
    await eventually('three each', () => String(counts([first, third])) === '3,3')
    await Promise.all([first.consumer.disconnect(), third.consumer.disconnect()])
    const [offsets] = await given().admin.fetchOffsets({ groupId, topics: [topic] })
    expect(offsets?.partitions.map(({ offset }) => offset)).toEqual(new Array(6).fill('10'))
  }, 60_000)

  test.concurrent('a kafkajs consumer goes on where its group has committed', async () => {
    const topic = await given().topic()
    const groupId = given().name('group')
    await given().send(topic, [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    const read = async (count: number) => {
      const texts: string[] = []
      const member = new Member(given(), groupId)
      await member.run(topic, (text) => texts.push(text))
      await eventually(`${count} records`, () => texts.length >= count)
      await member.consumer.disconnect()
      return texts
    }
    expect(await read(3)).toEqual(['a', 'b', 'c'])
    await given().send(topic, [{ value: 'd' }])
    expect(await read(1)).toEqual(['d'])
  })

  test.concurrent('a kafkajs commit carries its metadata', async () => {
    const topic = await given().topic()
    await given().send(topic, [{ value: 'a' }, { value: 'b' }])
    const groupId = given().name('group')
    const consumer = given().kafka.consumer({ groupId, maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    let isCommitted = false
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const partition = { topic, partition: batch.partition, offset: '1', metadata: '{"last":7}' }
        await consumer.commitOffsets([partition])
        isCommitted = true
      },
    })
    await eventually('a commit', () => isCommitted)
    await consumer.disconnect()
    const [offsets] = await given().admin.fetchOffsets({ groupId, topics: [topic] })
    expect(offsets?.partitions).toEqual([{ partition: 0, offset: '1', metadata: '{"last":7}' }])
  })

  const kcat = async (args: string[], input = '') => {
    const running = promisify(execFile)('kcat', ['-b', given().broker.bootstrap, ...args], {
      timeout: 25_000,
    })
    running.child.stdin?.end(input)
    return (await running).stdout
  }
  const testKcat = hasKcat ? test.concurrent : test.skip

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    testKcat(`kcat reads back what it produced, compressed with ${codec}`, async () => {
      const topic = await given().topic(2)
      const lines = Array.from({ length: 50 }, (_, index) => `key${index}:value ${index}`)
      const produce = ['-P', '-t', topic, '-K:', '-z', codec, '-H', 'origin=kcat']
      await kcat(produce, lines.join('\n'))
      const read = await kcat(['-C', '-t', topic, '-e', '-q', '-f', '%k:%s %h\n'])
      const expected = lines.map((line) => `${line} origin=kcat`)
      expect(read.trim().split('\n').sort()).toEqual(expected.sort())
    })
  }

  testKcat('kcat and kafkajs read each other', async () => {
    const topic = await given().topic()
    await kcat(['-P', '-t', topic, '-z', 'gzip'], 'from kcat')
    await given().send(topic, [{ value: 'from kafkajs' }])
    const records = await consume(given(), topic, 2)
    expect(records.map(({ value }) => String(value))).toEqual(['from kcat', 'from kafkajs'])
    expect(await kcat(['-C', '-t', topic, '-e', '-q'])).toBe('from kcat\nfrom kafkajs\n')
  })

  testKcat('kcat produces idempotently', async () => {
    const topic = await given().topic()
    await kcat(['-P', '-t', topic, '-X', 'enable.idempotence=true'], 'a\nb\nc')
    expect(await given().watermarks(topic)).toEqual({ low: 0, high: 3 })
  })

  testKcat('kcat finds an offset by time and shows the topic', async () => {
    const topic = await given().topic(1)
    await given().send(topic, [
      { value: 'a', timestamp: '1700000000000' },
      { value: 'b', timestamp: '1700000001000' },
    ])
    expect(await kcat(['-Q', '-t', `${topic}:0:1700000000500`])).toContain('[0] offset 1')
    expect(await kcat(['-L', '-t', topic])).toContain(`topic "${topic}" with 1 partitions`)
  })

  testKcat('a kcat group commits, and goes on there', async () => {
    const topic = await given().topic(2)
    const group = [
      '-X',
      'auto.offset.reset=earliest',
      '-G',
      given().name('group'),
      topic,
      '-e',
      '-q',
    ]
    const both = [0, 1].map((partition) => ({ value: `first ${partition}`, partition }))
    await given().send(topic, both)
    expect((await kcat(group)).trim().split('\n').sort()).toEqual(['first 0', 'first 1'])
    await given().send(topic, [{ value: 'second', partition: 1 }])
    expect(await kcat(group)).toBe('second\n')
  })
}

export const kcatSkip = hasKcat ? null : 'kcat is not installed (Debian package kcat)'

/** A consumer that knows which partitions it has. */
class Member {
  readonly consumer: Consumer
  partitions: readonly number[] = []

  constructor(subject: Subject, groupId: string) {
    this.consumer = subject.kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      heartbeatInterval: 200,
      sessionTimeout: 10_000,
      rebalanceTimeout: 10_000,
    })
  }

  async run(topic: string, take: (text: string) => void): Promise<void> {
    const { GROUP_JOIN } = this.consumer.events
    this.consumer.on(GROUP_JOIN, ({ payload }) => {
      this.partitions = payload.memberAssignment[topic] ?? []
    })
    await this.consumer.connect()
    await this.consumer.subscribe({ topic, fromBeginning: true })
    await this.consumer.run({ eachMessage: async ({ message }) => take(String(message.value)) })
  }
}
