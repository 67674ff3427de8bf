/**
 * Which tags of a block a retag writes, supersedes and reinstates. Pure.
 *
 * Contract:
 * - A record's tags of one rule and version go together.
 * - Tags of the version of today are left alone, and reinstated where they were superseded and the rule gives
 *   them again. Those of other versions are superseded, whether the rule still matches or not.
 * - Nothing is said, and so nothing changed, of a record that is no event today, of a rule that is not
 *   loaded or may not tag, and of a match whose tags are withheld.
 */

import type { Row } from '../../schemas/table.ts'

/** A record's tags of one rule and version. */
export interface TagVersion {
  readonly offset: number
  readonly rule_id: string
  readonly rule_version: string
}

export interface HeldVersion extends TagVersion {
  readonly is_superseded: boolean
  readonly tags: number
}

/** What the rules of today say of a block. */
export interface TodaysTags {
  /** Of rules that may tag, by id. */
  readonly versions: ReadonlyMap<string, string>
  /** Offsets of records that are events. */
  readonly events: ReadonlySet<number>
  readonly tags: readonly Row<'tags'>[]
  /** `pairOf` of record and rule; with a rule of '', of every rule. */
  readonly withheld: ReadonlySet<string>
}

export interface RetagPlan {
  /** Tags that no version of which is there in the version of today. */
  readonly missing: readonly Row<'tags'>[]
  readonly supersede: readonly HeldVersion[]
  readonly reinstate: readonly HeldVersion[]
}

export function planRetag(held: readonly HeldVersion[], today: TodaysTags): RetagPlan {
  const { versions, events, withheld } = today
  const given = new Set(today.tags.map(versionKey))
  const isJudged = (one: TagVersion) =>
    versions.has(one.rule_id) &&
    events.has(one.offset) &&
    !withheld.has(pairOf(one)) &&
    !withheld.has(pairOf({ ...one, rule_id: '' }))
  const judged = held.filter(isJudged)
  const isToday = (one: TagVersion) => versions.get(one.rule_id) === one.rule_version
  const there = new Set(held.map(versionKey))
  return {
    missing: today.tags.filter((tag) => !there.has(versionKey(tag))),
    supersede: judged.filter((one) => !one.is_superseded && !isToday(one)),
    reinstate: judged.filter(
      (one) => one.is_superseded && isToday(one) && given.has(versionKey(one)),
    ),
  }
}

export function pairOf({ offset, rule_id }: Omit<TagVersion, 'rule_version'>): string {
  return `${offset} ${rule_id}`
}

function versionKey({ offset, rule_id, rule_version }: TagVersion): string {
  return JSON.stringify([offset, rule_id, rule_version])
}
