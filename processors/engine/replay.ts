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
 *   was erased. A retag puts the version of today in the place of others (`retag.ts`): its mark says so, and
 *   what it left half done is finished as a retag, by whichever replay comes next.
 */

import type { Views } from '../../core/clickhouse.ts'
import type { Clock } from '../../core/clock.ts'
import type { Lease, LogRecord, RecordSink, TopicPartition } from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'
import type { Row } from '../../schemas/table.ts'
import type { Erasures } from '../erasures.ts'
import type { Processor, Publish } from '../processor.ts'
import { mayTag } from '../tag-row.ts'
import type { BlockRange } from './block.ts'
import type { RulesInForce } from './engine.ts'
import type { Commit, RecordRange, TakeRecords } from './range-reader.ts'
import { addTo, newReplayCounts, type ReplayCounts } from './replay-counts.ts'
import type { ReplayMark } from './replay-mark.ts'
import { type HeldVersion, pairOf, planRetag, type RetagPlan } from './retag.ts'
import { retryTransient } from './retry.ts'
import type { Store } from './store.ts'
import type { TagChange, TagVersions } from './tag-versions.ts'
import type { StoredRecord } from './wire/batch-records.ts'
import { rowsMax } from './write-block.ts'

export interface ReplayParts {
  readonly store: Store
  readonly versions: TagVersions
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
  /** Supersedes tags of other versions than today's. */
  readonly isRetag: boolean
  /** Hands over the records of a range, in the replay's group. */
  readonly read: (range: RecordRange, take: TakeRecords) => Promise<void>
  readonly onProgress: (next: number, counts: ReplayCounts) => void
}

export interface ReplayRange extends RecordRange {
  readonly log: string
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
  readonly change: Change
}

interface Written {
  readonly tags: readonly Row<'tags'>[]
  readonly matches: readonly Row<'rule_matches'>[]
}

type Change = Pick<RetagPlan, keyof TagChange>
const noChange: Change = { supersede: [], reinstate: [] }

/** What the rules of today say of some records; erased: pairs of record and rule about somebody who was. */
interface Today {
  events: number
  readonly eventOffsets: Set<number>
  readonly tags: Row<'tags'>[]
  readonly matches: Row<'rule_matches'>[]
  readonly withheld: Set<string>
  readonly erased: Set<string>
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
    await this.#block(records, { first, last: next - 1 }, commit, this.#parts.isRetag)
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
      if (mark.retag === true) {
        // What it did is brought to its end; what it did not is decided anew, by the rules of today.
        await this.#retry('changes', () => this.#parts.versions.settled())
        await this.#write(await this.#own(mark), mark, noChange)
        await this.#block(records, mark, commit, true)
      } else await this.#finishMissing(records, mark)
      await commit(next, '')
    })
  }

  async #finishMissing(records: readonly StoredRecord[], mark: ReplayMark): Promise<void> {
    const own = await this.#own(mark)
    const found = await this.#find(records, mark, mark.time, false)
    if (own.tags.length === 0) this.#count(records, found)
    await this.#write(
      {
        tags: own.tags.length > 0 ? own.tags : found.missing.tags,
        matches: own.matches.length > 0 ? own.matches : found.missing.matches,
      },
      mark,
      noChange,
    )
  }

  /** What a mark's replay has written. */
  async #own(mark: ReplayMark): Promise<Written> {
    const { tags, matches } = await this.#heldOf(mark)
    return {
      tags: tags.filter((tag) => tag.tagged_time === mark.time),
      matches: matches.filter((match) => match.ingest_time === mark.time),
    }
  }

  async #block(
    records: readonly StoredRecord[],
    { first, last }: Offsets,
    commit: Commit,
    isRetag: boolean,
  ): Promise<void> {
    const time = this.#parts.clock.now()
    const found = await this.#find(records, { first, last }, time, isRetag)
    const { missing, change } = found
    const changes = change.supersede.length + change.reinstate.length
    const rows = Math.max(missing.tags.length, missing.matches.length, changes)
    if (rows > rowsMax && records.length > 1) {
      const half = Math.ceil(records.length / 2)
      const middle = records[half]?.offset ?? last
      await this.#block(records.slice(0, half), { first, last: middle - 1 }, commit, isRetag)
      await this.#block(records.slice(half), { first: middle, last }, commit, isRetag)
      return
    }
    this.#count(records, found)
    if (this.#parts.isDryRun || rows === 0) return
    const { log } = this.#at
    const kind = { v: 1, kind: 'replay', ...(isRetag ? { retag: true } : {}) } as const
    const mark: ReplayMark = { ...kind, log, first, last, time }
    await commit(first, JSON.stringify(mark))
    await this.#write(missing, mark, change)
    await commit(last + 1, '')
  }

  /** What today's rules give and the tables do not hold, and what it takes the place of. */
  async #find(
    records: readonly StoredRecord[],
    { first, last }: Offsets,
    time: number,
    isRetag: boolean,
  ): Promise<Found> {
    const today = await this.#today(records, { first, last }, time)
    const range = { ...this.#at, first, last }
    const counted = new Set((await this.#rowsOf('rule_matches', range)).map(pairOf))
    const held: readonly HeldVersion[] = await this.#retry('tags', () => {
      return this.#parts.versions.of(range)
    })
    const isErased = (row: ErasableRow) => today.erased.has(pairOf(row))
    const plan = isRetag ? this.#retagOf(held, today) : missingIn(held, today)
    const missing = plan.missing.filter((tag) => !isErased(tag))
    return {
      events: today.events,
      tags: today.tags.length,
      held: today.tags.length - plan.missing.length - plan.reinstated,
      erased: plan.missing.length - missing.length,
      missing: {
        tags: missing,
        matches: today.matches.filter((match) => !counted.has(pairOf(match)) && !isErased(match)),
      },
      change: plan,
    }
  }

  #retagOf(held: readonly HeldVersion[], today: Today): Plan {
    const { rules } = this.#parts
    const mayTagRules = rules.revision.rules.filter((rule) => mayTag(rule, rules))
    const plan = planRetag(held, {
      versions: new Map(mayTagRules.map(({ id, version }) => [id, version])),
      events: today.eventOffsets,
      tags: today.tags,
      withheld: new Set([...today.withheld, ...today.erased]),
    })
    return { ...plan, reinstated: tagsOf(plan.reinstate) }
  }

  async #today(records: readonly StoredRecord[], offsets: Offsets, time: number): Promise<Today> {
    const { processor, rules, erasures } = this.#parts
    const timeOf = new Map(records.map(({ offset, timestampMs }) => [offset, timestampMs]))
    const today: Today = {
      ...{ events: 0, eventOffsets: new Set(), tags: [], matches: [] },
      ...{ withheld: new Set(), erased: new Set() },
    }
    const take = (row: ErasableRow) => {
      if (erasures.covers(row, timeOf.get(row.offset) ?? 0)) today.erased.add(pairOf(row))
    }
    for (const [ingestMs, block] of await this.#originalBlocks(records, offsets, time)) {
      const outcome = processor.process({ ...this.#at, timeMs: ingestMs, ...rules }, block)
      today.events += outcome.events
      for (const { offset } of outcome.rows[processor.table] ?? []) today.eventOffsets.add(offset)
      for (const { offset, ruleId } of outcome.withheld ?? []) {
        today.withheld.add(pairOf({ offset, rule_id: ruleId }))
      }
      for (const tag of outcome.rows.tags ?? []) {
        take(tag)
        today.tags.push({ ...tag, tagged_time: time })
      }
      for (const match of outcome.rows.rule_matches ?? []) {
        take(match)
        today.matches.push({ ...match, ingest_time: time })
      }
    }
    return today
  }

  /** Records by the time at which the engine took in their block. */
  async #originalBlocks(
    records: readonly LogRecord[],
    { first, last }: Offsets,
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

  async #heldOf({ first, last }: Offsets): Promise<Written> {
    const range = { ...this.#at, first, last }
    return {
      tags: await this.#rowsOf('tags', range),
      matches: await this.#rowsOf('rule_matches', range),
    }
  }

  #rowsOf<Name extends 'tags' | 'rule_matches'>(
    name: Name,
    range: BlockRange,
  ): Promise<Row<Name>[]> {
    return this.#retry(name, () => this.#parts.store.rowsOf(name, range))
  }

  async #write({ tags, matches }: Written, mark: ReplayMark, change: TagChange): Promise<void> {
    const { store, versions, sink, publish } = this.#parts
    const { log, topic, partition } = this.#at
    const { first, last, time } = mark
    const token = `replay:${log}:${topic}:${partition}:${first}-${last}:${time}`
    await this.#retry('insert rule_matches', () => {
      return store.insert('rule_matches', matches, `${token}:rule_matches`)
    })
    await this.#retry('insert tags', () => store.insert('tags', tags, `${token}:tags`))
    if (mark.retag === true) {
      const range = { ...this.#at, first, last }
      await this.#retry('supersede tags', () => versions.change(range, time, change))
      await this.#retry('follow tags', () => versions.follow(range, time))
    }
    await this.#retry('publish', () => sink.send(publish({ tags })))
  }

  #count(records: readonly LogRecord[], { change, missing, ...found }: Found): void {
    const { counts } = this
    counts.records += records.length
    counts.events += found.events
    counts.tags += found.tags
    counts.held += found.held
    counts.erased += found.erased
    counts.written += missing.tags.length
    counts.matches += missing.matches.length
    counts.superseded += tagsOf(change.supersede)
    counts.reinstated += tagsOf(change.reinstate)
    for (const { rule_id } of missing.tags) addTo(counts.writtenByRule, rule_id, 1)
    for (const { rule_id, tags } of change.supersede) {
      addTo(counts.supersededByRule, rule_id, tags)
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

type Offsets = Pick<ReplayMark, 'first' | 'last'>
type ErasableRow = Row<'tags'> | Row<'rule_matches'>
type Plan = RetagPlan & { readonly reinstated: number }

/** The pairs that have no tag of any version. */
function missingIn(held: readonly HeldVersion[], { tags }: Today): Plan {
  const pairs = new Set(held.map(pairOf))
  return { ...noChange, missing: tags.filter((tag) => !pairs.has(pairOf(tag))), reinstated: 0 }
}

function tagsOf(versions: readonly HeldVersion[]): number {
  return versions.reduce((sum, { tags }) => sum + tags, 0)
}
