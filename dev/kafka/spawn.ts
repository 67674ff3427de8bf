import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { DevKafkaSettings } from './options.ts'

/** The dev broker in a process of its own: it ends with this one. */
export interface SpawnedKafka {
  /** `127.0.0.1:port`. */
  readonly bootstrap: string
  readonly pid: number
  /** SIGTERM, then SIGKILL when it takes too long. */
  close(): Promise<void>
}

const readyMsMax = 30_000
const closeMsMax = 10_000

export async function spawnDevKafka(
  settings: Partial<DevKafkaSettings> & Pick<DevKafkaSettings, 'dataDir'>,
): Promise<SpawnedKafka> {
  // This file runs from its source (.ts, by tsx) or compiled (.js).
  const isSource = import.meta.url.endsWith('.ts')
  const main = fileURLToPath(new URL(isSource ? './main.ts' : './main.js', import.meta.url))
  const loader = isSource
    ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href]
    : []
  const options = JSON.stringify({ ...settings, endsWithStdin: true })
  const child = spawn(process.execPath, [...loader, main, options], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for who started it: that one closes it in its own time.
    detached: true,
  })
  const port = await readPort(child)
  return {
    bootstrap: `127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), closeMsMax)
      child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
    },
  }
}

async function readPort(child: ChildProcess): Promise<number> {
  const timer = setTimeout(() => child.kill('SIGKILL'), readyMsMax)
  let line = ''
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    line += String(chunk)
    if (line.includes('\n')) break
  }
  clearTimeout(timer)
  const port = /^\{"port":(\d+)\}/.exec(line)?.[1]
  if (port !== undefined) return Number(port)
  child.kill('SIGKILL')
  throw new Error(`the dev broker did not start: ${line || 'it said nothing'}`)
}
