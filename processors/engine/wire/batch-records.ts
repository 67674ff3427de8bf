import type { Batch } from 'kafkajs'
import type { LogRecord } from '../../../core/kafka.ts'
import { DamagedRange, EndOfSet, SetEntry } from './set-entry.ts'

/**
 * The records of a batch that kafkajs hands over, as `decodeRecordSet` gave them. A damaged range is
 * cut to what was asked for and to the partition's end: its header may be wrong about both.
 */
export function recordsOfBatch(batch: Batch): LogRecord[] {
  const end = Number(batch.highWatermark)
  const records: LogRecord[] = []
  for (const message of batch.messages) {
    if (message instanceof EndOfSet) continue
    if (message instanceof DamagedRange) {
      const first = Math.max(message.damage.first, fetchedOffset(batch))
      const offset = Math.max(first, Math.min(message.record.offset, end - 1))
      records.push({ ...message.record, offset, damage: { ...message.damage, first } })
    } else if (message instanceof SetEntry) {
      records.push(message.record)
    } else {
      throw new TypeError('kafkajs decodes record sets by itself')
    }
  }
  return records
}

/** The last offset that the batch covers. */
export function lastOffsetOf(batch: Batch): number {
  return Math.min(Number(batch.lastOffset()), Number(batch.highWatermark) - 1)
}

/** The offset that was asked for: kafkajs keeps it on the batch, though its types do not say so. */
export function fetchedOffset(batch: Batch): number {
  const asked = 'fetchedOffset' in batch ? Number(batch.fetchedOffset) : Number.NaN
  return Number.isSafeInteger(asked) ? asked : Number(batch.firstOffset() ?? 0)
}
