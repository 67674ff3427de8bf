import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { MainOptions } from './main.ts'
import { spoolFolder } from './spool.ts'

/** The dev ClickHouse in a process of its own: it ends with this one, and can be killed alone. */
export interface SpawnedClickHouse {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly pid: number
  /** Sends the signal and waits until the process is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Ends it in good order: SIGTERM, then SIGKILL when it takes too long. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const sessionsDefault = 6
/** Threads beside the queries', for files and compression. */
const threadsSpare = 4
/** The library is 546 MB, read from disk the first time. */
const readyMsMax = 120_000
const closeMsMax = 20_000
const stderrMax = 16_384

type Child = ChildProcessByStdio<Writable, Readable, Readable>

export async function spawnDevClickHouse(options: MainOptions): Promise<SpawnedClickHouse> {
  const child = start(options)
  const stderr = tailOf(child.stderr)
  const port = await readPort(child, stderr)
  const exited = child.exitCode === null ? once(child, 'exit') : Promise.resolve()
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await exited
    await rm(spoolFolder(options.dataDir), { recursive: true, force: true })
  }
  const close = async () => {
    const timer = setTimeout(() => child.kill('SIGKILL'), closeMsMax)
    await kill('SIGTERM')
    clearTimeout(timer)
  }
  return {
    url: `http://${options.host ?? '127.0.0.1'}:${port}`,
    pid: child.pid ?? 0,
    kill,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function start(options: MainOptions): Child {
  // This file runs from its source (.ts, by tsx or vitest) or compiled (.js).
  const isSource = import.meta.url.endsWith('.ts')
  const main = fileURLToPath(new URL(isSource ? './main.ts' : './main.js', import.meta.url))
  const loader = isSource
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
    : []
  const threads = (options.sessionsMax ?? sessionsDefault) + threadsSpare
  return spawn(
    process.execPath,
    [...loader, main, JSON.stringify({ endsWithStdin: true, ...options })],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(threads) },
    },
  )
}

async function readPort(child: Child, stderr: () => string): Promise<number> {
  const timer = setTimeout(() => child.kill('SIGKILL'), readyMsMax)
  let line = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    line += String(chunk)
    if (line.includes('\n')) break
  }
  clearTimeout(timer)
  child.stdout.resume()
  const port = /^\{"port":(\d+)\}/.exec(line)?.[1]
  if (port === undefined) {
    child.kill('SIGKILL')
    throw new Error(`the dev ClickHouse did not start: ${stderr() || line || 'it said nothing'}`)
  }
  return Number(port)
}

/** Passes standard error on, and remembers its end for the message of an error. */
function tailOf(stream: Readable): () => string {
  let tail = ''
  stream.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    tail = (tail + chunk.toString()).slice(-stderrMax)
  })
  return () => tail.trim()
}
