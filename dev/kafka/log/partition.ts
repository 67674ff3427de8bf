/**
 * One partition: segments in offset order, the last one open for appending.
 *
 * Contract: offsets are given out without gaps; readers see a batch only when it is in the file;
 * `startOffset` never goes back. There is one replica, so the high watermark is the end.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import type { Log } from '../../../core/log.ts'
import type { Refusal } from '../wire/error-code.ts'
import { Producers } from './producers.ts'
import { type BatchHeader, batchBytes, magicOf, parseBatch, placeBatch } from './record-batch.ts'
import type { RecordTime } from './record-time.ts'
import { Segment } from './segment.ts'

export interface PartitionLimits {
  readonly segmentBytes: number
  /** Of one batch, as Kafka's `max.message.bytes`. */
  readonly messageBytesMax: number
  /** Infinity keeps for ever. */
  readonly retentionMs: number
  readonly retentionBytes: number
  /** A record may not claim a time further ahead than this. */
  readonly timestampAheadMsMax: number
}

export type Appended =
  | { readonly error: 'NONE'; readonly baseOffset: number }
  | { readonly error: Refusal; readonly reason: string }

/** Every partition has had the same leader since ever. */
export const leaderEpoch = 0

export class Partition {
  readonly #folder: string
  readonly #limits: PartitionLimits
  readonly #log: Log
  readonly #producers = new Producers()
  readonly #segments: Segment[]
  readonly #listeners = new Set<(bytes: number) => void>()
  #startOffset: number
  #isClosed = false

  /** Opens or creates the files in `folder`; records before `startOffset` count as deleted. */
  constructor(folder: string, startOffset: number, limits: PartitionLimits, log: Log) {
    this.#folder = folder
    this.#limits = limits
    this.#log = log
    mkdirSync(folder, { recursive: true })
    this.#segments = readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .map((name) => new Segment(folder, Number.parseInt(name, 10)))
    const last = this.#segments.at(-1)
    for (const segment of this.#segments) segment.recover(segment === last, this.#producers, log)
    if (this.#segments.length === 0) this.#segments.push(new Segment(folder, startOffset))
    this.#startOffset = Math.max(startOffset, this.#segments[0]?.baseOffset ?? 0)
  }

  /** The low watermark. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** The high watermark: the offset of the next record. */
  get endOffset(): number {
    return this.#last.nextOffset
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** `records` is what one produce request carries for this partition; it is changed in place. */
  append(records: Buffer, nowMs: number): Appended {
    const header = parseBatch(records)
    const problem = this.#problemOf(records, header, nowMs)
    if (problem !== null) return problem
    if (header === null) return refuse('CORRUPT_MESSAGE', 'the CRC of the batch does not hold')
    const verdict = this.#producers.check(header)
    if (verdict.kind === 'refused') {
      const { producerId, producerEpoch, baseSequence } = header
      const reason = `producer ${producerId}, epoch ${producerEpoch}, sequence ${baseSequence}`
      return refuse(verdict.error, reason)
    }
    if (verdict.kind === 'duplicate') return { error: 'NONE', baseOffset: verdict.baseOffset }
    return this.#write(records, header)
  }

  /** Whole batches; empty at the end. null where the offset is outside the log. */
  read(offset: number, bytesMax: number, atLeastOne: boolean): Buffer | null {
    if (offset < this.#startOffset || offset > this.endOffset) return null
    const at = this.#segments.findLastIndex((segment) => segment.baseOffset <= offset)
    // A segment that lost its tail ends before its successor begins: the log goes on there.
    const segment = this.#segments.slice(Math.max(0, at)).find((held) => offset < held.nextOffset)
    return segment?.read(offset, bytesMax, atLeastOne) ?? Buffer.alloc(0)
  }

  /** The first record at or after the time; null where every record is earlier. */
  findTime(timestampMs: number): RecordTime | null {
    for (const segment of this.#segments) {
      const found = segment.findTime(timestampMs, this.#startOffset)
      if (found !== null) return found
    }
    return null
  }

  /** Calls `listener` with the bytes of each batch appended, and with Infinity when it is closed. */
  onAppend(listener: (bytes: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Drops what lies before `offset`; the caller has checked and persisted it. */
  deleteBefore(offset: number): void {
    this.#startOffset = Math.max(this.#startOffset, offset)
    this.#dropWhile((segment) => segment.nextOffset <= this.#startOffset)
  }

  /** Drops whole segments that are too old, or too many. */
  enforceRetention(nowMs: number): void {
    const oldestMs = nowMs - this.#limits.retentionMs
    const isOld = ({ maxTimestampMs, bytes }: Segment) =>
      bytes === 0 || (maxTimestampMs >= 0 && maxTimestampMs < oldestMs)
    if (this.#last.bytes > 0 && isOld(this.#last)) this.#roll()
    let bytes = this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
    this.#dropWhile((segment) => {
      const isExcess = bytes - segment.bytes >= this.#limits.retentionBytes
      bytes -= segment.bytes
      return isExcess || isOld(segment)
    })
  }

  close(): void {
    this.#isClosed = true
    for (const segment of this.#segments) segment.close()
    for (const listener of [...this.#listeners]) listener(Number.POSITIVE_INFINITY)
  }

  /** Closes it and deletes its files. */
  remove(): void {
    this.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #last(): Segment {
    const last = this.#segments.at(-1)
    if (last === undefined) throw new Error('a partition has lost its last segment')
    return last
  }

  #write(records: Buffer, header: BatchHeader): Appended {
    if (this.#last.bytes > 0 && this.#last.bytes + header.bytes > this.#limits.segmentBytes) {
      this.#roll()
    }
    const baseOffset = this.endOffset
    placeBatch(records, baseOffset, leaderEpoch)
    const lastOffset = baseOffset + header.recordsCount - 1
    const placed: BatchHeader = { ...header, baseOffset, lastOffset }
    try {
      this.#last.append(records, placed)
    } catch (error) {
      this.#log.error(
        { folder: this.#folder, error: String(error) },
        'a batch could not be written',
      )
      return refuse('KAFKA_STORAGE_ERROR', 'the disk refused the batch')
    }
    this.#producers.record(placed)
    for (const listener of [...this.#listeners]) listener(records.length)
    return { error: 'NONE', baseOffset }
  }

  /** The checks of Apache Kafka that need no look into the records. */
  #problemOf(records: Buffer, header: BatchHeader | null, nowMs: number): Appended | null {
    if (magicOf(records) !== 2) return refuse('INVALID_RECORD', 'only record batches of magic 2')
    const bytes = batchBytes(records, 0)
    if (bytes > this.#limits.messageBytesMax) {
      return refuse(
        'MESSAGE_TOO_LARGE',
        `${bytes} bytes; ${this.#limits.messageBytesMax} are allowed`,
      )
    }
    if (bytes < records.length && bytes > 0) return refuse('INVALID_RECORD', 'more than one batch')
    if (header === null) return null
    if (header.isControl || header.codec > 4) return refuse('INVALID_RECORD', 'bad attributes')
    if (header.isTransactional) return refuse('INVALID_TXN_STATE', 'there are no transactions here')
    if (
      header.recordsCount < 1 ||
      header.lastOffset !== header.baseOffset + header.recordsCount - 1
    ) {
      return refuse('INVALID_RECORD', `${header.recordsCount} records do not fill the offsets`)
    }
    if (header.maxTimestampMs > nowMs + this.#limits.timestampAheadMsMax) {
      return refuse('INVALID_TIMESTAMP', `${header.maxTimestampMs} is too far ahead`)
    }
    return null
  }

  #roll(): void {
    const next = new Segment(this.#folder, this.endOffset)
    this.#last.seal(this.#producers)
    next.create()
    this.#segments.push(next)
  }

  /** From the oldest on; the last segment stays, so that the end offset is not forgotten. */
  #dropWhile(isDropped: (segment: Segment) => boolean): void {
    let [first] = this.#segments
    while (this.#segments.length > 1 && first !== undefined && isDropped(first)) {
      first.remove()
      this.#segments.shift()
      ;[first] = this.#segments
    }
    this.#startOffset = Math.max(this.#startOffset, first?.baseOffset ?? 0)
  }
}

function refuse(error: Refusal, reason: string): Appended {
  return { error, reason }
}
