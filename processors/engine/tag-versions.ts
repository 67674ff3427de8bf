/**
 * Supersedes tags in ClickHouse, and reinstates them: in `tags` and `entity_tags` by changing the rows, in
 * the rollups by rows that add on one side of is_superseded and take away on the other.
 *
 * Contract:
 * - `change` marks rows of `tags` with the time of the replay's mark; what `follow` does is read from these
 *   rows, under a token of the mark. Both may be repeated, and `follow` by another replay.
 * - Counts are exact at every instant, whatever engines insert meanwhile: sums commute. The times of a
 *   rollup's rows that lost the tag at their end are found again by `tidy`, which compares them with the
 *   tags and changes them until nothing differs.
 */

import { setTimeout } from 'node:timers/promises'
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import { TransientError } from '../../core/error.ts'
import { systemRandom } from '../../core/random.ts'
import { literal } from '../../core/sql-literal.ts'
import { minuteMs } from '../../core/units.ts'
import { ask, insertSettings, selectView } from './ask.ts'
import type { BlockRange } from './block.ts'
import type { HeldVersion, TagVersion } from './retag.ts'

export interface TagVersions {
  /** What is held of a block, by record, rule and version. */
  of(range: BlockRange): Promise<HeldVersion[]>
  /** Resolves when no change of an earlier call, or process, is still under way. */
  settled(): Promise<void>
  change(range: BlockRange, timeMs: number, change: TagChange): Promise<void>
  /** Brings what is made of tags after the change of that time. */
  follow(range: BlockRange, timeMs: number): Promise<void>
  /** Once after all changes; finds what a retag that died has left, too. */
  tidy(): Promise<void>
}

export interface TagChange {
  readonly supersede: readonly TagVersion[]
  readonly reinstate: readonly TagVersion[]
}

const settleMsMax = 60 * minuteMs
const settleStepMs = 250
const tidyTriesMax = 10

/** A block's list of records is longer than the server would read by itself. */
const changeSettings: ClickHouseSettings = {
  max_query_size: String(64 << 20),
  mutations_sync: '2',
  // On replicated tables a subquery is refused otherwise.
  allow_nondeterministic_mutations: 1,
  optimize_throw_if_noop: 0,
  wait_end_of_query: 1,
}

type Values = Readonly<Record<string, unknown>>

/** A row of `retagged_days` or `retagged_months`; 64-bit numbers are texts. */
type MovedRow = Values & {
  readonly is_superseded: boolean
  readonly tags: string
  readonly first_seen: string
  readonly last_seen: string
}

/** A row of `tag_days_ends` or `tag_months_ends`. */
type EndsRow = Values & {
  readonly first: string
  readonly last: string
  readonly key_hash: string
  readonly first_ms: string
  readonly last_ms: string
  readonly is_narrower: boolean
  readonly is_wider: boolean
}

const rollups = [
  {
    table: 'tag_days',
    moved: 'retagged_days',
    ends: 'tag_days_ends',
    key: 'day, technique_id, sub_technique_id, tactic, tactics, rule_id, rule_version, confidence, is_superseded',
  },
  {
    table: 'tag_months',
    moved: 'retagged_months',
    ends: 'tag_months_ends',
    key: 'month, technique_id, sub_technique_id, tactic, rule_id, rule_version, confidence, is_superseded',
  },
] as const
type Rollup = (typeof rollups)[number]

/** Times that change neither a minimum nor a maximum. */
const neutral = { first_seen: '2299-12-31 00:00:00.000', last_seen: '1970-01-01 00:00:00.000' }

export class ClickHouseTagVersions implements TagVersions {
  readonly #client: ClickHouseClient

  /** The client's requests may take as long as a change of a large table does. */
  constructor(client: ClickHouseClient) {
    this.#client = client
  }

  async of(range: BlockRange): Promise<HeldVersion[]> {
    const rows = await this.#select<Omit<HeldVersion, 'offset' | 'tags'> & Values>(
      'tag_versions_of_block',
      { ...range },
    )
    return rows.map(({ offset, rule_id, rule_version, is_superseded, tags }) => ({
      offset: Number(offset),
      rule_id,
      rule_version,
      is_superseded,
      tags: Number(tags),
    }))
  }

  async settled(): Promise<void> {
    for (let leftMs = settleMsMax; leftMs > 0; leftMs -= settleStepMs) {
      const [row] = await this.#select<{ changes: string }>('tag_changes_under_way', {})
      if (Number(row?.changes ?? 0) === 0) return
      await setTimeout(settleStepMs)
    }
    throw new TransientError('changes-under-way', 'ClickHouse does not finish changing tags.')
  }

  async change(
    range: BlockRange,
    timeMs: number,
    { supersede, reinstate }: TagChange,
  ): Promise<void> {
    const sides = [
      [true, supersede],
      [false, reinstate],
    ] as const
    for (const [isSuperseded, versions] of sides) {
      if (versions.length === 0) continue
      await this.#command(
        `ALTER TABLE tags UPDATE is_superseded = ${isSuperseded}, retagged_time = ${timeOf(timeMs)}
         WHERE ${within(range)} AND is_superseded != ${isSuperseded} AND (${anyOf(versions)})`,
      )
    }
  }

  async follow(range: BlockRange, timeMs: number): Promise<void> {
    const { log, topic, partition, first, last } = range
    const token = `retag:${log}:${topic}:${partition}:${first}-${last}:${timeMs}`
    for (const { table, moved } of rollups) {
      const rows = await this.#select<MovedRow>(moved, { ...range, time_ms: timeMs })
      await this.#insert(table, rows.flatMap(bothSides), `${token}:${table}`)
      if (table === 'tag_days') await this.#followEntities(range, timeMs, rows)
    }
  }

  async #followEntities(
    range: BlockRange,
    timeMs: number,
    moved: readonly MovedRow[],
  ): Promise<void> {
    for (const isSuperseded of new Set(moved.map((row) => row.is_superseded))) {
      await this.#command(
        `ALTER TABLE entity_tags UPDATE is_superseded = ${isSuperseded}
         WHERE is_superseded != ${isSuperseded} AND (event_time, digest) IN (
           SELECT event_time, cityHash64(tag_id, log, topic, partition, offset) FROM tags
           WHERE ${within(range)} AND retagged_time = ${timeOf(timeMs)} AND is_superseded = ${isSuperseded})`,
      )
    }
  }

  async tidy(): Promise<void> {
    for (const rollup of rollups) {
      await this.#tidy(rollup)
    }
  }

  async #tidy(rollup: Rollup): Promise<void> {
    for (let tries = 0; tries < tidyTriesMax; tries++) {
      const [emptied] = await this.#select<Record<string, string>>('tag_rollups_emptied', {})
      const ends = await this.#select<EndsRow>(rollup.ends, {})
      const hasEmptied = Number(emptied?.[rollup.table] ?? 0) > 0
      if (!hasEmptied && ends.length === 0) return
      if (hasEmptied) await this.#dropEmptied(rollup)
      await this.#correctEnds(rollup, ends)
    }
    const what = `${rollup.table} goes on changing where tags were superseded: run the command again.`
    throw new TransientError('rollup-changing', what)
  }

  /** A merged row that counts no tags may go; one that an engine adds to meanwhile counts some. */
  async #dropEmptied({ table }: Rollup): Promise<void> {
    await this.#command(`OPTIMIZE TABLE ${table} FINAL`)
    await this.#command(`ALTER TABLE ${table} DELETE WHERE count = 0`)
  }

  async #correctEnds({ table, key }: Rollup, ends: readonly EndsRow[]): Promise<void> {
    const narrower = ends.filter((row) => row.is_narrower)
    if (narrower.length > 0) {
      const hashes = narrower.map((row) => row.key_hash).join(', ')
      const found = (column: string, times: readonly string[]) =>
        `fromUnixTimestamp64Milli(transform(cityHash64(${key}), [${hashes}]::Array(UInt64),
          [${times.join(', ')}]::Array(Int64), toUnixTimestamp64Milli(${column})), 'UTC')`
      const firsts = narrower.map((row) => row.first_ms)
      const lasts = narrower.map((row) => row.last_ms)
      await this.#command(
        `ALTER TABLE ${table} UPDATE
           first_seen = greatest(first_seen, ${found('first_seen', firsts)}),
           last_seen = least(last_seen, ${found('last_seen', lasts)})
         WHERE cityHash64(${key}) IN (${hashes})`,
      )
    }
    const wider = ends.filter((row) => row.is_wider)
    // They count nothing: to say them twice is no harm, to take them for said before would be.
    await this.#insert(table, wider.map(endsOnly), systemRandom.uuid())
  }

  async #insert(table: string, rows: readonly Values[], token: string): Promise<void> {
    if (rows.length === 0) return
    await ask(() =>
      this.#client.insert({
        table,
        values: rows,
        format: 'JSONEachRow',
        clickhouse_settings: { ...insertSettings, insert_deduplication_token: token },
      }),
    )
  }

  #command(query: string): Promise<void> {
    return ask(async () => {
      await this.#client.command({ query, clickhouse_settings: changeSettings })
    })
  }

  #select<Row>(view: string, parameters: Values): Promise<Row[]> {
    return selectView(this.#client, view, parameters, { quotes64: true })
  }
}

/** What the side that tags are on now gains, and the other loses: in one part, so at once. */
function bothSides({ tags, ...row }: MovedRow): Values[] {
  return [
    { ...row, count: tags },
    { ...row, ...neutral, is_superseded: !row.is_superseded, count: negative(tags) },
  ]
}

/** Sums of UInt64 wrap around. */
function negative(count: string): string {
  return BigInt.asUintN(64, -BigInt(count)).toString()
}

function endsOnly(row: EndsRow): Values {
  const {
    first,
    last,
    key_hash: _hash,
    first_ms,
    last_ms,
    is_narrower: _,
    is_wider: __,
    ...key
  } = row
  return { ...key, count: '0', first_seen: timeText(first_ms), last_seen: timeText(last_ms) }
}

function timeText(ms: string): string {
  return new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '')
}

function timeOf(ms: number): string {
  return `fromUnixTimestamp64Milli(toInt64(${ms}), 'UTC')`
}

function within({ log, topic, partition, first, last }: BlockRange): string {
  return `log = ${literal(log)} AND topic = ${literal(topic)} AND partition = ${partition}
    AND offset >= ${first} AND offset <= ${last}`
}

/** By rule and version, for a list of their offsets is short. */
function anyOf(versions: readonly TagVersion[]): string {
  const offsets = new Map<string, number[]>()
  for (const { offset, rule_id, rule_version } of versions) {
    const version = `rule_id = ${literal(rule_id)} AND rule_version = ${literal(rule_version)}`
    const known = offsets.get(version)
    if (known === undefined) offsets.set(version, [offset])
    else known.push(offset)
  }
  return [...offsets]
    .map(([version, list]) => `(${version} AND offset IN (${list.join(', ')}))`)
    .join(' OR ')
}
