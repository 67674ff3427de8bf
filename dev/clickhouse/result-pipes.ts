import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * FIFOs that chDB writes results to by OUTFILE, and Node reads from: a result of any size and format
 * goes through 64 KB of memory, and a slow reader slows the query. chDB's own streams begin on the
 * thread that asks for them: nothing else would be answered while a query is planned.
 */
export class ResultPipes {
  readonly #folder: string
  readonly #idle: string[] = []
  #made = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * What `write` has put into the FIFO whose path it is given, as it comes. What it throws is thrown
   * behind the last chunk. Whoever stops reading waits until `write` has ended: abort it.
   */
  async *read(write: (path: string) => Promise<unknown>): AsyncGenerator<Uint8Array> {
    const path = this.#idle.pop() ?? (await this.#make())
    // A writer waits for ever where nobody reads, and one that fails may begin anew after its end.
    const held = openForReading(path)
    const pipe = new Socket({ fd: openForReading(path), readable: true, writable: false })
    const ended = write(path).then(
      // A reader sees the end when the last writer has gone, but none may ever have come.
      () => closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)),
      (cause: unknown) => {
        // What failed may keep its end open.
        pipe.destroy()
        throw cause
      },
    )
    ended.catch(() => {})
    let isClean = false
    try {
      yield* untilDestroyed(pipe)
      await ended
      isClean = true
    } finally {
      // A writer that nobody reads from could be neither finished nor killed.
      pipe.resume()
      await ended.catch(() => {})
      pipe.destroy()
      closeSync(held)
      if (isClean) this.#idle.push(path)
      else rmSync(path, { force: true })
    }
  }

  async #make(): Promise<string> {
    this.#made += 1
    const path = join(this.#folder, `result-${this.#made}`)
    await promisify(execFile)('mkfifo', ['-m', '600', path])
    return path
  }
}

/** Who destroys a pipe knows why: to its reader it has just ended. */
async function* untilDestroyed(pipe: Socket): AsyncGenerator<Uint8Array> {
  try {
    yield* pipe.iterator({ destroyOnReturn: false })
  } catch (error) {
    if (!pipe.destroyed) throw error
  }
}

/** Does not wait for a writer, who would wait for a reader. */
function openForReading(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
}
