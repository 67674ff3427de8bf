import { sha256Hex } from '../../../core/hash.ts'
import type { Damage } from '../../../core/kafka.ts'
import type { BatchHeader, BatchRecord } from './record-batch.ts'
import type { Undecodable } from './undecodable.ts'

/** What kafkajs asks of the batch that a message came in. */
interface BatchContext {
  readonly producerId: string
  readonly inTransaction: boolean
  readonly isControlBatch: boolean
}

/**
 * A message, as far as kafkajs asks. It stands for one record, or for all of a batch: thousands of
 * records are then one object to kafkajs, told by the last of them.
 */
export class SetEntry {
  readonly magicByte = 2
  readonly attributes = 0
  readonly batchContext: BatchContext
  readonly records: readonly BatchRecord[]
  readonly last: BatchRecord

  /** `records` in offset order, `last` the last of them. */
  constructor(records: readonly BatchRecord[], last: BatchRecord, context: BatchContext) {
    this.records = records
    this.last = last
    this.batchContext = context
  }

  get offset(): string {
    return String(this.last.offset)
  }

  get timestamp(): string {
    return String(this.last.timestampMs)
  }

  get key(): Buffer | null {
    return this.last.key
  }

  get value(): Buffer | null {
    return this.last.value
  }

  get headers(): BatchRecord['headers'] {
    return this.last.headers
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch
  }
}

/** A batch that cannot be decoded. Looks like a tombstone at its last offset. */
export class DamagedRange extends SetEntry {
  readonly damage: Damage

  constructor(last: number, damage: Damage) {
    super([], emptyRecord(last), noContext)
    this.damage = damage
  }
}

/** How far the set reaches. Looks like a tombstone at its last offset. */
export class EndOfSet extends SetEntry {
  constructor(last: number) {
    super([], emptyRecord(last), noContext)
  }
}

/** One entry for all of `records`, of which there may be none. */
export function entriesOf(
  records: readonly BatchRecord[],
  header: BatchHeader,
): readonly SetEntry[] {
  const last = records.at(-1)
  return last === undefined ? [] : [new SetEntry(records, last, contextOf(header))]
}

/** One entry a record. */
export function singleEntriesOf(
  records: readonly BatchRecord[],
  header: BatchHeader,
): readonly SetEntry[] {
  const context = contextOf(header)
  return records.map((record) => new SetEntry([record], record, context))
}

export function damageOf(first: number, batch: Buffer, thrown: Undecodable): Damage {
  const { code, message: reason } = thrown
  return { first, code, reason, sha256: sha256Hex(batch), bytes: batch.length }
}

function contextOf(header: BatchHeader): BatchContext {
  const { producerId, isTransactional: inTransaction, isControl: isControlBatch } = header
  return { producerId, inTransaction, isControlBatch }
}

/** Never filtered out: of no transaction, and no control record. */
const noContext: BatchContext = { producerId: '-1', inTransaction: false, isControlBatch: false }

function emptyRecord(offset: number): BatchRecord {
  return { offset, timestampMs: 0, key: null, value: null, headers: {} }
}
