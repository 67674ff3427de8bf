import type { SourceEvent } from './event.ts'

/**
 * How a parsed record of `ttp.commands` becomes an event. Definitions are YAML (`sources/*.yaml`),
 * checked when they are loaded and compiled once; the native envelope is the one source in code.
 *
 * Contract:
 * - Pure: the same record at the same place gives the same event.
 * - `fields` of a flat record is the record itself: aliases and anchors are added to it, nothing is
 *   copied. So a record may be read once only.
 * - An event id is the producer's, or made of what identifies the event at its origin, or the
 *   record's position: never anything that a replay could change.
 */

export interface Source {
  readonly name: string
  readonly description: string
  recognises(record: ParsedRecord): boolean
  read(record: ParsedRecord, at: RecordPosition): SourceEvent | Refusal
}

/** A JSON object fresh from its text. */
export type ParsedRecord = Record<string, unknown>

/** Where a record stands: what an event may depend on besides the record itself. */
export interface RecordPosition {
  readonly log: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Kafka's time, or the block's where Kafka's is absurd. Epoch milliseconds. */
  readonly recordTimeMs: number
  readonly json: Uint8Array
}

/** Why a record cannot become an event: the code and reason of its dead letter. */
export interface Refusal {
  readonly refused: string
  readonly reason: string
}

export function isRefusal(result: SourceEvent | Refusal): result is Refusal {
  return 'refused' in result
}

export interface SourceSet {
  /** In the order in which they are tried. */
  readonly sources: readonly Source[]
  read(record: ParsedRecord, at: RecordPosition): SourceEvent | Refusal
}

/** The id of an event that brings none and cannot be identified at its origin. */
export function positionId({ log, topic, partition, offset }: RecordPosition): string {
  return `${log}:${topic}:${partition}:${offset}`
}
