import type { LogRecord } from '../../core/kafka.ts'
import type { Row } from '../../schemas/table.ts'
import type { BlockContext, Outcome } from '../processor.ts'

/**
 * The outcome of records among which there may be batches that cannot be decoded: each of those
 * becomes one dead letter for its range, without its bytes, which nobody could redact.
 */
export function outcomeOf(
  context: BlockContext,
  records: readonly LogRecord[],
  process: (records: readonly LogRecord[]) => Outcome,
): Outcome {
  const letters = records.flatMap((record) => damageRow(context, record))
  if (letters.length === 0) return process(records)
  const outcome = process(records.filter(({ damage }) => damage === undefined))
  const dead_letters = [...letters, ...(outcome.rows.dead_letters ?? [])]
  return { ...outcome, rows: { ...outcome.rows, dead_letters } }
}

function damageRow(
  context: BlockContext,
  { offset, damage }: LogRecord,
): readonly Row<'dead_letters'>[] {
  if (damage === undefined) return []
  return [
    {
      log: context.log,
      topic: context.topic,
      partition: context.partition,
      offset: damage.first,
      ingest_time: context.timeMs,
      record_time: context.timeMs,
      last_offset: offset,
      records: offset - damage.first + 1,
      code: damage.code,
      reason: damage.reason,
      value_sha256: damage.sha256,
      value_bytes: damage.bytes,
      head: '',
    },
  ]
}
