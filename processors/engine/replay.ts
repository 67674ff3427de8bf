/**
 * Old records through today's rules: writes the tags that are missing, and the rows that correlations
 * count, and nothing else.
 *
 * Contract:
 * - Only what the engine has finished is read: below the group's commit, of the same log.
 * - One replay at a time, in a group of its own. A block's intent, with its range and time, is
 *   committed there before its tags are written, under tokens that no engine uses; a replay that died is
 *   finished under its own intent by the next one, so nothing is lost or counted twice.
 * - A record keeps the time at which its block was taken in; only `tagged_time` is the replay's. What
 *   correlations count has the replay's time, for they look at what has come since they last looked.
 * - A (record, rule) pair that has a tag, or a row to count, of any version is left alone; so is whoever
 *   was erased.
 */

import { z } from 'zod'
import type { Views } from '../../core/clickhouse.ts'
import type { Clock } from '../../core/clock.ts'
import type { Lease, LogRecord, RecordSink, TopicPartition } from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'
import type { Row } from '../../schemas/table.ts'
import type { Erasures } from '../erasures.ts'
import type { Processor, Publish } from '../processor.ts'
import type { RulesInForce } from './engine.ts'
import type { Commit, RecordRange, TakeRecords } from './range-reader.ts'
import { retryTransient } from './retry.ts'
import type { Store } from './store.ts'
import type { StoredRecord } from './wire/batch-records.ts'
import { rowsMax } from './write-block.ts'

export interface ReplayParts {
  readonly store: Store
  readonly views: Views
  readonly sink: RecordSink
  readonly publish: Publish
  readonly processor: Processor
  readonly rules: RulesInForce
  readonly erasures: Erasures
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Counts what would be written. */
  readonly isDryRun: boolean
  /** Hands over the records of a range, in the replay's group. */
  readonly read: (range: RecordRange, take: TakeRecords) => Promise<void>
  readonly onProgress: (next: number, counts: ReplayCounts) => void
}

export interface ReplayRange extends RecordRange {
  readonly log: string
}

export interface ReplayCounts {
  records: number
  events: number
  /** Tags that today's rules give. */
  tags: number
  /** Of them: their record and rule have a tag already. */
  held: number
  /** Of them: about somebody who was erased since. */
  erased: number
  written: number
  /** Rows written for correlations to count. */
  matches: number
  readonly writtenByRule: Map<string, number>
}

const markSchema = z.object({
  v: z.literal(1),
  kind: z.literal('replay'),
  log: z.string().min(1).max(64),
  first: z.number().int().nonnegative(),
  last: z.number().int().nonnegative(),
  time: z.number().int().nonnegative(),
})
export type ReplayMark = z.infer<typeof markSchema>

/** null: no replay was cut off here. */
export function parseReplayMark(metadata: string): ReplayMark | null {
  try {
    const parsed = markSchema.safeParse(JSON.parse(metadata))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

export function newReplayCounts(): ReplayCounts {
  return {
    records: 0,
    events: 0,
    tags: 0,
    held: 0,
    erased: 0,
    written: 0,
    matches: 0,
    writtenByRule: new Map(),
  }
}

/** Replays one partition's range, after what an earlier replay left half done there. */
export async function replayPartition(
  parts: ReplayParts,
  range: ReplayRange,
  unfinished: ReplayMark | null,
): Promise<ReplayCounts> {
  const replay = new Replay(parts, range)
  if (unfinished !== null && unfinished.log === range.log && !parts.isDryRun) {
    await replay.finish(unfinished)
  }
  await parts.read(range, (records, next, commit) => replay.take(records, next, commit))
  return replay.counts
}

interface Found {
  readonly events: number
  readonly tags: number
  readonly held: number
  readonly erased: number
  readonly missing: Written
}

interface Written {
  readonly tags: readonly Row<'tags'>[]
  readonly matches: readonly Row<'rule_matches'>[]
}

class Replay {
  readonly counts = newReplayCounts()
  readonly #parts: ReplayParts
  readonly #at: TopicPartition & { readonly log: string }
  #position: number

  constructor(parts: ReplayParts, { topic, partition, log, first }: ReplayRange) {
    this.#parts = parts
    this.#at = { topic, partition, log }
    this.#position = first
  }

  async take(records: readonly StoredRecord[], next: number, commit: Commit): Promise<void> {
    const first = this.#position
    await this.#block(records, first, next - 1, commit)
    this.#position = next
    this.#parts.onProgress(next, this.counts)
  }

  /** Writes a block under the intent of the replay that was cut off in it. */
  async finish(mark: ReplayMark): Promise<void> {
    const records: StoredRecord[] = []
    const range = { ...this.#at, first: mark.first, end: mark.last + 1 }
    await this.#parts.read(range, async (some, next, commit) => {
      records.push(...some)
      if (next <= mark.last) return
      const held = await this.#heldOf(mark.first, mark.last)
      const own = {
        tags: held.tags.filter((tag) => tag.tagged_time === mark.time),
        matches: held.matches.filter((match) => match.ingest_time === mark.time),
      }
      const found = await this.#missing(records, mark.first, mark.last, mark.time)
      if (own.tags.length === 0) this.#count(records, found)
      await this.#write(
        {
          tags: own.tags.length > 0 ? own.tags : found.missing.tags,
          matches: own.matches.length > 0 ? own.matches : found.missing.matches,
        },
        mark,
      )
      await commit(next, '')
    })
  }

  async #block(
    records: readonly StoredRecord[],
    first: number,
    last: number,
    commit: Commit,
  ): Promise<void> {
    const time = this.#parts.clock.now()
    const found = await this.#missing(records, first, last, time)
    const { tags, matches } = found.missing
    if (Math.max(tags.length, matches.length) > rowsMax && records.length > 1) {
      const half = Math.ceil(records.length / 2)
      const middle = records[half]?.offset ?? last
      await this.#block(records.slice(0, half), first, middle - 1, commit)
      await this.#block(records.slice(half), middle, last, commit)
      return
    }
    this.#count(records, found)
    if (this.#parts.isDryRun || tags.length + matches.length === 0) return
    const { log } = this.#at
    const mark: ReplayMark = { v: 1, kind: 'replay', log, first, last, time }
    await commit(first, JSON.stringify(mark))
    await this.#write(found.missing, mark)
    await commit(last + 1, '')
  }

  /** What today's rules give and the tables do not hold. */
  async #missing(
    records: readonly StoredRecord[],
    first: number,
    last: number,
    time: number,
  ): Promise<Found> {
    const before = await this.#heldOf(first, last)
    const held = new Set(before.tags.map(pairOf))
    const counted = new Set(before.matches.map(pairOf))
    const timeOf = new Map(records.map(({ offset, timestampMs }) => [offset, timestampMs]))
    const found = { events: 0, tags: 0, held: 0, erased: 0 }
    const tags: Row<'tags'>[] = []
    const matches: Row<'rule_matches'>[] = []
    const isErased = (row: ErasableRow) => {
      return this.#parts.erasures.covers(row, timeOf.get(row.offset) ?? 0)
    }
    for (const [ingestMs, block] of await this.#originalBlocks(records, first, last, time)) {
      const context = { ...this.#at, timeMs: ingestMs, ...this.#parts.rules }
      const outcome = this.#parts.processor.process(context, block)
      found.events += outcome.events
      for (const tag of outcome.rows.tags ?? []) {
        found.tags += 1
        if (held.has(pairOf(tag))) found.held += 1
        else if (isErased(tag)) found.erased += 1
        else tags.push({ ...tag, tagged_time: time })
      }
      for (const match of outcome.rows.rule_matches ?? []) {
        if (counted.has(pairOf(match)) || isErased(match)) continue
        matches.push({ ...match, ingest_time: time })
      }
    }
    return { ...found, missing: { tags, matches } }
  }

  /** Records by the time at which the engine took in their block. */
  async #originalBlocks(
    records: readonly LogRecord[],
    first: number,
    last: number,
    time: number,
  ): Promise<readonly (readonly [number, readonly LogRecord[]])[]> {
    const { log, topic, partition } = this.#at
    const finished = await this.#retry('progress', () =>
      this.#parts.views.select<{ first: number; last: number; ingest_time: string }>(
        'progress_of_range',
        { log, topic, partition, first, last },
      ),
    )
    const blocks: [number, LogRecord[]][] = []
    let at = 0
    let open: (typeof finished)[number] | undefined
    for (const record of records) {
      while (at < finished.length && (finished[at]?.last ?? 0) < record.offset) at += 1
      const block = finished[at]
      const current = blocks.at(-1)
      if (current !== undefined && block === open) current[1].push(record)
      else blocks.push([block === undefined ? time : Date.parse(block.ingest_time), [record]])
      open = block
    }
    return blocks
  }

  async #heldOf(first: number, last: number): Promise<Written> {
    const { store } = this.#parts
    const range = { ...this.#at, first, last }
    return {
      tags: await this.#retry('tags', () => store.rowsOf('tags', range)),
      matches: await this.#retry('rule_matches', () => store.rowsOf('rule_matches', range)),
    }
  }

  async #write({ tags, matches }: Written, mark: ReplayMark): Promise<void> {
    const { store, sink, publish } = this.#parts
    const { log, topic, partition } = this.#at
    const token = `replay:${log}:${topic}:${partition}:${mark.first}-${mark.last}:${mark.time}`
    await this.#retry('insert rule_matches', () => {
      return store.insert('rule_matches', matches, `${token}:rule_matches`)
    })
    await this.#retry('insert tags', () => store.insert('tags', tags, `${token}:tags`))
    await this.#retry('publish', () => sink.send(publish({ tags })))
  }

  #count(records: readonly LogRecord[], found: Found): void {
    const { counts } = this
    counts.records += records.length
    counts.events += found.events
    counts.tags += found.tags
    counts.held += found.held
    counts.erased += found.erased
    counts.written += found.missing.tags.length
    counts.matches += found.missing.matches.length
    for (const { rule_id } of found.missing.tags) {
      counts.writtenByRule.set(rule_id, (counts.writtenByRule.get(rule_id) ?? 0) + 1)
    }
  }

  #retry<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { log, signal } = this.#parts
    const lease: Lease = {
      isHeld: () => !signal.aborted,
      confirm: async () => signal.throwIfAborted(),
      commit: async () => {},
    }
    return retryTransient({ lease, what, log, onTrouble: () => {} }, work)
  }
}

type ErasableRow = Row<'tags'> | Row<'rule_matches'>

function pairOf({ offset, rule_id }: ErasableRow): string {
  return `${offset} ${rule_id}`
}
