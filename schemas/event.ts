/**
 * What rules read. Every record that Kafka brings, of whatever topic and shape, becomes one of these
 * before it meets a rule; nothing behind this contract knows where an event came from.
 */

/** Sigma's log source, lower case. An absent dimension is unknown, not "any". */
export interface LogSource {
  readonly product?: string
  readonly service?: string
  readonly category?: string
}

export type Fields = Readonly<Record<string, unknown>>

export interface MatchEvent {
  /** The source kind, see `kind.ts`: `command`, `process`, `alert`, `registry_set`, … */
  readonly kind: string
  readonly logsource: LogSource
  /**
   * Field name → string, number, boolean, null, array or object. A name with dots is looked up
   * whole first, then as a path. For a raw record this is the parsed record itself, not a copy.
   */
  readonly fields: Fields
  /** The UTF-8 JSON that `fields` came from, so that keyword rules can scan bytes. May hold more than `fields`. */
  readonly json?: Uint8Array
  /**
   * Fields whose text `json` may not show: joined, decoded, mapped or constant. The normaliser's own
   * fields need not be named. Keyword rules search them apart.
   */
  readonly derived?: readonly string[]
}

/** The five anchors of a tag (G3); '' is absent. */
export interface Anchors {
  readonly identityId: string
  readonly attackerId: string
  readonly sessionId: string
  readonly host: string
  readonly user: string
}

/** An accepted record of any input topic, ready for matching. Times are epoch milliseconds. */
export interface SourceEvent extends MatchEvent, Anchors {
  readonly id: string
  readonly eventTimeMs: number
  /** Name of the source definition that recognised it (`schemas/sources/*.yaml`), or `envelope`. */
  readonly source: string
  readonly decoy: string
  readonly commandText: string
  /** The producer's clock was so far ahead that event time was capped. */
  readonly isTimeCapped: boolean
  /** No time in the record: event time is Kafka's. */
  readonly isTimeEstimated: boolean
}
