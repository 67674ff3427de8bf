import type { LogRecord } from '../core/kafka.ts'
import { trustedRecordTime } from '../schemas/event-time.ts'
import type { ParsedRecord } from '../schemas/source.ts'
import type { Row } from '../schemas/table.ts'
import { type DeadLetter, deadLetterRow } from './dead-letter.ts'
import { type JsonLimits, parseJsonRecord } from './json-record.ts'
import type { BlockContext } from './processor.ts'

/** A record that is a JSON object, with the time it is judged against. */
export interface ReadRecord {
  readonly record: LogRecord
  readonly bytes: Uint8Array
  readonly value: ParsedRecord
  readonly text: string
  readonly recordTimeMs: number
}

/**
 * Reads a block's records one by one and keeps account of those that do not become events:
 * `records = events + dead letters + deletions`.
 */
export class BlockReader {
  readonly deadLetters: Row<'dead_letters'>[] = []
  deletions = 0
  readonly #context: BlockContext
  readonly #limits: JsonLimits

  constructor(context: BlockContext, limits: JsonLimits) {
    this.#context = context
    this.#limits = limits
  }

  /**
   * Calls `take` with each record that is a JSON object. What it throws is a mistake of ours that one
   * record brought to light: it costs that record, not the partition it came on.
   */
  each(records: readonly LogRecord[], take: (read: ReadRecord) => void): void {
    for (const record of records) {
      const read = this.#read(record)
      if (read === null) continue
      try {
        take(read)
      } catch (thrown) {
        const kind = thrown instanceof Error ? thrown.name : 'exception'
        this.refuse(read, 'processing-failed', `the record could not be processed (${kind})`)
      }
    }
  }

  /** null: a tombstone or a dead letter, both accounted for. */
  #read(record: LogRecord): ReadRecord | null {
    const { value: bytes } = record
    if (bytes === null) {
      this.deletions += 1
      return null
    }
    const recordTimeMs = trustedRecordTime(record.timestampMs, this.#context.timeMs)
    const parsed = parseJsonRecord(bytes, this.#limits)
    if (parsed.ok) {
      return { record, bytes, value: parsed.value, text: parsed.text, recordTimeMs }
    }
    this.#add(record, recordTimeMs, { ...parsed, kind: '' })
    return null
  }

  /** Gives a record up: it was JSON, but not what its topic takes. */
  refuse(read: ReadRecord, code: string, reason: string): void {
    // Read again: what was parsed may have been added to since.
    const value: unknown = JSON.parse(read.text)
    const kind = typeof read.value['kind'] === 'string' ? read.value['kind'] : ''
    this.#add(read.record, read.recordTimeMs, { code, reason, kind, value })
  }

  /** A letter about a record that is a row too; it is not counted as a dead one. */
  note(read: ReadRecord, code: string, reason: string, kind: string): void {
    const value: unknown = JSON.parse(read.text)
    this.#add(read.record, read.recordTimeMs, { code, reason, kind, value, records: 0 })
  }

  #add(record: LogRecord, recordTimeMs: number, letter: DeadLetter): void {
    this.deadLetters.push(deadLetterRow(this.#context, record, recordTimeMs, letter))
  }
}

/** The columns that every row starts with. */
export function positionOf(context: BlockContext, record: LogRecord) {
  return {
    log: context.log,
    topic: context.topic,
    partition: context.partition,
    offset: record.offset,
    ingest_time: context.timeMs,
  }
}

/** The record with the anchors that rules may name on any event. */
export function fieldsOf(read: ReadRecord, anchors: Readonly<Record<string, string>>) {
  const named = Object.entries(anchors).filter(([name, text]) => {
    return text !== '' && read.value[name] === undefined
  })
  return { ...read.value, ...Object.fromEntries(named) }
}
