/**
 * The records of one partition in a fetch answer, as kafkajs's consumer takes them: a list of
 * messages. A batch is one message, unless the set holds transactions: kafkajs leaves out aborted
 * ones, and for that it must see every record. Two kinds of entries are ours: a `DamagedRange`
 * stands for a batch that cannot be decoded, and an `EndOfSet` tells how far a set reaches whose
 * last records kafkajs may hide (control records, aborted transactions, compacted ones): without it
 * kafkajs would skip such a set silently.
 *
 * Contract: never throws for what the bytes hold; the first set of an answer gives at least one entry
 * if it has a whole batch, so that a consumer moves on; what is decoded stays within the budget.
 */

import { setImmediate } from 'node:timers/promises'
import { assert } from '../../../core/error.ts'
import { type BatchHeader, decodeBatch, readHeader } from './record-batch.ts'
import {
  DamagedRange,
  damageOf,
  EndOfSet,
  entriesOf,
  type SetEntry,
  singleEntriesOf,
} from './set-entry.ts'
import { Undecodable } from './undecodable.ts'

/** What may still be decoded of one fetch answer; shared by its partitions. */
export interface Budget {
  readonly batchBytesMax: number
  bytesLeft: number
  recordsLeft: number
}

/** Of one answer; what is beyond them is fetched again. A record takes a quarter of a KB, however small it is. */
const recordsMax = 40_000

export function budgetOf(batchBytesMax: number): Budget {
  return { batchBytesMax, bytesLeft: batchBytesMax, recordsLeft: recordsMax }
}

/** Decoding more at once would keep the event loop from heartbeats. */
const yieldBytes = 4 << 20

export async function decodeRecordSet(set: Buffer, budget: Budget): Promise<SetEntry[]> {
  if (hasAbsurdLength(set)) return [endlessBatch(set)]
  const entries: SetEntry[] = []
  let last: BatchHeader | null = null
  let isSuspect = false
  let bytesSinceYield = 0
  const entriesOfBatch = hasTransactions(set) ? singleEntriesOf : entriesOf
  for (let at = 0; budget.bytesLeft > 0 && budget.recordsLeft > 0; ) {
    const header = readHeader(set, at)
    if (header === null) break
    const decoded = await decode(
      set.subarray(at, at + header.bytes),
      header,
      budget.batchBytesMax,
      entriesOfBatch,
    )
    // Nothing tells that a second suspect begins where the first one says: the next fetch does.
    if (isSuspect && decoded.isSuspect) break
    if (isSuspect) entries.push(endedBefore(entries.pop(), header.firstOffset))
    for (const entry of decoded.entries) entries.push(entry)
    isSuspect = decoded.isSuspect
    budget.bytesLeft -= decoded.bytes
    budget.recordsLeft -= decoded.count
    bytesSinceYield += decoded.bytes
    at += header.bytes
    last = header
    if (bytesSinceYield > yieldBytes) {
      bytesSinceYield = 0
      await setImmediate()
    }
  }
  if (last !== null && mayHideItsEnd(last, entries.at(-1))) {
    entries.push(new EndOfSet(last.lastOffset))
  }
  return entries
}

function hasTransactions(set: Buffer): boolean {
  for (let at = 0; ; ) {
    const header = readHeader(set, at)
    if (header === null) return false
    if (header.isTransactional || header.isControl) return true
    at += header.bytes
  }
}

/** A length beyond the set's end is a batch cut off, left for the next fetch; a negative one never is. */
function hasAbsurdLength(set: Buffer): boolean {
  return set.length >= 12 && set.readInt32BE(8) < 0
}

/** Nothing tells where this batch ends: one offset is passed. */
function endlessBatch(set: Buffer): DamagedRange {
  const first = Number(set.readBigInt64BE(0))
  const thrown = new Undecodable('batch-format', 'the batch has a negative length')
  return new DamagedRange(first, damageOf(first, set, thrown))
}

interface Decoded {
  readonly entries: readonly SetEntry[]
  /** The batch's header may be as wrong as the rest of it. */
  readonly isSuspect: boolean
  /** Memory it took. */
  readonly bytes: number
  /** Of records. */
  readonly count: number
}

async function decode(
  batch: Buffer,
  header: BatchHeader,
  bytesMax: number,
  entriesOfBatch: typeof entriesOf,
): Promise<Decoded> {
  try {
    const { records, bytes } = await decodeBatch(batch, bytesMax)
    const entries = entriesOfBatch(records, header)
    return { entries, isSuspect: false, bytes, count: records.length }
  } catch (thrown) {
    if (!(thrown instanceof Undecodable)) throw thrown
    const damage = damageOf(header.firstOffset, batch, thrown)
    return {
      entries: [new DamagedRange(header.lastOffset, damage)],
      isSuspect: thrown.code === 'batch-checksum' || thrown.code === 'batch-format',
      bytes: thrown.code === 'batch-too-large' ? bytesMax : batch.length,
      count: 0,
    }
  }
}

/** A range whose own word for its end is not to be trusted ends before the next batch. */
function endedBefore(entry: SetEntry | undefined, next: number): DamagedRange {
  assert(entry instanceof DamagedRange, 'only a damaged range is suspect')
  const { damage } = entry
  return new DamagedRange(Math.max(damage.first, next - 1), damage)
}

/** Does kafkajs show its handler a record at the set's last offset? */
function mayHideItsEnd(last: BatchHeader, entry: SetEntry | undefined): boolean {
  if (last.isControl || last.isTransactional) return true
  return entry === undefined || entry.last.offset < last.lastOffset
}
