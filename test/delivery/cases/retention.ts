/** Kafka's retention removes what was not yet read, at every moment at which it can. */

import assert from 'node:assert/strict'
import { parseMark } from '../../../processors/engine/intent.ts'
import type { DeliveryCase } from '../delivery-case.ts'
import { StoppedHere, stopAt } from '../engine.ts'
import { Front } from '../front.ts'
import type { Scene } from '../scene.ts'
import { until } from '../until.ts'

export const retention: readonly DeliveryCase[] = [
  {
    name: 'retention past the position',
    async run(scene) {
      await scene.write(1, 100)
      await scene.drain()
      const ends = await scene.withAdmin((admin) => admin.fetchTopicOffsets(scene.topics.commands))
      await scene.write(101, 100)
      await scene.expire(75)
      await scene.drain()
      for (const { partition, high } of ends) {
        const found = (await reports(scene)).filter((report) => report.partition === partition)
        const first = Number(high)
        const records = 75 - first
        const code = 'records-expired'
        assert.deepEqual(found, [{ partition, offset: first, last_offset: 74, records, code }])
      }
      await areCounted(scene)
    },
  },
  ...(['intent', 'facts', 'dead-letters'] as const).flatMap((failpoint) =>
    [30, 60].map(
      (low): DeliveryCase => ({
        name: `retention past an intent, ${failpoint}, ${low === 30 ? 'part' : 'all'} of its block`,
        run: (scene) => pastIntent(scene, failpoint, low),
      }),
    ),
  ),
  {
    name: 'retention while ClickHouse is away keeps the intent in the commit',
    async run(scene) {
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
      await areCounted(scene)
      const marks = await marksOf(scene)
      assert.deepEqual(
        marks.map((mark) => mark?.kind),
        ['done', 'done'],
      )
    },
  },
]

/** Stops in the third block of partition 0 (50-74), removes what is before `low`, and goes on. */
async function pastIntent(
  scene: Scene,
  failpoint: 'intent' | 'facts' | 'dead-letters',
  low: number,
): Promise<void> {
  await scene.write(1, 200)
  const settings = { TTPSTREAM_FETCH_BYTES_MAX: '100000' }
  const engine = scene.start({ failpoint: stopAt(failpoint, 3) }, settings)
  assert.ok((await engine.ended) instanceof StoppedHere)
  await engine.stop()
  const begun = (await marksOf(scene)).flatMap((mark) => (mark?.kind === 'intent' ? [mark] : []))
  const [intent] = begun
  assert.ok(intent !== undefined, 'no block was begun')
  const gone = low === 30 ? intent.first + 5 : intent.last + 6
  await scene.expire(gone)
  await scene.drain()
  await areCounted(scene)
  for (const { code, offset, last_offset: last } of await reports(scene)) {
    assert.equal(code, 'records-expired')
    assert.ok(last < gone, `${offset}-${last} is reported, but ${gone} is still there`)
  }
}

interface Report {
  readonly partition: number
  readonly offset: number
  readonly last_offset: number
  readonly records: number
  readonly code: string
}

function reports(scene: Scene): Promise<Report[]> {
  return scene.rows<Report>(
    `SELECT partition, offset, last_offset, records, code FROM dead_letters
     WHERE code LIKE 'records-%' AND topic = '${scene.topics.commands}' ORDER BY partition, offset`,
  )
}

/** No hole and no overlap of blocks, no record twice, and none that is still there left out. */
async function areCounted(scene: Scene): Promise<void> {
  const topic = scene.topics.commands
  const blocks = await scene.rows<{ partition: number; offset: number; last_offset: number }>(
    `SELECT partition, offset, last_offset FROM ingest_progress
     WHERE topic = '${topic}' ORDER BY partition, offset`,
  )
  const offsets = await scene.withAdmin((admin) => admin.fetchTopicOffsets(topic))
  for (const { partition, low, high } of offsets) {
    const own = blocks.filter((one) => one.partition === partition)
    let next = own[0]?.offset ?? 0
    assert.ok(next <= Number(low), `partition ${partition} begins at ${next}`)
    for (const block of own) {
      assert.equal(block.offset, next)
      next = block.last_offset + 1
    }
    assert.equal(next, Number(high))
    const [rows] = await scene.rows<{ there: number; ids: number; all: number }>(
      `SELECT countIf(offset >= ${low}) AS there, uniqExact(offset) AS ids, count() AS all
       FROM (SELECT offset FROM commands WHERE partition = ${partition} UNION ALL
             SELECT offset FROM dead_letters WHERE partition = ${partition}
               AND topic = '${topic}' AND code NOT LIKE 'records-%')`,
    )
    const [dropped] = await scene.rows<{ deletions: number }>(
      `SELECT sum(deletions) AS deletions FROM ingest_progress
       WHERE topic = '${topic}' AND partition = ${partition} AND offset >= ${low}`,
    )
    assert.equal(rows?.ids, rows?.all)
    const least = Number(high) - Number(low) - (dropped?.deletions ?? 0) - blockRecordsMax
    assert.ok((rows?.there ?? 0) >= least, `partition ${partition} lost records`)
  }
}

const blockRecordsMax = 25

async function marksOf(scene: Scene) {
  const [held] = await scene.withAdmin((admin) =>
    admin.fetchOffsets({ groupId: scene.id, topics: [scene.topics.commands] }),
  )
  return (held?.partitions ?? []).map(({ metadata }) => parseMark(metadata ?? ''))
}
