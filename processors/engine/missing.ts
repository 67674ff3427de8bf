import type { LogRecord } from '../../core/kafka.ts'
import type { Row } from '../../schemas/table.ts'
import type { BlockContext, Outcome } from '../processor.ts'
import { type MissingCode, missingCodes } from './intent.ts'

const reasons: Readonly<Record<MissingCode, string>> = {
  'records-expired':
    'Kafka’s retention removed these offsets before they were read. Give the topic a longer retention or the engine more room.',
  'records-changed':
    'The records at these offsets are not those that the block was cut from. The topic’s history was replaced.',
  'records-unreadable':
    'Kafka passed over these offsets at every try. The log of the partition is damaged there.',
}

/** The report of a range of offsets whose records can no longer be read: one dead letter for all of them. */
export function missingRange(
  context: BlockContext,
  range: { readonly first: number; readonly last: number },
  code: MissingCode,
): Row<'dead_letters'> {
  return {
    log: context.log,
    topic: context.topic,
    partition: context.partition,
    offset: range.first,
    ingest_time: context.timeMs,
    record_time: context.timeMs,
    last_offset: range.last,
    records: range.last - range.first + 1,
    code,
    reason: reasons[code],
    value_sha256: '',
    value_bytes: 0,
    head: '',
  }
}

/** An outcome with nothing in it but the report of a missing range. */
export function missingOutcome(row: Row<'dead_letters'>): Outcome {
  return { rows: { dead_letters: [row] }, events: 0, deletions: 0, dropped: {} }
}

/**
 * Dead letters of records, and reports of missing ranges. A block that is recovered may come to know
 * of a report after its letters were stored, so that reports are inserted apart.
 */
export function splitReports(rows: readonly Row<'dead_letters'>[] = []): {
  readonly letters: readonly Row<'dead_letters'>[]
  readonly reports: readonly Row<'dead_letters'>[]
} {
  const isReport = ({ code }: Row<'dead_letters'>) => missingCodes.some((known) => known === code)
  return { letters: rows.filter((row) => !isReport(row)), reports: rows.filter(isReport) }
}

/** The records of `records` that lie in a range of offsets. */
export function within(
  records: readonly LogRecord[],
  first: number,
  last: number,
): readonly LogRecord[] {
  return records.filter(({ offset }) => offset >= first && offset <= last)
}
