import type { Batch } from 'kafkajs'
import type { LogRecord } from '../../../core/kafka.ts'
import type { RecordHeaders } from './record-batch.ts'
import { DamagedRange, EndOfSet, SetEntry } from './set-entry.ts'

export interface StoredRecord extends LogRecord {
  readonly headers: RecordHeaders
}

/**
 * The records of a batch that kafkajs hands over, as `decodeRecordSet` gave them, from the offset on
 * that was asked for. A damaged range is cut to that and to the partition's end: its header may be
 * wrong about both.
 */
export function recordsOfBatch(batch: Batch): StoredRecord[] {
  const end = Number(batch.highWatermark)
  const asked = fetchedOffset(batch)
  const records: StoredRecord[] = []
  for (const message of batch.messages) {
    if (message instanceof EndOfSet) continue
    if (message instanceof DamagedRange) {
      const first = Math.max(message.damage.first, asked)
      const offset = Math.max(first, Math.min(message.last.offset, end - 1))
      records.push({ ...message.last, offset, damage: { ...message.damage, first } })
    } else if (message instanceof SetEntry) {
      for (const record of message.records) if (record.offset >= asked) records.push(record)
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
