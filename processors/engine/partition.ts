/**
 * One assigned partition under one epoch: reads batches, cuts blocks, finishes what an earlier holder
 * began. All it remembers can be read anew from the two witnesses, Kafka's commit and ClickHouse's
 * progress.
 *
 * Contract: `position` is the first offset of the next block; nothing after a pending range is cut
 * before the range is settled.
 */

import { monotonicMs } from '../../core/clock.ts'
import { ConfigError } from '../../core/error.ts'
import type { Lease, LogRecord, RecordBatch, TopicPartition, Watermarks } from '../../core/kafka.ts'
import { inSpan, noSpan, type Span } from '../../core/trace.ts'
import type { BlockContext, Outcome, Processor } from '../processor.ts'
import type { Progress } from './assignment.ts'
import { type Block, checksum, countOfBlock, idOf } from './block.ts'
import { outcomeOf } from './damage.ts'
import type { EngineOptions } from './engine.ts'
import { encodeMark, type Intent, type MissingCode } from './intent.ts'
import { missingOutcome, missingRange, within } from './missing.ts'
import { retryTransient } from './retry.ts'
import { reconcile, rowsMax, timed, writeBlock } from './write-block.ts'

type Pending =
  /** A block that an earlier holder began: finish it under its own intent. */
  | { readonly kind: 'recover'; readonly intent: Intent }
  /** The last finished block: is this still the log that it was cut from? */
  | { readonly kind: 'verify'; readonly progress: Progress }

export interface PartitionStart extends TopicPartition {
  readonly log: string
  /** The log's first offset. */
  readonly start: number
  readonly position: number
  readonly store: string
  readonly pending: Pending | null
}

/** So often is an offset asked for again before it counts as unreadable; two fetches may be under way. */
const passedOverMax = 8

export class Partition {
  readonly #options: EngineOptions
  readonly #processor: Processor
  readonly #at: TopicPartition
  readonly #store: string
  #log: string
  #start: number
  /** First offset of the next block. */
  #position: number
  #pending: Pending | null
  /** What has been read of the pending range. */
  #collected: LogRecord[] = []
  /** The next offset to read: beyond `position` only while a pending range is collected. */
  #reading: number
  /** Batches in a row that began beyond `reading`. */
  #passedOver = 0
  /** Of the last block that was written. */
  #span: Span = noSpan

  constructor(options: EngineOptions, start: PartitionStart, processor: Processor) {
    this.#options = options
    this.#processor = processor
    this.#at = { topic: start.topic, partition: start.partition }
    this.#store = start.store
    this.#log = start.log
    this.#start = start.start
    this.#position = start.position
    this.#pending = start.pending
    this.#reading = start.position
  }

  get reading(): number {
    return this.#reading
  }

  /** Handles a batch that was asked for at `reading`; resolves to the next offset to read. */
  async take(batch: RecordBatch, lease: Lease, isStopping: () => boolean): Promise<number> {
    if (batch.position !== this.#reading) return this.#realign(batch.position, lease)
    this.#passedOver = 0
    if (this.#pending !== null) {
      await this.#collect(batch, lease)
      if (this.#pending !== null || this.#position < batch.position) return this.#reading
    }
    const records = batch.records.filter(({ offset }) => offset >= this.#position)
    let from = 0
    let cut = this.#cut(batch, records, from, this.#position)
    while (cut !== null && !isStopping()) {
      const { block } = cut
      from += block.records.length
      const isLast = from === records.length
      if (isLast) batch.release?.()
      const writing = this.#write(cut, lease, isLast ? { beforeLast: batch.nearsEnd } : {})
      // While one block is written the next is worked out: that needs nothing but its records.
      cut = await whileWriting(writing, () => this.#cut(batch, records, from, block.last + 1))
    }
    // What waits is begun at once, and its intent says as much.
    if (this.#position === batch.highWatermark && batch.isFollowed?.() !== true) {
      await this.#markDone(lease)
    }
    return this.#reading
  }

  /** Nothing before `next` can be read any more: reports the range as a block and goes on after it. */
  async #miss(next: number, code: MissingCode, lease: Lease): Promise<void> {
    const range = { first: this.#position, last: next - 1 }
    const block: Block = { ...this.#at, ...range, records: [] }
    const context = this.#context()
    const outcome = missingOutcome(missingRange(context, range, code))
    this.#options.log.error({ ...this.#at, ...range, code }, 'records cannot be read any more')
    await this.#write({ block, crc: checksum([]), context, outcome }, lease, { missing: code })
  }

  /**
   * The client stands elsewhere than we asked: records expired under way, or this was fetched before
   * it was sent elsewhere. Asking again tells, but for a log that is damaged so that the client passes
   * over the offset at every try.
   */
  async #realign(position: number, lease: Lease): Promise<number> {
    const { low } = await this.#watermarks(lease)
    this.#passedOver = position > this.#reading ? this.#passedOver + 1 : 0
    const isUnreadable = this.#passedOver >= passedOverMax
    const next = Math.max(low, isUnreadable ? position : 0)
    if (next <= this.#reading) return this.#reading
    if (this.#pending?.kind === 'verify') throw unproven(this.#at, this.#pending.progress)
    if (this.#pending?.kind === 'recover') {
      this.#reading = next
      if (next > this.#pending.intent.last) await this.finish(lease)
      return this.#reading
    }
    await this.#miss(next, next === low ? 'records-expired' : 'records-unreadable', lease)
    return this.#reading
  }

  /** Takes a batch's part of the pending range; settles the range once it is whole. */
  async #collect(batch: RecordBatch, lease: Lease): Promise<void> {
    const pending = this.#pending
    if (pending === null) return
    const { first, last } = pending.kind === 'recover' ? pending.intent : pending.progress
    this.#collected.push(...within(batch.records, first, last).map(copied))
    this.#reading = batch.lastOffset + 1
    if (this.#reading <= last) return
    try {
      if (pending.kind === 'recover') await this.finish(lease)
      else await this.#verify(pending.progress, lease)
    } catch (cause) {
      // Should the partition stay ours, the range is read again: nothing else might ever be.
      this.#collected = []
      this.#reading = first
      throw cause
    }
  }

  /** Finishes the pending block with the records that were read of it. */
  async finish(lease: Lease): Promise<void> {
    if (this.#pending?.kind !== 'recover') return
    const { intent } = this.#pending
    await inSpan(this.#startSpan(intent), (span) => this.#finish(intent, lease, span), 'recovered')
    this.#options.metrics.count('ttpstream_recoveries_total', { ...this.#at })
    this.#settle(intent.last + 1)
  }

  async #finish(intent: Intent, lease: Lease, span: Span): Promise<void> {
    const records = this.#collected
    const { first, last, count } = intent
    const context: BlockContext = { ...this.#context(), log: intent.log, timeMs: intent.time }
    const range = { ...this.#at, log: intent.log, first, last, count }
    const outcome = await inSpan(span.start('reconcile'), () =>
      reconcile(this.#options, lease, range, () => this.#recompute(context, intent, records)),
    )
    const block: Block = { ...this.#at, first, last, records }
    await writeBlock(this.#options, lease, block, intent, outcome, { isRecovered: true, span })
  }

  /** What the pending block's absent tables get: all of it, what survives, or only a report. */
  #recompute(context: BlockContext, intent: Intent, records: readonly LogRecord[]): Outcome {
    if (intent.missing !== undefined) {
      return missingOutcome(missingRange(context, intent, intent.missing))
    }
    const isSame = records.length === intent.count && checksum(records) === intent.crc
    if (isSame) return this.#process(context, records)
    const survivor = records[0]?.offset ?? intent.last + 1
    const isExpired = records.length < intent.count
    this.#options.log.error(
      { ...this.#at, first: intent.first, last: intent.last },
      'block changed',
    )
    if (!isExpired) return missingOutcome(missingRange(context, intent, 'records-changed'))
    const lost = { first: intent.first, last: Math.max(intent.first, survivor - 1) }
    const outcome = this.#process(context, records)
    const report = missingRange(context, lost, 'records-expired')
    const letters = [report, ...(outcome.rows.dead_letters ?? [])]
    return { ...outcome, rows: { ...outcome.rows, dead_letters: letters } }
  }

  /** The commit is gone. The same records as in the last finished block: the same log goes on. */
  async #verify(progress: Progress, lease: Lease): Promise<void> {
    const records = this.#collected
    const isSame = records.length === progress.records && checksum(records) === progress.crc
    if (isSame) {
      this.#settle(progress.last + 1)
      return
    }
    const { low } = await this.#watermarks(lease)
    this.#options.log.warn({ ...this.#at, low }, 'another log under the same name: beginning anew')
    this.#log = this.#options.random.uuid()
    this.#start = low
    this.#settle(low)
  }

  #settle(position: number): void {
    this.#pending = null
    this.#collected = []
    this.#position = position
    this.#reading = position
  }

  /**
   * The block from offset `first` and `records[from]` on, with its outcome; null when the batch is
   * used up. It has no records where a batch holds only what its producers took back: the range is
   * passed by an empty block.
   */
  #cut(batch: RecordBatch, records: readonly LogRecord[], from: number, first: number): Cut | null {
    if (first > batch.lastOffset) return null
    const begunMs = monotonicMs()
    const context = this.#context()
    let count = countOfBlock(records, from, this.#options.limits)
    let outcome = this.#process(context, records.slice(from, from + count))
    while (count > 1 && isTooLarge(outcome)) {
      count = Math.ceil(count / 2)
      outcome = this.#process(context, records.slice(from, from + count))
    }
    const isLast = from + count === records.length
    const last = isLast ? batch.lastOffset : (records[from + count - 1]?.offset ?? batch.lastOffset)
    const cutMs = { begun: begunMs, ended: monotonicMs() }
    const seconds = (cutMs.ended - begunMs) / 1000
    this.#options.metrics.observe('ttpstream_block_step_seconds', { step: 'cut' }, seconds)
    this.#options.failpoint('cut')
    const block = { ...this.#at, first, last, records: records.slice(from, from + count) }
    return { block, crc: checksum(block.records), context, outcome, cutMs }
  }

  /**
   * Intent first, then its effects. From the intent on the block is pending until it is finished:
   * should the lease end on the way and the partition stay ours, the same block comes first again.
   */
  async #write(cut: Cut, lease: Lease, { missing, beforeLast }: WriteOptions): Promise<void> {
    const { block, crc, context, outcome, cutMs } = cut
    const begun = this.#options.clock.now()
    const intent: Intent = {
      v: 1,
      kind: 'intent',
      log: this.#log,
      start: this.#start,
      store: this.#store,
      first: block.first,
      last: block.last,
      count: block.records.length,
      crc,
      time: context.timeMs,
      revision: context.revision.id,
      ...(missing === undefined ? {} : { missing }),
    }
    const span = this.#startSpan(intent, cutMs?.begun)
    if (cutMs !== undefined) span.start('cut', {}, cutMs.begun).end('done', cutMs.ended)
    await inSpan(span, async () => {
      await this.#commitIntent(intent, lease, span)
      await writeBlock(this.#options, lease, block, intent, outcome, { span, beforeLast })
    })
    this.#settle(block.last + 1)
    const seconds = (this.#options.clock.now() - begun) / 1000
    this.#options.metrics.observe('ttpstream_block_seconds', { topic: block.topic }, seconds)
  }

  async #commitIntent(intent: Intent, lease: Lease, span: Span): Promise<void> {
    const commit = () => lease.commit(intent.first, encodeMark(intent))
    await timed(this.#options.metrics, span, { name: 'intent' }, commit)
    this.#pending = { kind: 'recover', intent }
    this.#reading = intent.first
    this.#options.failpoint('intent')
  }

  /** All is read and written: says so, which brings the group's lag to zero. */
  async #markDone(lease: Lease): Promise<void> {
    const mark = {
      v: 1,
      kind: 'done',
      log: this.#log,
      start: this.#start,
      store: this.#store,
    } as const
    const commit = () => lease.commit(this.#position, encodeMark(mark))
    // What lets go of the last block is told with it, though it comes after its end.
    await inSpan(this.#span.start('commit'), commit)
    this.#span = noSpan
    this.#options.failpoint('done')
  }

  /** The block's span, of which everything that is done to it is told. */
  #startSpan(intent: Intent, begunMs?: number): Span {
    const { log, first, last, count, revision } = intent
    const attributes = {
      'messaging.system': 'kafka',
      'messaging.destination.name': this.#at.topic,
      'messaging.destination.partition.id': String(this.#at.partition),
      'messaging.batch.message_count': count,
      'ttpstream.block': idOf(log, { ...this.#at, first, last }),
      'ttpstream.first_offset': first,
      'ttpstream.last_offset': last,
      'ttpstream.revision': revision,
    } as const
    this.#span = this.#options.tracer.start('block', attributes, begunMs)
    return this.#span
  }

  #process(context: BlockContext, records: readonly LogRecord[]): Outcome {
    return outcomeOf(context, records, (readable) => this.#processor.process(context, readable))
  }

  #context(): BlockContext {
    const rules = this.#options.rules()
    return { ...this.#at, log: this.#log, timeMs: this.#options.clock.now(), ...rules }
  }

  #watermarks(lease: Lease): Promise<Watermarks> {
    const { log, onTrouble, source } = this.#options
    const retry = { lease, what: 'watermarks', log, onTrouble }
    return retryTransient(retry, () => source.watermarks(this.#at))
  }
}

interface WriteOptions {
  /** Why its records cannot be read. */
  readonly missing?: MissingCode
  /** Called before the block's last insert. */
  readonly beforeLast?: (() => void) | undefined
}

/** All that is needed of a block's records: from here on their bytes are not read. */
interface Cut {
  readonly block: Block
  readonly crc: number
  readonly context: BlockContext
  readonly outcome: Outcome
  /** When it was worked out, by `monotonicMs`. */
  readonly cutMs?: { readonly begun: number; readonly ended: number }
}

/** Runs `work` while `writing` is under way; nothing is left unawaited if `work` throws. */
async function whileWriting<T>(writing: Promise<void>, work: () => T): Promise<T> {
  try {
    return work()
  } finally {
    await writing
  }
}

/** A batch's bytes are good until it is handled; a pending range may need several batches. */
function copied(record: LogRecord): LogRecord {
  const { key, value } = record
  return { ...record, key: key && Uint8Array.from(key), value: value && Uint8Array.from(value) }
}

export function unproven(at: TopicPartition, progress: Progress): ConfigError {
  return new ConfigError(
    'log-unproven',
    `${at.topic}:${at.partition}: the group's commit is gone and records of the last finished block ` +
      `(${progress.first}-${progress.last}) have expired, so nothing proves that this is the log it ` +
      'came from. Begin a new history: another TTPSTREAM_KAFKA_GROUP and an empty database.',
  )
}

function isTooLarge({ rows }: Outcome): boolean {
  return Object.values(rows).some((of) => of !== undefined && of.length > rowsMax)
}
