/**
 * Where to go on in a partition that was just assigned. Two witnesses tell: Kafka's commit and
 * ClickHouse's progress. This file decides what their words together mean; it reads nothing itself.
 *
 * Contract: work resumes only where it is proven that no record is lost or counted twice; where the
 * witnesses disagree without proof, the answer is `refuse` with the command that resolves it.
 */

import type { Committed, Watermarks } from '../../core/kafka.ts'
import { type Done, type Intent, parseMark } from './intent.ts'

/** A finished block, as ClickHouse recorded it. */
export interface Progress {
  readonly log: string
  readonly first: number
  readonly last: number
  readonly records: number
  readonly crc: number
}

export interface Witnesses {
  readonly committed: Committed
  /** The newest finished block of the partition, of whatever log. */
  readonly newest: Progress | null
  /** The finished block of the commit's log that ends right before its offset (or is the intent's own). */
  readonly before: Progress | null
  readonly own: Progress | null
  readonly watermarks: Watermarks
  /** Id of the ClickHouse store that the engine is connected to. */
  readonly store: string
}

export type Start =
  /** Nobody has read this partition: a new log from `position`. */
  | { readonly kind: 'new'; readonly position: number }
  | {
      readonly kind: 'resume'
      readonly log: string
      readonly start: number
      readonly position: number
    }
  /** The block of `intent` was under way: read it again and finish it. */
  | { readonly kind: 'recover'; readonly intent: Intent }
  /** As recover, but the records before `available` are gone. */
  | { readonly kind: 'expired'; readonly intent: Intent; readonly available: number }
  /** The commit is gone: go on after `progress` if its records in Kafka have its checksum. */
  | { readonly kind: 'verify'; readonly progress: Progress; readonly isWhole: boolean }
  | { readonly kind: 'refuse'; readonly code: string; readonly message: string }

export function decideStart(where: { topic: string; partition: number }, w: Witnesses): Start {
  const mark = w.committed.offset === null ? null : parseMark(w.committed.metadata)
  if (mark === null || w.committed.offset === null) return decideWithoutCommit(w)
  if (mark.store !== w.store) {
    return refuse(
      where,
      'store-changed',
      `the commit belongs to ClickHouse store ${mark.store}, this is ${w.store}`,
    )
  }
  const next = mark.kind === 'intent' ? mark.first : w.committed.offset
  const isFirstBlock = next === mark.start
  const isBehind = !isFirstBlock && w.before === null && w.own === null
  if (isBehind) {
    return refuse(
      where,
      'store-behind',
      `ClickHouse holds no finished block that ends at ${next - 1}`,
    )
  }
  if (w.watermarks.high < next) {
    return refuse(
      where,
      'log-shorter',
      `the commit stands at ${next}, the partition ends at ${w.watermarks.high}`,
    )
  }
  return mark.kind === 'intent' ? decideIntent(where, mark, w) : resumeAt(mark, next)
}

function decideIntent(
  where: { topic: string; partition: number },
  intent: Intent,
  w: Witnesses,
): Start {
  if (w.own !== null) return resumeAt(intent, intent.last + 1)
  if (w.watermarks.high <= intent.last) {
    return refuse(
      where,
      'log-shorter',
      `block ${intent.first}-${intent.last} was begun, the partition ends at ${w.watermarks.high}`,
    )
  }
  if (w.watermarks.low > intent.first) {
    return { kind: 'expired', intent, available: w.watermarks.low }
  }
  return { kind: 'recover', intent }
}

function decideWithoutCommit(w: Witnesses): Start {
  const { newest, watermarks } = w
  if (newest === null) return { kind: 'new', position: watermarks.low }
  // A shorter log, or one that ends inside the block, cannot be the one that was read.
  if (watermarks.high <= newest.last) return { kind: 'new', position: watermarks.low }
  return { kind: 'verify', progress: newest, isWhole: watermarks.low <= newest.first }
}

function resumeAt(mark: Intent | Done, position: number): Start {
  return { kind: 'resume', log: mark.log, start: mark.start, position }
}

function refuse(
  where: { topic: string; partition: number },
  code: string,
  what: string,
): Start & { kind: 'refuse' } {
  const at = `${where.topic}:${where.partition}`
  return {
    kind: 'refuse',
    code,
    message:
      `${at}: ${what}. Going on could lose or repeat records. ` +
      'Restore the ClickHouse data that belongs to this consumer group, or start a new history ' +
      `with another group: TTPSTREAM_KAFKA_GROUP=<new name> and an empty database.`,
  }
}
