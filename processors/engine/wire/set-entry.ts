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

/** A message as kafkajs's own decoder makes it; its text forms are made when they are asked for. */
export class SetEntry {
  readonly magicByte = 2
  readonly attributes = 0
  readonly batchContext: BatchContext
  readonly record: BatchRecord

  constructor(record: BatchRecord, context: BatchContext) {
    this.record = record
    this.batchContext = context
  }

  get offset(): string {
    return String(this.record.offset)
  }

  get timestamp(): string {
    return String(this.record.timestampMs)
  }

  get key(): Buffer | null {
    return this.record.key
  }

  get value(): Buffer | null {
    return this.record.value
  }

  get headers(): BatchRecord['headers'] {
    return this.record.headers
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch
  }
}

/** A batch that cannot be decoded. Looks like a tombstone at its last offset. */
export class DamagedRange extends SetEntry {
  readonly damage: Damage

  constructor(last: number, damage: Damage) {
    super(emptyRecord(last), noContext)
    this.damage = damage
  }
}

/** How far the set reaches. Looks like a tombstone at its last offset. */
export class EndOfSet extends SetEntry {
  constructor(last: number) {
    super(emptyRecord(last), noContext)
  }
}

export function damageOf(first: number, batch: Buffer, thrown: Undecodable): Damage {
  const { code, message: reason } = thrown
  return { first, code, reason, sha256: sha256Hex(batch), bytes: batch.length }
}

export function contextOf(header: BatchHeader): BatchContext {
  const { producerId, isTransactional: inTransaction, isControl: isControlBatch } = header
  return { producerId, inTransaction, isControlBatch }
}

/** Never filtered out: of no transaction, and no control record. */
const noContext: BatchContext = { producerId: '-1', inTransaction: false, isControlBatch: false }

function emptyRecord(offset: number): BatchRecord {
  return { offset, timestampMs: 0, key: null, value: null, headers: {} }
}
