/**
 * One file of a partition: whole record batches end to end, named for its first offset.
 *
 * Contract: a batch is in the file when `append` returns, which a kill of the process cannot undo; a
 * torn tail is cut when the file is opened. Only the last segment is scanned then: a sealed one has
 * its index beside it, and is scanned only if that is missing or does not fit.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../../core/log.ts'
import { decodeLine, encodeLine } from '../checked-line.ts'
import type { Producers, ProducersSnapshot } from './producers.ts'
import {
  type BatchHeader,
  batchBytes,
  batchHeaderBytes,
  lastOffsetOf,
  parseBatch,
} from './record-batch.ts'
import { findRecordTime, type RecordTime } from './record-time.ts'
import { type IndexEntry, indexIntervalBytes, SegmentIndex } from './segment-index.ts'

const scanBytes = 4 * 1024 * 1024

/** What a sealed segment's index file holds. */
interface Seal {
  readonly bytes: number
  readonly nextOffset: number
  readonly maxTimestampMs: number
  readonly index: readonly IndexEntry[]
  /** As they stood at the end of this segment. */
  readonly producers: ProducersSnapshot
}

export class Segment {
  readonly baseOffset: number
  readonly #file: string
  #nextOffset: number
  #bytes = 0
  #maxTimestampMs = -1
  #index = new SegmentIndex()
  /** Open while it is the partition's last; sealed ones are opened for each read. */
  #descriptor: number | null = null

  constructor(folder: string, baseOffset: number) {
    this.baseOffset = baseOffset
    this.#nextOffset = baseOffset
    this.#file = join(folder, `${String(baseOffset).padStart(20, '0')}.log`)
  }

  /** The offset after its last record. */
  get nextOffset(): number {
    return this.#nextOffset
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The latest record time; -1 while it is empty. */
  get maxTimestampMs(): number {
    return this.#maxTimestampMs
  }

  /** Makes the file, so that its name keeps the offset while it is empty. */
  create(): void {
    this.#descriptor ??= openSync(this.#file, 'a+')
  }

  /** Learns what an existing file holds, and tells `producers`. Cuts what is torn. */
  recover(isLast: boolean, producers: Producers, log: Log): void {
    const seal = this.#readSeal()
    if (seal === null) {
      this.#scan(producers, log)
      if (!isLast) this.seal(producers)
      return
    }
    this.#bytes = seal.bytes
    this.#nextOffset = seal.nextOffset
    this.#maxTimestampMs = seal.maxTimestampMs
    this.#index = new SegmentIndex(seal.index)
    producers.restore(seal.producers)
  }

  /** `batch` is placed already: its base offset is this segment's next. Throws when the disk does. */
  append(batch: Buffer, header: BatchHeader): void {
    this.#descriptor ??= openSync(this.#file, 'a+')
    try {
      for (let at = 0; at < batch.length; ) at += writeSync(this.#descriptor, batch, at)
    } catch (error) {
      // A disk that is full took a part of it: the next batch must not stand behind that.
      ftruncateSync(this.#descriptor, this.#bytes)
      throw error
    }
    this.#add(header)
  }

  /**
   * Whole batches, from the one that holds `offset` on, of at most `bytesMax` together; with
   * `atLeastOne` the first may be larger. Empty where `offset` is past the end.
   */
  read(offset: number, bytesMax: number, atLeastOne: boolean): Buffer {
    if (offset >= this.#nextOffset) return Buffer.alloc(0)
    return this.#withDescriptor((descriptor) => {
      const position = this.#index.positionOf(offset)
      const ahead = Math.max(0, bytesMax) + indexIntervalBytes + batchHeaderBytes
      const chunk = this.#readAt(descriptor, position, ahead)
      const from = skipTo(chunk, (at) => lastOffsetOf(chunk, at) >= offset)
      const until = Math.min(chunk.length, from + bytesMax)
      let end = from
      for (let next = endOfBatch(chunk, end); next <= until; next = endOfBatch(chunk, end)) {
        end = next
      }
      if (end > from || !atLeastOne) return chunk.subarray(from, end)
      return this.#readAt(descriptor, position + from, batchBytes(chunk, from))
    })
  }

  /** The first record from `startOffset` on that is at or after `timestampMs`, if there is one. */
  findTime(timestampMs: number, startOffset: number): RecordTime | null {
    if (this.#maxTimestampMs < timestampMs || this.#nextOffset <= startOffset) return null
    return this.#withDescriptor((descriptor) => {
      const byTime = this.#index.positionAtTime(timestampMs)
      let position = Math.max(byTime, this.#index.positionOf(startOffset))
      for (;;) {
        const head = this.#readAt(descriptor, position, batchHeaderBytes)
        const batch = this.#readAt(descriptor, position, batchBytes(head, 0))
        const header = parseBatch(batch)
        if (header === null) return null
        const found =
          header.maxTimestampMs < timestampMs
            ? null
            : findRecordTime(batch, header, timestampMs, startOffset)
        if (found !== null) return found
        position += header.bytes
      }
    })
  }

  /** No batch is added after this. */
  seal(producers: Producers): void {
    const seal: Seal = {
      bytes: this.#bytes,
      nextOffset: this.#nextOffset,
      maxTimestampMs: this.#maxTimestampMs,
      index: this.#index.entries,
      producers: producers.snapshot(),
    }
    writeFileSync(this.#sealFile, encodeLine(seal))
    this.close()
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor)
    this.#descriptor = null
  }

  remove(): void {
    this.close()
    rmSync(this.#file, { force: true })
    rmSync(this.#sealFile, { force: true })
  }

  get #sealFile(): string {
    return `${this.#file.slice(0, -'.log'.length)}.index`
  }

  #readSeal(): Seal | null {
    try {
      const line = decodeLine(readFileSync(this.#sealFile, 'utf8').trimEnd())
      // The checksum says that `seal` wrote it, so it has that shape.
      const seal = line?.value as Seal | undefined
      const bytes = this.#withDescriptor((descriptor) => fstatSync(descriptor).size)
      return seal?.bytes === bytes ? seal : null
    } catch {
      return null
    }
  }

  #scan(producers: Producers, log: Log): void {
    this.#descriptor = openSync(this.#file, 'a+')
    const size = fstatSync(this.#descriptor).size
    let chunkBytes = scanBytes
    for (;;) {
      const chunk = this.#readAt(this.#descriptor, this.#bytes, chunkBytes, size)
      let at = 0
      for (;;) {
        const header = parseBatch(chunk, at)
        if (header === null || header.baseOffset < this.#nextOffset) break
        this.#add(header)
        producers.record(header)
        at += header.bytes
      }
      if (at > 0) continue
      const wanted = batchBytes(chunk, 0)
      if (wanted <= chunk.length || this.#bytes + wanted > size) break
      chunkBytes = wanted
    }
    if (this.#bytes === size) return
    log.warn(
      { file: this.#file, keptBytes: this.#bytes, cutBytes: size - this.#bytes },
      'torn tail',
    )
    ftruncateSync(this.#descriptor, this.#bytes)
  }

  #add(header: BatchHeader): void {
    this.#index.add({
      offset: header.baseOffset,
      position: this.#bytes,
      maxTimestampBeforeMs: this.#maxTimestampMs,
    })
    this.#bytes += header.bytes
    this.#nextOffset = header.lastOffset + 1
    this.#maxTimestampMs = Math.max(this.#maxTimestampMs, header.maxTimestampMs)
  }

  #withDescriptor<Result>(use: (descriptor: number) => Result): Result {
    if (this.#descriptor !== null) return use(this.#descriptor)
    const descriptor = openSync(this.#file, 'r')
    try {
      return use(descriptor)
    } finally {
      closeSync(descriptor)
    }
  }

  #readAt(descriptor: number, position: number, bytesMax: number, size = this.#bytes): Buffer {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(bytesMax, size - position)))
    let filled = 0
    while (filled < buffer.length) {
      const read = readSync(descriptor, buffer, filled, buffer.length - filled, position + filled)
      if (read === 0) break
      filled += read
    }
    return buffer.subarray(0, filled)
  }
}

/** The position in `chunk` of the first batch for which `isWanted` holds. */
function skipTo(chunk: Buffer, isWanted: (at: number) => boolean): number {
  let at = 0
  while (at + batchHeaderBytes <= chunk.length && !isWanted(at)) at = endOfBatch(chunk, at)
  return Math.min(at, chunk.length)
}

/** Infinity where no header is left. */
function endOfBatch(chunk: Buffer, at: number): number {
  const bytes = batchBytes(chunk, at)
  return bytes === 0 ? Number.POSITIVE_INFINITY : at + bytes
}
