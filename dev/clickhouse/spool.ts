import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { exception } from './exception.ts'
import { ResultPipes } from './result-pipes.ts'

export interface SpoolLimits {
  /** Of all bodies that are being inserted together. */
  readonly bodiesBytesMax: number
  /** Of one result that its client wants whole. Looked at from time to time, so it is overshot by what is written meanwhile. */
  readonly resultBytesMax: number
}

const watchMs = 50

/**
 * Files between HTTP and chDB, in memory (/dev/shm) where there is such a thing: chDB reads an
 * insert's rows by INFILE and writes a result by OUTFILE five times faster than through its API.
 *
 * The folder is named for the data directory, of which one process is the owner, so what a killed
 * process left behind is removed by the next one.
 */
export class Spool {
  readonly pipes: ResultPipes
  readonly #folder: string
  readonly #limits: SpoolLimits
  #bytes = 0
  #files = 0

  constructor(dataDir: string, limits: SpoolLimits) {
    this.#folder = spoolFolder(dataDir)
    this.#limits = limits
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.pipes = new ResultPipes(this.#folder)
  }

  /** Runs `work` with the path of a file that does not exist yet, and removes the file afterwards. */
  async withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
    this.#files += 1
    const path = join(this.#folder, `${this.#files}`)
    try {
      return await work(path)
    } finally {
      await rm(path, { force: true })
    }
  }

  /**
   * Runs `work` with a file that holds `head` and what follows. Throws NOT_ENOUGH_SPACE when all
   * spooled bodies together would be larger than their limit.
   */
  async withBody<T>(
    head: Uint8Array,
    rest: AsyncIterable<Uint8Array> | undefined,
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    let bytes = 0
    const reserve = (size: number) => {
      const { bodiesBytesMax } = this.#limits
      if (this.#bytes + size > bodiesBytesMax) {
        const why = `The spool of ${bodiesBytesMax} bytes is full: send smaller inserts, or fewer at a time`
        throw exception('NOT_ENOUGH_SPACE', why)
      }
      this.#bytes += size
      bytes += size
    }
    try {
      return await this.withFile(async (path) => {
        reserve(head.length)
        // A write to memory is over sooner than a thread of the pool would have begun it.
        writeFileSync(path, head)
        if (rest !== undefined) await append(path, rest, reserve)
        return await work(path)
      })
    } finally {
      this.#bytes -= bytes
    }
  }

  /**
   * Runs `work` with the path of a file to write, and aborts its signal when the file has become too
   * large: that is then thrown as NOT_ENOUGH_SPACE.
   */
  async withResult<T>(work: (path: string, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { resultBytesMax } = this.#limits
    const full = new AbortController()
    return await this.withFile(async (path) => {
      const timer = setInterval(() => {
        const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 }
        if (size > resultBytesMax) full.abort()
      }, watchMs)
      try {
        return await work(path, full.signal)
      } catch (error) {
        if (!full.signal.aborted) throw error
        const why = `The result is larger than ${resultBytesMax} bytes: ask for a format that can be streamed, such as JSONEachRow`
        throw exception('NOT_ENOUGH_SPACE', why)
      } finally {
        clearInterval(timer)
      }
    })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export function spoolFolder(dataDir: string): string {
  const hash = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)
  return join(memoryFolder(), `ttpstream-clickhouse-${hash}`)
}

async function append(
  path: string,
  rest: AsyncIterable<Uint8Array>,
  reserve: (size: number) => void,
): Promise<void> {
  await using file = await open(path, 'a')
  for await (const chunk of rest) {
    reserve(chunk.length)
    await file.appendFile(chunk)
  }
}

function memoryFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}
