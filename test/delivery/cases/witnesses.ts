/** Kafka's commit and ClickHouse's progress, where one of them is gone or belongs to another log. */

import assert from 'node:assert/strict'
import type { RecordSource } from '../../../core/kafka.ts'
import { untilLed } from '../../crash/load.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'
import { changedSource, changedStore } from '../wrap.ts'

export const witnesses: readonly DeliveryCase[] = [
  {
    name: 'offsets deleted: the same log goes on',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await deleteGroup(scene)
      await scene.write(121, 60)
      await scene.drain()
      await scene.holds()
    },
  },
  {
    name: 'control: offsets deleted, without asking ClickHouse for its progress',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await deleteGroup(scene)
      await scene.write(121, 60)
      await scene.drain({ wrapStore: changedStore(() => ({ newestProgress: async () => null })) })
      await finds(scene, 'too many')
    },
  },
  {
    name: 'group renamed: the same log goes on',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await scene.write(121, 60)
      await scene.drain({}, { TTPSTREAM_KAFKA_GROUP: `${scene.id}_renamed` })
      await scene.holds()
    },
  },
  {
    name: 'offsets deleted and the last block expired: refused',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await deleteGroup(scene)
      await scene.expire(Number.POSITIVE_INFINITY)
      await scene.write(121, 60)
      await isRefused(scene, 'log-unproven', /another TTPSTREAM_KAFKA_GROUP/)
    },
  },
  ...[200, 30].map(
    (count): DeliveryCase => ({
      name: `topic recreated, with ${count === 200 ? 'more' : 'fewer'} records: a log of its own`,
      async run(scene) {
        await scene.write(1, 120)
        await scene.drain()
        await recreate(scene)
        await scene.write(1_001, count)
        await scene.drain()
        await isNewLog(scene, count)
      },
    }),
  ),
  {
    name: 'control: topic recreated, by the commit of the old one',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      const commits = await commitsOf(scene)
      await recreate(scene)
      await scene.write(1_001, 200)
      await scene.drain({ wrapSource: remembering(commits) })
      await assert.rejects(isNewLog(scene, 200))
    },
  },
  {
    name: 'ClickHouse swapped: refused',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await scene.clickhouse.command({ query: 'TRUNCATE TABLE store' })
      await scene.clickhouse.insert({
        table: 'store',
        values: [{ id: '11111111-1111-4111-8111-111111111111', created_at: '2026-01-01 00:00:00' }],
        format: 'JSONEachRow',
      })
      await isRefused(scene, 'store-changed', /Restore the ClickHouse data/)
    },
  },
  {
    name: 'ClickHouse emptied: refused',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await scene.clickhouse.command({ query: 'TRUNCATE TABLE ingest_progress' })
      await isRefused(scene, 'store-behind', /TTPSTREAM_KAFKA_GROUP=<new name>/)
    },
  },
  {
    name: 'ClickHouse restored from an older backup: refused',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await restoreOlder(scene)
      await isRefused(scene, 'store-behind', /repeat records/)
    },
  },
  {
    name: 'control: ClickHouse restored, without comparing the witnesses',
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await restoreOlder(scene)
      await scene.write(121, 60)
      const trusting = changedStore(() => ({
        progressEnding: async (_, log, last) => ({ log, first: 0, last, records: 0, crc: 0 }),
      }))
      await scene.drain({ wrapStore: trusting })
      await finds(scene, 'lost')
    },
  },
]

/** A control's word: the oracle must find something of this kind. */
async function finds(scene: Scene, what: string): Promise<void> {
  const found = await scene.differences()
  assert.ok(
    found.some((line) => line.includes(what)),
    `the oracle found nothing ${what}: ${found.join('; ')}`,
  )
}

async function isRefused(scene: Scene, code: string, message: RegExp): Promise<void> {
  const engine = scene.start()
  const cause = await engine.ended
  assert.ok(cause instanceof Error && 'code' in cause, `it ended with ${cause}`)
  assert.equal(cause.code, code)
  assert.match(cause.message, message)
}

/** What a backup from the middle of the work holds. */
async function restoreOlder(scene: Scene): Promise<void> {
  for (const table of ['ingest_progress', 'commands', 'tags']) {
    await scene.clickhouse.command({
      query: `DELETE FROM ${table} WHERE topic = '${scene.topics.commands}' AND offset >= 20`,
      clickhouse_settings: { lightweight_deletes_sync: '1' },
    })
  }
}

async function deleteGroup(scene: Scene): Promise<void> {
  await scene.withAdmin(async (admin) => {
    // A member that left a moment ago may still be counted.
    await until('the group to be deleted', async () => {
      try {
        await admin.deleteGroups([scene.id])
        return true
      } catch {
        return false
      }
    })
  })
}

/** The topic of commands, deleted and made anew. */
async function recreate(scene: Scene): Promise<void> {
  const topic = scene.topics.commands
  await scene.withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until('the topic to be gone and back', async () => {
      try {
        return await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] })
      } catch {
        return false
      }
    })
    await untilLed(admin, [topic])
  })
}

/** The old log's rows stay; the new one's stand beside them under a log id of their own. */
async function isNewLog(scene: Scene, count: number): Promise<void> {
  const logs = await scene.rows<{ partition: number; logs: number; records: number }>(
    `SELECT partition, uniqExact(log) AS logs, sum(records) AS records FROM ingest_progress
     WHERE topic = '${scene.topics.commands}' GROUP BY partition ORDER BY partition`,
  )
  assert.deepEqual(
    logs.map(({ logs: of }) => of),
    [2, 2],
  )
  assert.equal(
    logs.reduce((sum, { records }) => sum + records, 0),
    120 + count,
  )
  const [rows] = await scene.rows<{ rows: number; ids: number }>(
    'SELECT count() AS rows, uniqExact(log, partition, offset) AS ids FROM commands',
  )
  assert.equal(rows?.rows, rows?.ids)
}

type Commits = ReadonlyMap<string, { offset: number; metadata: string }>

async function commitsOf(scene: Scene): Promise<Commits> {
  const topic = scene.topics.commands
  const [held] = await scene.withAdmin((admin) =>
    admin.fetchOffsets({ groupId: scene.id, topics: [topic] }),
  )
  return new Map(
    held?.partitions.map(({ partition, offset, metadata }) => [
      `${topic}:${partition}`,
      { offset: Number(offset), metadata: metadata ?? '' },
    ]),
  )
}

function remembering(commits: Commits): (source: RecordSource) => RecordSource {
  return changedSource((source) => ({
    committed: async (at) =>
      commits.get(`${at.topic}:${at.partition}`) ?? (await source.committed(at)),
  }))
}
