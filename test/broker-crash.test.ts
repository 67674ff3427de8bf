/**
 * What a broker has acknowledged is there after kill -9 and a restart: the dev broker always, Apache
 * Kafka with TTPSTREAM_APACHE=1. Both leave writing to the page cache, so this is about the death of
 * the process, not of the machine.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Broker } from './brokers/broker.ts'
import { consume } from './brokers/contract/consume.ts'
import { Subject } from './brokers/contract/subject.ts'
import { startDevBroker } from './brokers/dev-broker.ts'
import { provideBrokers } from './brokers/provide.ts'
import { encodeBatch } from './brokers/record-batch.ts'
import {
  commit,
  committed,
  heartbeat,
  join,
  produce,
  sync,
  withoutMember,
} from './brokers/wire-calls.ts'
import type { WireClient } from './brokers/wire-client.ts'

const { TTPSTREAM_APACHE: withApache } = process.env

// Small segments, so that the log is rolled while it is written and most files are sealed at the end.
testCrash('dev broker', () => startDevBroker({ segmentBytes: 20_000 }))
if (withApache) {
  const provided = await provideBrokers()
  if (provided.kind === 'broker' && provided.broker.pids.length > 0) {
    testCrash(provided.broker.name, async () => provided.broker)
  }
}

function testCrash(name: string, start: () => Promise<Broker>): void {
  describe(name, () => {
    let subject: Subject
    beforeAll(async () => {
      subject = await Subject.of(await start())
    }, 120_000)
    afterAll(() => subject.close())

    /** Kills the broker after a while, and carries on with `work` until the connection breaks. */
    const killDuring = async (work: (client: WireClient) => Promise<void>) => {
      const client = await subject.wire()
      const working = (async () => {
        try {
          for (;;) await work(client)
        } catch (error) {
          return String(error)
        }
      })()
      await sleep(300)
      await subject.crash()
      expect(await working).toContain('the connection was closed')
    }

    test('every acknowledged record is there after kill -9, in order and once', async () => {
      const topic = await subject.topic(2)
      const acknowledged: [string[], string[]] = [[], []]
      let count = 0
      for (let round = 0; round < 2; round += 1) {
        await killDuring(async (client) => {
          const partition = count % 2
          const values = [0, 1, 2].map((index) => `${count}.${index} ${'x'.repeat(count % 500)}`)
          count += 1
          const answer = await produce(client, { topic, partition }, encodeBatch({ values }))
          expect(answer.error).toBe('NONE')
          acknowledged[partition]?.push(...values)
        })
      }
      const total = acknowledged[0].length + acknowledged[1].length
      expect(total).toBeGreaterThan(30)
      const records = await consume(subject, topic, total)
      for (const [partition, values] of acknowledged.entries()) {
        const own = records.filter((record) => record.partition === partition)
        expect(own.map(({ offset }) => Number(offset))).toEqual([...own.keys()])
        const texts = own.map(({ value }) => String(value))
        // A batch may be stored whose answer was never read: one a kill, and at the end of what was there.
        expect(texts.length - values.length).toBeLessThanOrEqual(6)
        expect(texts.filter((text) => values.includes(text))).toEqual(values)
      }
    }, 120_000)

    test('every acknowledged commit is there after kill -9', async () => {
      const topic = await subject.topic(1)
      const nobody = withoutMember(subject.name('group'))
      let offset = 0
      await killDuring(async (client) => {
        const metadata = `{"last":${offset + 1},"pad":"${'x'.repeat(offset % 1_000)}"}`
        expect(await commit(client, nobody, { topic, offset: offset + 1, metadata })).toBe('NONE')
        offset += 1
      })
      const client = await subject.wire()
      const [found] = await committed(client, nobody.groupId, { topic })
      expect(offset).toBeGreaterThan(10)
      expect([offset, offset + 1]).toContain(found?.offset)
      expect(found?.metadata).toMatch(new RegExp(`^{"last":${found?.offset},`))
    }, 120_000)

    test('a stable group keeps generation, members and assignments over kill -9', async () => {
      const topic = await subject.topic(1)
      const before = await subject.wire()
      const groupId = subject.name('group')
      const joined = await join(before, { groupId, sessionTimeoutMs: 60_000 })
      await sync(before, joined, { [joined.memberId]: 'mine' })
      await subject.crash()
      const client = await subject.wire()
      expect(await heartbeat(client, joined)).toBe('NONE')
      expect(await sync(client, joined)).toEqual({ error: 'NONE', assignment: 'mine' })
      expect(await commit(client, joined, { topic, offset: 4 })).toBe('NONE')
      const stale = { ...joined, generation: joined.generation - 1 }
      expect(await commit(client, stale, { topic, offset: 2 })).toBe('ILLEGAL_GENERATION')
    }, 120_000)

    test('a batch sent again after kill -9 is recognised', async () => {
      const topic = await subject.topic(1)
      const batch = (sequence: number) =>
        encodeBatch({
          values: ['x'.repeat(15_000)],
          producerId: 5,
          producerEpoch: 0,
          baseSequence: sequence,
        })
      const before = await subject.wire()
      const offsets: number[] = []
      for (let sequence = 0; sequence < 4; sequence += 1) {
        offsets.push((await produce(before, { topic }, batch(sequence))).baseOffset)
      }
      expect(offsets).toEqual([0, 1, 2, 3])
      await subject.crash()
      const client = await subject.wire()
      expect(await produce(client, { topic }, batch(3))).toEqual({ error: 'NONE', baseOffset: 3 })
      expect((await produce(client, { topic }, batch(9))).error).toBe(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
      )
      expect(await produce(client, { topic }, batch(4))).toEqual({ error: 'NONE', baseOffset: 4 })
    }, 120_000)
  })
}

test('a dev broker that was stopped itself hears the heartbeats that came meanwhile', async () => {
  const subject = await Subject.of(await startDevBroker())
  const client = await subject.wire()
  const joined = await join(client, { groupId: subject.name('group'), sessionTimeoutMs: 1_000 })
  await sync(client, joined)
  subject.broker.kill('SIGSTOP')
  const answer = heartbeat(client, joined)
  await sleep(1_500)
  subject.broker.kill('SIGCONT')
  expect(await answer).toBe('NONE')
  await subject.close()
})
