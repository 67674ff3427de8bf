/** What a block's rows may do to ClickHouse and Kafka, and what those may answer. */

import assert from 'node:assert/strict'
import { checkDatabase, type DatabaseAddress } from '../../../cli/migrate-database.ts'
import { messageOf, TransientError } from '../../../core/error.ts'
import { parseMark } from '../../../processors/engine/intent.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import type { EngineChanges, TestEngine } from '../engine.ts'
import { StoppedHere, stopAt } from '../engine.ts'
import { Front } from '../front.ts'
import { commitsOf } from '../group.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'
import { changedStore } from '../wrap.ts'

export const inserts: readonly DeliveryCase[] = [
  { name: '150 months in one block', run: (scene) => manyMonths(scene) },
  {
    name: 'control: 150 months in one block, a table partitioned by the time of producers',
    mustFail: /too many parts|partitions/i,
    async run(scene) {
      await partitionByEventTime(scene)
      await manyMonths(scene)
    },
  },
  { name: 'an answer of ClickHouse is lost', run: (scene) => answerLost(scene, (path) => path) },
  {
    name: 'control: an answer of ClickHouse is lost, views behind a table repeat what they have',
    mustFail: /view target/,
    run: (scene) =>
      answerLost(scene, (path) =>
        path.replace(/(deduplicate_blocks_in_dependent_materialized_views)=1/, '$1=0'),
      ),
  },
  {
    name: 'a table that repeats what it has is refused at the start',
    run: (scene) => windowGone(scene),
  },
  {
    name: 'control: a table that repeats what it has, windows not looked at',
    mustFail: /was not refused/,
    run: (scene) => windowGone(scene, async () => {}),
  },
  { name: '3 MB of dead letters in one block', run: (scene) => manyDeadLetters(scene) },
  {
    name: 'control: 3 MB of dead letters in one send',
    mustFail: /larger than|too large/i,
    run: (scene) => manyDeadLetters(scene, atOnce(scene)),
  },
  { name: 'a full disk is waited out, and readiness says so', run: (scene) => fullDisk(scene) },
  {
    name: 'control: a full disk that is taken for final',
    mustFail: /it ended/,
    run: (scene) => fullDisk(scene, { wrapStore: nothingIsTransient }),
  },
  {
    name: 'what waiting does not cure stops the engine, its block begun',
    run: (scene) => finalError(scene),
  },
  {
    name: 'control: what waiting does not cure is waited for',
    mustFail: /it tries again/,
    run: (scene) => finalError(scene, { wrapStore: allIsTransient }),
  },
]

/** One insert must stay one part, whatever time producers say it is. */
async function manyMonths(scene: Scene): Promise<void> {
  const values = Array.from({ length: 150 }, (_, month) => ({
    event_id: `m${month}`,
    kind: 'command',
    event_time: new Date(Date.UTC(2014, month, 3)).toISOString(),
    host: 'h1',
    command_text: `${month % 2 === 0 ? 'alpha' : 'gamma'} ${month}`,
  }))
  const messages = values.map((value) => ({ partition: 0, value: JSON.stringify(value) }))
  await scene.send(scene.topics.commands, messages)
  const settings = { TTPSTREAM_BLOCK_RECORDS_MAX: '200' }
  const dying = scene.start({ failpoint: stopAt('tags') }, settings)
  await endsWithoutRetries(dying)
  assert.ok((await dying.ended) instanceof StoppedHere)
  await dying.stop()
  const engine = scene.start({}, settings)
  await Promise.race([scene.finished(engine), endsWithoutRetries(engine)])
  await engine.stop()
  await scene.holds()
  const [found] = await scene.rows<{ months: number; blocks: number }>(
    `SELECT (SELECT uniqExact(toStartOfMonth(event_time)) FROM commands) AS months,
       (SELECT count() FROM ingest_progress) AS blocks`,
  )
  assert.deepEqual(found, { months: 150, blocks: 1 })
}

/** Fails as soon as a server refuses something; resolves when the engine ends. */
async function endsWithoutRetries(engine: TestEngine): Promise<void> {
  await until('the engine to end', () => {
    const [line] = engine.said('trying again')
    if (line !== undefined) assert.fail(`${line.fields['what']}: ${line.fields['error']}`)
    return engine.hasEnded
  })
}

async function partitionByEventTime(scene: Scene): Promise<void> {
  scene.isSpoiled = true
  const [table] = await scene.rows<{ sql: string }>(
    `SELECT create_table_query AS sql FROM system.tables
     WHERE database = currentDatabase() AND name = 'commands'`,
  )
  const made = (table?.sql ?? '')
    .replace(/^CREATE TABLE \S+/, `CREATE TABLE ${scene.database}.commands_by_month`)
    .replace('PARTITION BY toYYYYMM(ingest_time)', 'PARTITION BY toYYYYMM(event_time)')
  await scene.clickhouse.command({ query: made })
  await scene.clickhouse.command({ query: 'EXCHANGE TABLES commands AND commands_by_month' })
}

/** ClickHouse has done an insert of tags, and says nothing: it is sent again. */
async function answerLost(scene: Scene, rewrite: (path: string) => string): Promise<void> {
  const front = await Front.create(scene.clickhouseUrl)
  try {
    front.rewrite = rewrite
    front.only = 'INSERT+INTO+tags+'
    front.mood = { kind: 'forgetful' }
    await scene.write(1, 120)
    const engine = scene.start({}, { TTPSTREAM_CLICKHOUSE_URL: front.url })
    await until('an insert to be sent again', () => engine.said('trying again').length > 0)
    front.mood = { kind: 'well' }
    await scene.finished(engine)
    await engine.stop()
  } finally {
    await front.close()
  }
  await scene.holds()
}

/** A view's target counts as much as the table that is inserted into. */
async function windowGone(
  scene: Scene,
  check: (address: DatabaseAddress) => Promise<void> = checkDatabase,
): Promise<void> {
  const address = { url: scene.clickhouseUrl, database: scene.database }
  await checkDatabase(address)
  scene.isSpoiled = true
  await scene.clickhouse.command({
    query: 'ALTER TABLE tag_days MODIFY SETTING non_replicated_deduplication_window = 0',
  })
  const message = await check(address).then(() => 'it was not refused', messageOf)
  assert.match(message, /tag_days: non_replicated_deduplication_window is 0/)
}

async function manyDeadLetters(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  const value = `{"broken": "${'x'.repeat(52_000)}`
  for (let sent = 0; sent < 60; sent += 15) {
    const messages = Array.from({ length: 15 }, () => ({ partition: 0, value }))
    await scene.send(scene.topics.commands, messages)
  }
  const engine = scene.start(changes, {
    TTPSTREAM_BLOCK_RECORDS_MAX: '100',
    TTPSTREAM_FETCH_BYTES_MAX: String(8 << 20),
  })
  await Promise.race([scene.finished(engine), endsWithoutRetries(engine)])
  await engine.stop()
  await scene.holds()
  const blocks = await scene.rows('SELECT dead_letters AS n FROM ingest_progress')
  assert.deepEqual(blocks, [{ n: 60 }])
}

/** All that a block publishes as one batch of records. */
function atOnce(scene: Scene): EngineChanges {
  const producer = scene.kafka.producer({ retry: { retries: 0 } })
  return {
    wrapSink: (sink) => ({
      close: () => sink.close(),
      send: async (records) => {
        await producer.connect()
        const topic = scene.topics.deadLetters
        const messages = records.map(({ key, value }) => ({ key, value }))
        try {
          await producer.send({ topic, acks: -1, messages })
        } catch (cause) {
          throw new TransientError('kafka-unavailable', messageOf(cause))
        } finally {
          await producer.disconnect()
        }
      },
    }),
  }
}

async function fullDisk(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  const front = await Front.create(scene.clickhouseUrl)
  try {
    front.only = 'INSERT+INTO+commands+'
    front.mood = { kind: 'failing', code: 243 }
    await scene.write(1, 120)
    const engine = scene.start(changes, { TTPSTREAM_CLICKHOUSE_URL: front.url })
    await until('three tries', () => {
      assert.ok(!engine.hasEnded, 'it ended')
      return engine.said('trying again').length >= 3
    })
    assert.deepEqual(engine.reasons, ['ClickHouse does not answer'])
    front.mood = { kind: 'well' }
    await scene.finished(engine)
    assert.deepEqual(engine.reasons, [])
    await engine.stop()
  } finally {
    await front.close()
  }
  await scene.holds()
}

/** The table is gone: 60, UNKNOWN_TABLE. */
async function finalError(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  const front = await Front.create(scene.clickhouseUrl)
  try {
    front.only = 'INSERT+INTO+tags+'
    front.mood = { kind: 'failing', code: 60 }
    await scene.writeTo(0, 1, 60)
    const engine = scene.start(changes, { TTPSTREAM_CLICKHOUSE_URL: front.url })
    await until('the engine to end', () => {
      assert.ok(engine.said('trying again').length < 3, 'it tries again')
      return engine.hasEnded
    })
    assert.match(messageOf(await engine.ended), /as the test wishes/)
    await engine.stop()
  } finally {
    await front.close()
  }
  const commits = await commitsOf(scene)
  const mark = parseMark(commits.get(`${scene.topics.commands}:0`)?.metadata ?? '')
  assert.equal(mark?.kind, 'intent')
  await scene.drain()
  await scene.holds()
}

const nothingIsTransient = changedStore((store) => ({
  insert: async (name, rows, token) => {
    try {
      await store.insert(name, rows, token)
    } catch (cause) {
      throw new Error(messageOf(cause))
    }
  },
}))

const allIsTransient = changedStore((store) => ({
  insert: async (name, rows, token) => {
    try {
      await store.insert(name, rows, token)
    } catch (cause) {
      throw new TransientError('clickhouse-unavailable', messageOf(cause))
    }
  },
}))
