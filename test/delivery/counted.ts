/**
 * What must be true where retention removed records: each record that was ever in the topic of
 * commands became what it must, once, or lies in a report of missing records; a report names only
 * records that are gone, and at least one of which something is missing.
 */

import assert from 'node:assert/strict'
import { fateOf, techniqueOf } from '../crash/load.ts'
import { type LogEntry, place } from '../crash/oracle.ts'
import type { Scene } from './scene.ts'

export interface Report {
  readonly partition: number
  readonly offset: number
  readonly last_offset: number
  readonly records: number
  readonly code: string
}

export function reports(scene: Scene): Promise<Report[]> {
  return scene.rows<Report>(
    `SELECT partition, offset, last_offset, records, code FROM dead_letters
     WHERE code LIKE 'records-%' AND topic = '${scene.topics.commands}' ORDER BY partition, offset`,
  )
}

/** `log`: the topic's records, read before any was removed. */
export async function areCounted(scene: Scene, log: readonly LogEntry[]): Promise<void> {
  const lows = await coverTheLog(scene)
  const { events, letters, tags } = await held(scene)
  const found = await reports(scene)
  const wrong: string[] = []
  const incomplete = new Set<Report>()
  for (const entry of log) {
    const report = found.find((one) => isIn(one, entry))
    const at = place(entry)
    if (report !== undefined && entry.offset >= (lows.get(entry.partition) ?? 0)) {
      wrong.push(`${at} is reported as ${report.code}, and is there`)
    }
    const fate = fateOf(entry.value)
    const isTagged = fate === 'event' && techniqueOf(1, entry.value ?? new Uint8Array()) !== null
    for (const [what, of, expected] of [
      ['event', events, fate === 'event'],
      ['dead letter', letters, fate === 'dead-letter'],
      ['tag', tags, isTagged],
    ] as const) {
      const count = of.get(at) ?? 0
      if (expected && count === 0 && report === undefined) wrong.push(`${at}: its ${what} is lost`)
      if (expected && count === 0 && report !== undefined) incomplete.add(report)
      if (count > (expected ? 1 : 0)) wrong.push(`${at}: ${count} times ${what}`)
    }
  }
  for (const report of found.filter((one) => !incomplete.has(one))) {
    wrong.push(`${report.partition}:${report.offset} is reported, and nothing of it is missing`)
  }
  if (wrong.length > 0) assert.fail(`${wrong.length} differences: ${wrong.slice(0, 5).join('; ')}`)
}

function isIn(report: Report, { partition, offset }: LogEntry): boolean {
  return report.partition === partition && report.offset <= offset && offset <= report.last_offset
}

/** No hole and no overlap of blocks, up to the end. Returns each partition's first offset there is. */
async function coverTheLog(scene: Scene): Promise<Map<number, number>> {
  const topic = scene.topics.commands
  const blocks = await scene.rows<{ partition: number; offset: number; last_offset: number }>(
    `SELECT partition, offset, last_offset FROM ingest_progress
     WHERE topic = '${topic}' ORDER BY partition, offset`,
  )
  const lows = new Map<number, number>()
  for (const { partition, low, high } of await scene.withAdmin((admin) =>
    admin.fetchTopicOffsets(topic),
  )) {
    lows.set(partition, Number(low))
    let next = 0
    for (const block of blocks.filter((one) => one.partition === partition)) {
      assert.equal(block.offset, next, `a block of partition ${partition} begins elsewhere`)
      next = block.last_offset + 1
    }
    assert.equal(next, Number(high), `the blocks of partition ${partition} end elsewhere`)
  }
  return lows
}

type Counts = ReadonlyMap<string, number>

/** How many rows there are of each record. */
async function held(scene: Scene): Promise<{ events: Counts; letters: Counts; tags: Counts }> {
  const { commands } = scene.topics
  const count = async (table: string, where: string): Promise<Counts> => {
    const rows = await scene.rows<{ topic: string; partition: number; offset: number; n: number }>(
      `SELECT topic, partition, offset, count() AS n FROM ${table}
       WHERE topic = '${commands}' AND ${where} GROUP BY ALL`,
    )
    return new Map(rows.map((row) => [place(row), row.n]))
  }
  return {
    events: await count('commands', '1'),
    letters: await count('dead_letters', "code NOT LIKE 'records-%'"),
    tags: await count('tags', "rule_id = 'crash.word'"),
  }
}
