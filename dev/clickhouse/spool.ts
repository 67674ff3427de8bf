import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { exception } from './exception.ts'

/**
 * Files between HTTP and chDB, in memory (/dev/shm) where there is such a thing: chDB reads an
 * insert's rows by INFILE and writes a result by OUTFILE five times faster than through its API.
 *
 * The folder is named for the data directory, of which one process is the owner, so what a killed
 * process left behind is removed by the next one.
 */
export class Spool {
  readonly #folder: string
  readonly #bytesMax: number
  #bytes = 0
  #files = 0

  constructor(dataDir: string, bytesMax: number) {
    this.#folder = spoolFolder(dataDir)
    this.#bytesMax = bytesMax
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
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
   * spooled bodies together would be larger than `bytesMax`.
   */
  async withBody<T>(
    head: Uint8Array,
    rest: AsyncIterable<Uint8Array> | undefined,
    work: (path: string) => Promise<T>,
  ): Promise<T> {
    let bytes = 0
    const reserve = (size: number) => {
      if (this.#bytes + size > this.#bytesMax) {
        const why = `The spool of ${this.#bytesMax} bytes is full: send smaller inserts, or fewer at a time`
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
