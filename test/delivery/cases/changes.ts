/** A migration or a backfill by the command line, while a block is half done or an engine runs. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { migrateDatabase, sqlServer } from '../../../cli/migrate-database.ts'
import { backfillView } from '../../../core/backfill.ts'
import type { FailpointName } from '../../../processors/engine/failpoint.ts'
import { readRange } from '../../../processors/engine/range-reader.ts'
import type { ReplayMark } from '../../../processors/engine/replay-mark.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { StoppedHere, stopAt } from '../engine.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'

export const changes: readonly DeliveryCase[] = [
  { name: 'a backfill waits for a block that was begun', run: (scene) => waits(scene, backfill) },
  {
    name: 'control: a backfill that does not look for a block that was begun',
    mustFail: /view target host_hours/,
    run: (scene) => doesNotWait(scene, backfill),
  },
  { name: 'a migration waits for a block that was begun', run: (scene) => waits(scene, migration) },
  {
    name: 'run --migrate refuses over a block that was begun, and a view to read is made all the same',
    run: beforeRun,
  },
  {
    name: 'control: a migration that does not look for a block that was begun',
    mustFail: /view target entity_tags/,
    run: (scene) => doesNotWait(scene, migration),
  },
  {
    name: 'the very first block was begun: a backfill waits for it',
    run: async (scene) => {
      await scene.writeTo(0, 1, 20)
      await dies(scene, 'facts', 1)
      await isRefused(scene, backfill, /:0 0-19 was begun/)
    },
  },
  { name: 'a backfill waits for engines to stop', run: besideAnEngine },
  { name: 'a backfill waits for a replay that was cut off', run: afterReplay },
  { name: 'a change while Kafka is away: only of a database without rows', run: withoutKafka },
]

interface Change {
  readonly words: readonly string[]
  /** The block dies right after it; the change rebuilds what that has filled. */
  readonly failpoint: FailpointName
  prepare(scene: Scene): Promise<void>
  /** Without looking at Kafka. */
  make(scene: Scene): Promise<unknown>
}

const hostHours = 'host_hours_from_commands'

const backfill: Change = {
  words: ['migrate', 'backfill', hostHours],
  failpoint: 'facts',
  prepare: async () => {},
  make: (scene) => backfillView(sqlServer(scene.clickhouse), hostHours),
}

/** The last one that computes entity_tags anew, as if it had never been run here. */
const migration: Change = {
  words: ['migrate'],
  failpoint: 'tags',
  async prepare(scene) {
    scene.isSpoiled = true
    const file = 'migrations/0005-superseded-tags.sql'
    await scene.clickhouse.command({
      query: `DELETE FROM schema_migrations WHERE file = '${file}'`,
      clickhouse_settings: { lightweight_deletes_sync: '1' },
    })
  },
  make: (scene) => migrateDatabase({ url: scene.clickhouseUrl, database: scene.database }),
}

async function waits(scene: Scene, change: Change): Promise<void> {
  await halfDone(scene, change)
  await isRefused(scene, change, /:0 25-49 was begun and is not finished/)
  const command = start(scene, change.words)
  await until('the command to wait', () => command.said().includes('Waiting: '))
  await scene.drain()
  assert.equal(await command.code, 0, command.said())
  await scene.holds()
}

/** A worker that migrates is as careful; what holds no data is made anew at any time. */
async function beforeRun(scene: Scene): Promise<void> {
  await halfDone(scene, migration)
  await isRefused(scene, { ...migration, words: ['run', '--migrate'] }, /:0 25-49 was begun/)
  const read = 'reads/progress_newest.sql'
  await scene.clickhouse.command({
    query: `INSERT INTO schema_migrations (file, sha256, version)
            SELECT file, sha256, version FROM ${scene.database}_clean.schema_migrations WHERE file LIKE 'migrations/0005%'`,
  })
  await scene.clickhouse.command({
    query: `DELETE FROM schema_migrations WHERE file = '${read}'`,
    clickhouse_settings: { lightweight_deletes_sync: '1' },
  })
  const command = start(scene, migration.words, { TTPSTREAM_MIGRATE_WAIT_MS: '0' })
  assert.equal(await command.code, 0, command.said())
  const made = await scene.rows(`SELECT file FROM schema_migrations WHERE file = '${read}'`)
  assert.ok(made.length > 0)
}

async function doesNotWait(scene: Scene, change: Change): Promise<void> {
  await halfDone(scene, change)
  await change.make(scene)
  await scene.drain()
  await scene.holds()
}

async function halfDone(scene: Scene, change: Change): Promise<void> {
  await scene.writeTo(0, 1, 60)
  await dies(scene, change.failpoint, 2)
  await change.prepare(scene)
}

async function besideAnEngine(scene: Scene): Promise<void> {
  await scene.writeTo(0, 1, 60)
  const engine = scene.start()
  await scene.finished(engine)
  await isRefused(scene, backfill, /engines run \(1 in the group /)
  await engine.stop()
  const command = start(scene, backfill.words)
  assert.equal(await command.code, 0, command.said())
  await scene.holds()
}

/** A replay commits what it is about to write, and dies; the next one goes on with it. */
async function afterReplay(scene: Scene): Promise<void> {
  await scene.writeTo(0, 1, 60)
  await scene.drain()
  const topic = scene.topics.commands
  const [block] = await scene.rows<{ log: string }>(
    `SELECT log FROM ingest_progress WHERE topic = '${topic}' AND partition = 0 LIMIT 1`,
  )
  const range = { topic, partition: 0, first: 0, end: 60 }
  const mark: ReplayMark = {
    ...{ v: 1, kind: 'replay', log: block?.log ?? '' },
    ...{ first: 0, last: 59, time: 1_790_000_000_000 },
  }
  let isMarked = false
  const reader = { groupId: `${scene.id}-replay`, batchBytesMax: 1 << 20, isAlone: true }
  await readRange(scene.kafka, range, reader, async (_records, _next, commit) => {
    if (!isMarked) await commit(0, JSON.stringify(mark))
    isMarked = true
  })
  await isRefused(scene, backfill, /a replay left .*:0 0-59 half done/)
  const replay = start(scene, ['replay', '--topic', topic])
  assert.equal(await replay.code, 0, replay.said())
  const command = start(scene, backfill.words)
  assert.equal(await command.code, 0, command.said())
  await scene.holds()
}

async function withoutKafka(scene: Scene): Promise<void> {
  await scene.writeTo(0, 1, 20)
  await scene.drain()
  const away = { TTPSTREAM_KAFKA_BROKERS: '127.0.0.1:1' }
  const refused = start(scene, backfill.words, away)
  assert.equal(await refused.code, 1, refused.said())
  assert.match(refused.said(), /Kafka: .*nothing was changed/)
  const empty = { ...away, TTPSTREAM_CLICKHOUSE_DATABASE: `${scene.database}_clean` }
  const made = start(scene, backfill.words, empty)
  assert.equal(await made.code, 0, made.said())
}

async function isRefused(scene: Scene, { words }: Change, message: RegExp): Promise<void> {
  const command = start(scene, words, { TTPSTREAM_MIGRATE_WAIT_MS: '0' })
  assert.equal(await command.code, 3, `it was not refused: ${command.said()}`)
  assert.match(command.said(), message)
  assert.match(command.said(), /Nothing was changed/)
}

const main = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url))

interface RunningCommand {
  readonly code: Promise<number>
  /** What it has written to its error output so far. */
  said(): string
}

function start(
  scene: Scene,
  words: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): RunningCommand {
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...scene.settings(settings) },
  })
  let text = ''
  child.stderr.on('data', (chunk) => {
    text += String(chunk)
  })
  return {
    code: once(child, 'close').then(([code]) => Number(code)),
    said: () => text,
  }
}

async function dies(scene: Scene, failpoint: FailpointName, nth: number): Promise<void> {
  const engine = scene.start({ failpoint: stopAt(failpoint, nth) })
  assert.ok((await engine.ended) instanceof StoppedHere)
  await engine.stop()
}
