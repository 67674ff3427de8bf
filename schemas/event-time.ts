import { dayMs } from '../core/units.ts'

/** A producer's clock may be this far ahead of the record before we stop believing it. */
export const aheadMaxMs = dayMs

export interface EventTime {
  readonly eventTimeMs: number
  readonly isTimeCapped: boolean
  readonly isTimeEstimated: boolean
}

/** The time an event states, or the record's if it states none, held against the record's. */
export function eventTimeOf(statedMs: number | undefined, recordTimeMs: number): EventTime {
  if (statedMs === undefined) {
    return { eventTimeMs: recordTimeMs, isTimeCapped: false, isTimeEstimated: true }
  }
  if (statedMs > recordTimeMs + aheadMaxMs) {
    return { eventTimeMs: recordTimeMs, isTimeCapped: true, isTimeEstimated: false }
  }
  return { eventTimeMs: statedMs, isTimeCapped: false, isTimeEstimated: false }
}

/**
 * Kafka's time of a record, which its producer may have set: absent (-1), before 1970 or more than a
 * day after the block's own time, it is the block's time. Depends on the intent, not on the clock.
 */
export function trustedRecordTime(timestampMs: number, blockTimeMs: number): number {
  const isGood = timestampMs >= 0 && timestampMs <= blockTimeMs + aheadMaxMs
  return isGood ? timestampMs : blockTimeMs
}
