/** Kafka's retention removes what was not yet read, at every moment at which it can. */

import assert from 'node:assert/strict'
import type { FailpointName } from '../../../processors/engine/failpoint.ts'
import { parseMark } from '../../../processors/engine/intent.ts'
import { type LogEntry, readLog } from '../../crash/oracle.ts'
import { areCounted, reports } from '../counted.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { type EngineChanges, StoppedHere, stopAt } from '../engine.ts'
import { Front } from '../front.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'
import { changedSource, changedStore } from '../wrap.ts'

/** As if nobody compared where a batch begins, and where the log begins, with where they should. */
const gapsHidden = changedSource((source) => {
  const expected = new Map<number, number>()
  return {
    watermarks: async (at) => ({ ...(await source.watermarks(at)), low: 0 }),
    run: (handler) =>
      source.run({
        assigned: async (at, lease) => {
          const position = await handler.assigned(at, lease)
          if (at.topic.endsWith('.commands')) expected.set(at.partition, position)
          return position
        },
        settled: () => handler.settled?.(),
        batch: async (batch, lease) => {
          if (!batch.topic.endsWith('.commands')) return handler.batch(batch, lease)
          const position = expected.get(batch.partition) ?? batch.position
          const next = await handler.batch({ ...batch, position }, lease)
          expected.set(batch.partition, next)
          return next
        },
      }),
  }
})

/** As if a report were one of the block's dead letters: whose token ClickHouse has seen. */
const reportsUnderOneToken = changedStore((store) => ({
  insert: (name, rows, token) =>
    store.insert(name, rows, token.replace(/:records-expired:\d+$/, ':dead_letters')),
}))

export const retention: readonly DeliveryCase[] = [
  { name: 'retention past the position', run: (scene) => pastPosition(scene, {}) },
  {
    name: 'control: retention past the position, batches not asked where they begin',
    mustFail: /is lost/,
    run: (scene) => pastPosition(scene, { wrapSource: gapsHidden }),
  },
  ...(['intent', 'facts', 'dead-letters', 'tags'] as const).flatMap((failpoint) =>
    (['part', 'all'] as const).map(
      (share): DeliveryCase => ({
        name: `retention past an intent, ${failpoint}, ${share} of its block`,
        run: (scene) => pastIntent(scene, failpoint, share),
      }),
    ),
  ),
  {
    name: 'control: retention past an intent, the report under the token of the letters',
    mustFail: /tag is lost/,
    run: (scene) => pastIntent(scene, 'dead-letters', 'part', { wrapStore: reportsUnderOneToken }),
  },
  {
    name: 'retention while ClickHouse is away keeps the intent in the commit',
    async run(scene) {
      let log: LogEntry[] = []
      const front = await Front.create(scene.clickhouseUrl)
      try {
        await scene.write(1, 100)
        // Fetches so small that not all is at hand when ClickHouse goes.
        const settings = { TTPSTREAM_FETCH_BYTES_MAX: '3000' }
        const engine = scene.start({}, { ...settings, TTPSTREAM_CLICKHOUSE_URL: front.url })
        await scene.finished(engine)
        front.mood = { kind: 'away' }
        for (let from = 101; from <= 200; from += 10) await scene.write(from, 10)
        await until('trouble', () => engine.reasons.length > 0)
        await scene.write(201, 100)
        log = await commandsOf(scene)
        await scene.expire(120)
        front.mood = { kind: 'well' }
        await scene.finished(engine)
        await engine.stop()
      } finally {
        await front.close()
      }
      // What was at hand when ClickHouse went is written; the rest up to 120 is one report.
      const found = await reports(scene)
      assert.ok(found.length > 0)
      for (const report of found) {
        assert.equal(report.last_offset, 119)
        assert.equal(report.records, report.last_offset - report.offset + 1)
      }
      await areCounted(scene, log)
      const marks = await marksOf(scene)
      assert.deepEqual(
        marks.map((mark) => mark?.kind),
        ['done', 'done'],
      )
    },
  },
]

async function pastPosition(scene: Scene, changes: EngineChanges): Promise<void> {
  await scene.write(1, 100)
  await scene.drain()
  const ends = await scene.withAdmin((admin) => admin.fetchTopicOffsets(scene.topics.commands))
  await scene.write(101, 100)
  const log = await commandsOf(scene)
  await scene.expire(75)
  await scene.drain(changes)
  await areCounted(scene, log)
  for (const { partition, high } of ends) {
    const found = (await reports(scene)).filter((report) => report.partition === partition)
    const first = Number(high)
    const records = 75 - first
    const code = 'records-expired'
    assert.deepEqual(found, [{ partition, offset: first, last_offset: 74, records, code }])
  }
}

/** Stops in a block, removes the first of its records or all and some more, and goes on. */
async function pastIntent(
  scene: Scene,
  failpoint: FailpointName,
  share: 'part' | 'all',
  changes: EngineChanges = {},
): Promise<void> {
  await scene.writeTo(0, 1, 120)
  const log = await commandsOf(scene)
  const engine = scene.start({ failpoint: stopAt(failpoint, 3) })
  assert.ok((await engine.ended) instanceof StoppedHere)
  await engine.stop()
  const begun = (await marksOf(scene)).flatMap((mark) => (mark?.kind === 'intent' ? [mark] : []))
  const [intent] = begun
  assert.ok(intent !== undefined, 'no block was begun')
  await scene.expire(share === 'part' ? intent.first + 18 : intent.last + 6)
  await scene.drain(changes)
  await areCounted(scene, log)
  for (const { code } of await reports(scene)) assert.equal(code, 'records-expired')
}

async function commandsOf(scene: Scene): Promise<LogEntry[]> {
  return readLog(scene.kafka, [scene.topics.commands])
}

async function marksOf(scene: Scene) {
  const [held] = await scene.withAdmin((admin) =>
    admin.fetchOffsets({ groupId: scene.id, topics: [scene.topics.commands] }),
  )
  return (held?.partitions ?? []).map(({ metadata }) => parseMark(metadata ?? ''))
}
