/**
 * The broker's small state (topics, groups, committed offsets) as an append-only file of checked lines.
 *
 * Contract: an entry is in the file when `append` returns, which a kill of the process cannot undo;
 * opening cuts a torn tail; the file is rewritten from a snapshot when it has grown to four times that,
 * by one rename, so it is whole at every moment.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import type { Log } from '../../core/log.ts'
import { decodeLine, encodeLine } from './checked-line.ts'

/** Below it a rewrite is not worth its while. */
const compactBytesMin = 1024 * 1024

export class StateLog<Entry> {
  readonly #file: string
  #descriptor: number
  #bytes: number
  #compactAt = compactBytesMin

  private constructor(file: string, bytes: number) {
    this.#file = file
    this.#bytes = bytes
    this.#descriptor = openSync(file, 'a')
    ftruncateSync(this.#descriptor, bytes)
  }

  /** Hands every entry of the file to `replay`, in order. */
  static open<Entry>(file: string, replay: (entry: Entry) => void, log: Log): StateLog<Entry> {
    const content = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
    let bytes = 0
    for (;;) {
      const end = content.indexOf(10, bytes)
      if (end < 0) break
      const line = decodeLine(content.toString('utf8', bytes, end))
      if (line === null) break
      // The checksum says that `append` wrote it, so it is an entry.
      replay(line.value as Entry)
      bytes = end + 1
    }
    if (bytes < content.length) {
      log.warn({ file, keptBytes: bytes, cutBytes: content.length - bytes }, 'torn tail')
    }
    return new StateLog<Entry>(file, bytes)
  }

  append(entries: readonly Entry[]): void {
    if (entries.length === 0) return
    const lines = Buffer.from(entries.map((entry) => encodeLine(entry)).join(''))
    try {
      for (let at = 0; at < lines.length; ) at += writeSync(this.#descriptor, lines, at)
    } catch (error) {
      ftruncateSync(this.#descriptor, this.#bytes)
      throw error
    }
    this.#bytes += lines.length
  }

  /** Rewrites the file when it has grown enough; `snapshot` gives what it should then hold. */
  compact(snapshot: () => readonly Entry[]): void {
    if (this.#bytes < this.#compactAt) return
    const lines = snapshot()
      .map((entry) => encodeLine(entry))
      .join('')
    const fresh = `${this.#file}.new`
    writeFileSync(fresh, lines)
    const descriptor = openSync(fresh, 'a')
    fsyncSync(descriptor)
    renameSync(fresh, this.#file)
    closeSync(this.#descriptor)
    this.#descriptor = descriptor
    this.#bytes = Buffer.byteLength(lines)
    this.#compactAt = Math.max(compactBytesMin, 4 * this.#bytes)
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}
