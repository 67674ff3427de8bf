/** Kafka's commit and ClickHouse's progress, where one of them is gone or belongs to another log. */

import assert from 'node:assert/strict'
import type { LogRecord, TopicPartition } from '../../../core/kafka.ts'
import { checksum } from '../../../processors/engine/block.ts'
import type { Store } from '../../../processors/engine/store.ts'
import { startDevBroker } from '../../brokers/dev-broker.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import type { EngineChanges } from '../engine.ts'
import { type Commits, commitsOf, deleteGroup, recreate, remembering } from '../group.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'
import { changedSource, changedStore } from '../wrap.ts'

const withoutProgress = changedStore(() => ({ newestProgress: async () => null }))

const refusals: Readonly<Record<'swapped' | 'emptied' | 'restored' | 'deleted', Refusal>> = {
  swapped: {
    name: 'ClickHouse swapped: refused',
    code: 'store-changed',
    message: /Restore the ClickHouse data/,
    happen: swapStore,
  },
  emptied: {
    name: 'ClickHouse emptied: refused',
    code: 'store-behind',
    message: /TTPSTREAM_KAFKA_GROUP=<new name>/,
    happen: (scene) => scene.clickhouse.command({ query: 'TRUNCATE TABLE ingest_progress' }),
  },
  restored: {
    name: 'ClickHouse restored from an older backup: refused',
    code: 'store-behind',
    message: /repeat records/,
    happen: restoreOlder,
  },
  deleted: {
    name: 'ClickHouse folder deleted, tables made anew: refused',
    code: 'store-changed',
    message: /Restore the ClickHouse data/,
    happen: (scene) => scene.makeAnew(),
  },
}

async function swapStore(scene: Scene): Promise<void> {
  await scene.clickhouse.command({ query: 'TRUNCATE TABLE store' })
  await scene.clickhouse.insert({
    table: 'store',
    values: [{ id: '11111111-1111-4111-8111-111111111111', created_at: '2026-01-01 00:00:00' }],
    format: 'JSONEachRow',
  })
}

const oldest = { offsetRetentionMs: 500, retentionCheckMs: 200 }

export const witnesses: readonly DeliveryCase[] = [
  { name: 'offsets deleted: the same log goes on', run: (scene) => withoutOffsets(scene) },
  {
    name: 'control: offsets deleted, without asking ClickHouse for its progress',
    mustFail: /too many/,
    run: (scene) => withoutOffsets(scene, { wrapStore: withoutProgress }),
  },
  {
    name: 'stopped past offset retention: the same log goes on',
    on: 'dev',
    run: (scene) => scene.onOwnBroker(() => startDevBroker(oldest), pastOffsetRetention),
  },
  {
    name: 'control: stopped past offset retention, without asking ClickHouse for its progress',
    on: 'dev',
    mustFail: /too many/,
    run: (scene) =>
      scene.onOwnBroker(
        () => startDevBroker(oldest),
        (own) => pastOffsetRetention(own, { wrapStore: withoutProgress }),
      ),
  },
  { name: 'group renamed: the same log goes on', run: (scene) => renamed(scene) },
  {
    name: 'control: group renamed, without asking ClickHouse for its progress',
    mustFail: /too many/,
    run: (scene) => renamed(scene, { wrapStore: withoutProgress }),
  },
  {
    name: 'offsets deleted and the last block expired: refused',
    run: (scene) => unproven(scene),
  },
  {
    name: 'control: offsets deleted and the last block expired, begun anew',
    mustFail: /was not refused/,
    run: (scene) => unproven(scene, { wrapStore: withoutProgress }),
  },
  ...[200, 30].map(
    (count): DeliveryCase => ({
      name: `topic recreated, with ${count === 200 ? 'more' : 'fewer'} records: a log of its own`,
      run: (scene) => recreated(scene, count, () => ({})),
    }),
  ),
  {
    name: 'control: topic recreated, by the commit of the old one',
    mustFail: /the old log goes on/,
    run: (scene) => recreated(scene, 200, (commits) => ({ wrapSource: remembering(commits) })),
  },
  {
    name: 'control: topic recreated, without comparing the last block',
    mustFail: /the old log goes on/,
    run: (scene) => recreated(scene, 200, withoutComparing),
  },
  ...(['swapped', 'emptied', 'restored', 'deleted'] as const).flatMap((what): DeliveryCase[] => [
    { name: refusals[what].name, run: (scene) => refused(scene, what) },
    {
      name: `control: ${refusals[what].name.replace(': refused', '')}, trusting it`,
      mustFail: /was not refused/,
      run: (scene) => refused(scene, what, true),
    },
  ]),
  {
    name: 'control: ClickHouse restored from an older backup, going on all the same',
    mustFail: /lost/,
    async run(scene) {
      await scene.write(1, 120)
      await scene.drain()
      await restoreOlder(scene)
      await scene.write(121, 60)
      await scene.drain({ wrapStore: trusting((await storeOf(scene)) ?? '') })
      await scene.holds()
    },
  },
]

async function withoutOffsets(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.write(1, 120)
  await scene.drain()
  await deleteGroup(scene)
  await scene.write(121, 60)
  await scene.drain(changes)
  await scene.holds()
}

/** The broker forgets the commits of a group that nobody is in. */
async function pastOffsetRetention(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.write(1, 120)
  await scene.drain()
  await until('the commits to expire', async () => (await commitsOf(scene)).size === 0)
  await scene.write(121, 60)
  await scene.drain(changes)
  await scene.holds()
}

async function renamed(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.write(1, 120)
  await scene.drain()
  await scene.write(121, 60)
  await scene.drain(changes, { TTPSTREAM_KAFKA_GROUP: `${scene.id}_renamed` })
  await scene.holds()
}

async function unproven(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.write(1, 120)
  await scene.drain()
  await deleteGroup(scene)
  await scene.expire(Number.POSITIVE_INFINITY)
  await scene.write(121, 60)
  await isRefused(scene, 'log-unproven', /another TTPSTREAM_KAFKA_GROUP/, changes)
}

async function recreated(
  scene: Scene,
  count: number,
  changes: (commits: Commits) => EngineChanges,
): Promise<void> {
  await scene.write(1, 120)
  await scene.drain()
  const commits = await commitsOf(scene)
  await recreate(scene)
  await scene.write(1_001, count)
  await scene.drain(changes(commits))
  await isNewLog(scene, count)
}

/** Whatever Kafka holds is said to be the last finished block. */
function withoutComparing(): EngineChanges {
  const seen = new Map<string, LogRecord[]>()
  const keyOf = ({ topic, partition }: TopicPartition) => `${topic}:${partition}`
  return {
    wrapSource: changedSource((source) => ({
      run: (handler) =>
        source.run({
          assigned: (at, lease) => handler.assigned(at, lease),
          settled: () => handler.settled?.(),
          batch: (batch, lease) => {
            const key = keyOf(batch)
            seen.set(key, [...(seen.get(key) ?? []), ...batch.records])
            return handler.batch(batch, lease)
          },
        }),
    })),
    wrapStore: changedStore((store) => ({
      newestProgress: async (at) => {
        const newest = await store.newestProgress(at)
        if (newest === null) return null
        const inBlock = () =>
          (seen.get(keyOf(at)) ?? []).filter(
            ({ offset }) => offset >= newest.first && offset <= newest.last,
          )
        return {
          ...newest,
          get records() {
            return inBlock().length
          },
          get crc() {
            return checksum(inBlock())
          },
        }
      },
    })),
  }
}

interface Refusal {
  readonly name: string
  readonly code: string
  readonly message: RegExp
  readonly happen: (scene: Scene) => Promise<unknown>
}

async function refused(
  scene: Scene,
  what: keyof typeof refusals,
  isTrusted = false,
): Promise<void> {
  const { code, message, happen } = refusals[what]
  await scene.write(1, 120)
  await scene.drain()
  const before = await storeOf(scene)
  await happen(scene)
  await scene.write(121, 60)
  const changes = isTrusted ? { wrapStore: trusting(before ?? '') } : {}
  await isRefused(scene, code, message, changes)
}

/** As if nobody compared what Kafka's commit says of ClickHouse with what it holds. */
function trusting(id: string): (store: Store) => Store {
  return changedStore(() => ({
    id: async () => id,
    progressEnding: async (_, log, last) => ({ log, first: 0, last, records: 0, crc: 0 }),
  }))
}

async function storeOf(scene: Scene): Promise<string | undefined> {
  const [row] = await scene.rows<{ id: string }>('SELECT toString(id) AS id FROM store')
  return row?.id
}

async function isRefused(
  scene: Scene,
  code: string,
  message: RegExp,
  changes: EngineChanges,
): Promise<void> {
  const engine = scene.start(changes)
  const finished = scene.finished(engine).then(
    () => null,
    () => engine.ended,
  )
  const cause = await Promise.race([engine.ended, finished])
  assert.ok(cause instanceof Error && 'code' in cause, `it was not refused, it ended with ${cause}`)
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

/** The old log's rows stay; the new one's stand beside them under a log id of their own. */
async function isNewLog(scene: Scene, count: number): Promise<void> {
  const logs = await scene.rows<{ partition: number; logs: number; records: number }>(
    `SELECT partition, uniqExact(log) AS logs, sum(records) AS records FROM ingest_progress
     WHERE topic = '${scene.topics.commands}' GROUP BY partition ORDER BY partition`,
  )
  assert.deepEqual(
    logs.map(({ logs: of }) => of),
    [2, 2],
    'the old log goes on',
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
