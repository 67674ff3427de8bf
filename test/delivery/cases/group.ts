/** What a consumer group may and may not do, and what kafkajs would do in our place. */

import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import type { RecordHandler } from '../../../core/kafka.ts'
import { silentLog } from '../../../core/log.ts'
import { KafkaSource } from '../../../processors/engine/kafka-source.ts'
import { staleCommit } from '../../crash/stale-commit.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { type EngineChanges, plainKafkajs } from '../engine.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'
import { changedSource, changedStore } from '../wrap.ts'

export const group: readonly DeliveryCase[] = [
  {
    name: 'a stale commit does not move the group back',
    run: (scene) => stale(scene, 'with leases'),
  },
  {
    name: 'control: a stale commit, kafkajs alone',
    mustFail: /was moved back/,
    run: (scene) => stale(scene, 'kafkajs alone'),
  },
  {
    name: 'a commit while the consumer stops is there, or refused',
    run: (scene) => stopping(scene),
  },
  {
    name: 'control: a commit while the consumer stops, kafkajs alone',
    mustFail: /is not there/,
    run: (scene) => stopping(scene, () => plainKafkajs(scene, 'commitWhileStopping')),
  },
  {
    name: 'retention past a position that is read leaves the commit alone',
    run: (scene) => expiredPosition(scene),
  },
  {
    name: 'control: retention past a position that is read, kafkajs alone',
    mustFail: /was overwritten/,
    run: (scene) => expiredPosition(scene, () => plainKafkajs(scene, 'readFromCommit')),
  },
  {
    name: 'partitions added: read from their first record',
    run: (scene) => partitionsAdded(scene),
  },
  {
    name: 'control: partitions added, read from their end',
    mustFail: /lost/,
    run: (scene) => partitionsAdded(scene, { wrapSource: fromTheEnd }),
  },
  {
    name: 'aborted transactions and control records',
    on: 'apache',
    run: (scene) => transactions(scene),
  },
  {
    name: 'control: aborted transactions and control records, fetches of nothing else passed over',
    on: 'apache',
    mustFail: /waited/,
    run: (scene) => transactions(scene, { wrapSource: emptyPassedOver }),
  },
  { name: 'merges are judged by those before a restart', run: (scene) => circle(scene) },
  {
    name: 'control: merges are judged by those since the restart',
    mustFail: /is accepted/,
    run: (scene) => circle(scene, { wrapStore: changedStore(() => ({ merges: async () => [] })) }),
  },
  { name: 'a quiet stream makes few blocks', run: (scene) => quiet(scene, 1_000) },
  {
    name: 'control: a quiet stream, nothing waited for',
    mustFail: /blocks in/,
    run: (scene) => quiet(scene, 1),
  },
]

async function stale(scene: Scene, how: 'with leases' | 'kafkajs alone'): Promise<void> {
  const offset = await staleCommit(scene.broker.bootstrap, `${scene.id}.stale`, how)
  assert.equal(offset, 10, `the group was moved back to ${offset}`)
}

/** What was said to be committed while the source was being closed. */
async function stopping(
  scene: Scene,
  commit: () => Promise<unknown> = () => commitWhileClosing(scene),
): Promise<void> {
  await scene.writeTo(0, 1, 10)
  const said = await commit()
  const { offset } = await commitOf(scene)
  assert.equal(said, 'committed')
  assert.equal(offset, '1', 'what was said to be committed is not there')
}

async function commitWhileClosing(scene: Scene): Promise<string> {
  const source = createSource(scene)
  let closing = Promise.resolve()
  let said = ''
  await source.run({
    assigned: async () => 0,
    batch: async (batch, lease) => {
      closing = source.close()
      await lease.commit(1, 'late')
      said = 'committed'
      return batch.lastOffset + 1
    },
  })
  await closing
  return said
}

async function expiredPosition(
  scene: Scene,
  read: () => Promise<unknown> = () => readOnce(scene, async () => {}),
): Promise<void> {
  await scene.writeTo(0, 1, 60)
  await readOnce(scene, (commit) => commit(0, 'kept'))
  await scene.expire(30)
  assert.equal(String(await read()), '30')
  const held = await commitOf(scene)
  assert.deepEqual(held, { offset: '0', metadata: 'kept' }, 'the commit was overwritten')
}

/** Reads partition 0 from 0 until a batch comes; its first offset. */
async function readOnce(
  scene: Scene,
  work: (commit: (offset: number, metadata: string) => Promise<void>) => Promise<void>,
): Promise<number> {
  const source = createSource(scene)
  let closing: Promise<void> | null = null
  let first = -1
  const handler: RecordHandler = {
    assigned: async () => 0,
    batch: async (batch, lease) => {
      if (closing === null) {
        await work((offset, metadata) => lease.commit(offset, metadata))
        first = batch.records[0]?.offset ?? -1
        closing = source.close()
      }
      return batch.lastOffset + 1
    },
  }
  await source.run(handler)
  await closing
  return first
}

function createSource(scene: Scene): KafkaSource {
  return new KafkaSource(scene.kafka, {
    groupId: scene.id,
    topics: [scene.topics.commands],
    sessionMs: 6_000,
    lingerMs: 50,
    fetchBytesMax: 1 << 20,
    batchBytesMax: 1 << 20,
    partitionsMax: 2,
    log: silentLog,
  })
}

function commitOf(scene: Scene): Promise<{ offset: string; metadata: string | null }> {
  return scene.withAdmin(async (admin) => {
    const topics = [scene.topics.commands]
    const [held] = await admin.fetchOffsets({ groupId: scene.id, topics })
    const one = held?.partitions.find(({ partition }) => partition === 0)
    return { offset: one?.offset ?? '-1', metadata: one?.metadata ?? null }
  })
}

/** Stop, drain, add: what came before keys moved is finished before. */
async function partitionsAdded(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.write(1, 60)
  await scene.drain()
  const topic = scene.topics.commands
  await scene.withAdmin((admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] }),
  )
  await until('the new partitions to take records', () => scene.isLed(topic))
  await scene.writeTo(2, 61, 40)
  await scene.writeTo(3, 101, 40)
  const engine = scene.start(changes)
  await until('every partition to be assigned', () => engine.said('assigned').length >= 7)
  await scene.writeTo(2, 141, 20)
  await scene.writeTo(3, 161, 20)
  await scene.finished(engine)
  await engine.stop()
  await scene.holds()
}

const fromTheEnd = changedSource((source) => ({
  watermarks: async (at) => {
    const { high } = await source.watermarks(at)
    return { low: high, high }
  },
}))

async function transactions(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.writeTo(0, 1, 10)
  await transact(scene, 11, 'abort')
  await transact(scene, 21, 'commit')
  await scene.drain()
  await transact(scene, 31, 'abort')
  const engine = scene.start(changes)
  await scene.finished(engine, 5_000)
  await engine.stop()
  assert.equal(await scene.lag(), 0)
  const rows = await scene.rows<{ id: string }>('SELECT event_id AS id FROM commands')
  const letters = await scene.rows<{ n: number }>(
    "SELECT count() AS n FROM dead_letters WHERE code NOT LIKE 'records-%'",
  )
  const seen = [1, 2, 3, 4, 5, 6, 8, 9, 10, 22, 23, 24, 25, 27, 29, 30].map((n) => `e${n}`)
  assert.deepEqual(rows.map(({ id }) => id).sort(), seen.sort())
  assert.deepEqual(letters, [{ n: 3 }])
}

async function transact(scene: Scene, from: number, end: 'abort' | 'commit'): Promise<void> {
  const producer = scene.kafka.producer({
    transactionalId: `${scene.id}-${from}`,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  await producer.connect()
  const transaction = await producer.transaction()
  const messages = scene.commandMessages(0, from, 10)
  await transaction.send({ topic: scene.topics.commands, acks: -1, messages })
  await transaction[end]()
  await producer.disconnect()
}

/** As kafkajs does: the position moves, and nobody hears of it. */
const emptyPassedOver = changedSource((source) => ({
  run: (handler) =>
    source.run({
      assigned: (at, lease) => handler.assigned(at, lease),
      settled: () => handler.settled?.(),
      batch: async (batch, lease) =>
        batch.records.length === 0 ? batch.lastOffset + 1 : handler.batch(batch, lease),
    }),
}))

async function circle(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  const put = (id: string, loser_id: string, winner_id: string) => {
    const entity = { entity_kind: 'identity', loser_id, winner_id }
    const value = JSON.stringify({ kind: 'merge', id, entity })
    return scene.send(scene.topics.catalog, [{ value }])
  }
  await put('m1', 'red', 'blue')
  await scene.drain()
  await put('m2', 'blue', 'red')
  await scene.drain(changes)
  const letters = await scene.rows('SELECT code, offset FROM dead_letters')
  assert.deepEqual(letters, [{ code: 'merge-circle', offset: 1 }], 'a circle is accepted')
}

/** One record every 30 ms for 3 s, and at most a block for each time that a fetch waits. */
async function quiet(scene: Scene, lingerMs: number): Promise<void> {
  const settings = {
    TTPSTREAM_LINGER_MS: String(lingerMs),
    // What one fetch brings is one block.
    TTPSTREAM_BLOCK_RECORDS_MAX: '1000',
  }
  const engine = scene.start({}, settings)
  await until('every partition to be assigned', () => engine.said('assigned').length >= 5)
  const begun = Date.now()
  const producer = scene.kafka.producer()
  await producer.connect()
  for (let number = 1; Date.now() < begun + 3_000; number += 1) {
    const messages = scene.commandMessages(0, number, 1)
    await producer.send({ topic: scene.topics.commands, acks: -1, messages })
    await setTimeout(30)
  }
  await producer.disconnect()
  await scene.finished(engine)
  const seconds = (Date.now() - begun) / 1_000
  await engine.stop()
  const [{ n } = { n: 0 }] = await scene.rows<{ n: number }>(
    'SELECT count() AS n FROM ingest_progress',
  )
  assert.ok(n <= seconds + 2, `${n} blocks in ${seconds} s`)
  await scene.holds()
}
