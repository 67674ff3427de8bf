/** A block that one engine began and another finishes: under its own intent, with what is stored. */

import assert from 'node:assert/strict'
import type { LogRecord, RecordSource } from '../../../core/kafka.ts'
import { checksum } from '../../../processors/engine/block.ts'
import { encodeMark, type Intent, parseMark } from '../../../processors/engine/intent.ts'
import { readLog } from '../../crash/oracle.ts'
import { reports } from '../counted.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { type EngineChanges, StoppedHere, stopAt } from '../engine.ts'
import { commitsOf, recreate, remembering } from '../group.ts'
import type { Scene } from '../scene.ts'
import { changedLeases, changedSource, changedStore } from '../wrap.ts'

export const recovery: readonly DeliveryCase[] = [
  { name: 'a block that was begun is finished as it was begun', run: (scene) => begun(scene) },
  {
    name: 'control: a block that was begun without its intent',
    mustFail: /too many/,
    run: (scene) => begun(scene, { first: { wrapSource: withoutIntents } }),
  },
  {
    name: 'control: a block that was begun, finished under the time of its end',
    mustFail: /two times/,
    run: (scene) => begun(scene, { second: { wrapSource: anotherTime } }),
  },
  {
    name: 'rules edited between crash and recovery: a view that missed rows gets those of the table',
    run: (scene) => missedByView(scene),
  },
  {
    name: 'control: rules edited between crash and recovery, the table not read back',
    mustFail: /view target/,
    run: (scene) => missedByView(scene, { wrapStore: notReadBack }),
  },
  { name: 'a block that was begun takes several fetches', run: (scene) => overFetches(scene) },
  {
    name: 'control: a block that was begun, settled after one fetch',
    mustFail: /lost/,
    run: (scene) => overFetches(scene, { wrapSource: firstFetchIsAll }),
  },
  {
    name: 'other records under a block that was begun: reported, and none made up',
    run: (scene) => replaced(scene, false),
  },
  {
    name: 'control: other records under a block that was begun, its checksum that of the others',
    mustFail: /not reported/,
    run: (scene) => replaced(scene, true),
  },
  { name: 'progress is the last of a block', run: (scene) => lastOfBlock(scene) },
  {
    name: 'control: progress is said before the tags are inserted',
    mustFail: /tags.* lost/,
    run: (scene) => lastOfBlock(scene, { wrapStore: tagsLater }),
  },
]

async function begun(
  scene: Scene,
  changes: { first?: EngineChanges; second?: EngineChanges } = {},
): Promise<void> {
  await scene.writeTo(0, 1, 120)
  await dies(scene, { failpoint: stopAt('facts', 3), ...changes.first })
  await scene.writeTo(0, 121, 60)
  await scene.drain(changes.second, { TTPSTREAM_BLOCK_RECORDS_MAX: '40' })
  await scene.holds()
  const rows = ['commands', 'tags', 'dead_letters', 'rule_matches'].map(
    (table) => `SELECT partition, offset, ingest_time FROM ${table}`,
  )
  const wrong = await scene.rows<{ block: number }>(
    `SELECT DISTINCT block.offset AS block FROM (${rows.join(' UNION ALL ')}) AS row
     JOIN ingest_progress AS block ON block.partition = row.partition
     WHERE row.offset BETWEEN block.offset AND block.last_offset
       AND row.ingest_time != block.ingest_time`,
  )
  assert.deepEqual(wrong, [], 'the rows of a block have two times')
}

const withoutIntents = changedLeases((lease) => ({
  commit: async (offset, metadata) => {
    if (parseMark(metadata)?.kind !== 'intent') await lease.commit(offset, metadata)
  },
}))

const anotherTime = changedIntents((intent) => ({ ...intent, time: intent.time + 3_600_000 }))

function changedIntents(
  change: (intent: Intent) => Intent,
): (source: RecordSource) => RecordSource {
  return changedSource((source) => ({
    committed: async (at) => {
      const { offset, metadata } = await source.committed(at)
      const mark = parseMark(metadata)
      return { offset, metadata: mark?.kind === 'intent' ? encodeMark(change(mark)) : metadata }
    },
  }))
}

/** The engine dies when its tags are in the table, and not in one of the views behind it. */
async function missedByView(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  const view = 'tag_days_from_tags'
  await scene.writeTo(0, 1, 60)
  await dies(scene, {
    wrapStore: changedStore((store) => ({
      insert: async (name, rows, token) => {
        if (name !== 'tags') return store.insert(name, rows, token)
        await scene.clickhouse.command({ query: `DETACH TABLE ${view} SYNC` })
        await store.insert(name, rows, token)
        await scene.clickhouse.command({ query: `ATTACH TABLE ${view}` })
        throw new StoppedHere('tags')
      },
    })),
  })
  scene.setRule('edited')
  await scene.drain(changes)
  await scene.holds()
}

/** Until it has inserted tags itself the engine believes that there are none. */
const notReadBack = changedStore((store) => {
  let isBlind = true
  return {
    insert: async (name, rows, token) => {
      if (name === 'tags') isBlind = false
      await store.insert(name, rows, token)
    },
    rowsOf: async (name, range) => (isBlind ? [] : store.rowsOf(name, range)),
  }
})

async function overFetches(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  for (let from = 1; from <= 60; from += 6) await scene.writeTo(0, from, 6)
  await dies(scene, { failpoint: stopAt('intent', 2) })
  await scene.drain(changes, { TTPSTREAM_FETCH_BYTES_MAX: '1000' })
  await scene.holds()
}

const firstFetchIsAll = changedSource((source) => ({
  run: (handler) => {
    let isFirst = true
    return source.run({
      assigned: (at, lease) => handler.assigned(at, lease),
      settled: () => handler.settled?.(),
      batch: (batch, lease) => {
        const lastOffset = isFirst ? 49 : batch.lastOffset
        isFirst = false
        return handler.batch({ ...batch, lastOffset }, lease)
      },
    })
  },
}))

/** The topic is made anew under a block that was begun, and the commit survives it. */
async function replaced(scene: Scene, isBelieved: boolean): Promise<void> {
  await scene.writeTo(0, 1, 60)
  await dies(scene, { failpoint: stopAt('intent') })
  const commits = await commitsOf(scene)
  await recreate(scene)
  await scene.writeTo(0, 1_001, 60)
  const others = (await readLog(scene.kafka, [scene.topics.commands]))
    .filter(({ offset }) => offset < 25)
    .map((entry): LogRecord => ({ ...entry, timestampMs: entry.timeMs }))
  const believe = changedIntents((intent) => ({ ...intent, crc: checksum(others) }))
  await scene.drain({
    wrapSource: (source) => {
      const old = remembering(commits)(source)
      return isBelieved ? believe(old) : old
    },
  })
  const code = 'records-changed'
  assert.deepEqual(
    await reports(scene),
    [{ partition: 0, offset: 0, last_offset: 24, records: 25, code }],
    'the block is not reported',
  )
  const [made] = await scene.rows<{ n: number }>(
    'SELECT count() AS n FROM commands WHERE offset < 25',
  )
  assert.equal(made?.n, 0)
}

async function lastOfBlock(scene: Scene, changes: EngineChanges = {}): Promise<void> {
  await scene.writeTo(0, 1, 120)
  await dies(scene, { failpoint: stopAt('progress', 2), ...changes })
  await scene.drain()
  await scene.holds()
}

/** Tags wait for the block after theirs. */
const tagsLater = changedStore((store) => {
  let later = async (): Promise<void> => {}
  return {
    insert: async (name, rows, token) => {
      if (name === 'tags') {
        const before = later
        later = async () => {
          await before()
          await store.insert(name, rows, token)
        }
        return
      }
      if (name !== 'ingest_progress') {
        await later()
        later = async () => {}
      }
      await store.insert(name, rows, token)
    },
  }
})

async function dies(scene: Scene, changes: EngineChanges): Promise<void> {
  const engine = scene.start(changes)
  assert.ok((await engine.ended) instanceof StoppedHere)
  await engine.stop()
}
