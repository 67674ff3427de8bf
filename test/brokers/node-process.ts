import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** The pause lets the server die before its files are taken away. */
const guardScript = 'cat >/dev/null; kill -9 "$1" 2>/dev/null; sleep 1; rm -rf "$2"'

/**
 * One server process of a test cluster. It may not outlive the test, even one that is killed: a
 * shell holds a pipe from us, and when that closes it kills the server and removes `folder`.
 */
export class NodeProcess {
  readonly pid: number
  readonly logFile: string
  readonly #child: ChildProcess
  readonly #guard: ChildProcess
  #ended = false

  constructor(
    command: string,
    args: readonly string[],
    logFile: string,
    folder: string,
    env: NodeJS.ProcessEnv = process.env,
  ) {
    this.logFile = logFile
    const output = openSync(logFile, 'a')
    this.#child = spawn(command, args, { stdio: ['ignore', output, output], env })
    closeSync(output)
    if (this.#child.pid === undefined) throw new Error(`${command} is not there to be run`)
    this.pid = this.#child.pid
    const guardArgs = ['-c', guardScript, 'guard', String(this.pid), folder]
    this.#guard = spawn('sh', guardArgs, { stdio: ['pipe', 'ignore', 'ignore'] })
    this.#child.once('exit', () => {
      this.#ended = true
      this.#guard.kill('SIGKILL')
    })
  }

  get isRunning(): boolean {
    return !this.#ended
  }

  /** Its exit code, or the signal that ended it; null while it runs. */
  get outcome(): number | NodeJS.Signals | null {
    return this.#child.exitCode ?? this.#child.signalCode
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) this.#child.kill(signal)
  }

  /** Asks with `signal`, insists with SIGKILL after `graceMs`. */
  async end(signal: NodeJS.Signals = 'SIGKILL', graceMs = 5_000): Promise<void> {
    if (this.#ended) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    this.#child.kill('SIGCONT')
    const insist = setTimeout(() => this.#child.kill('SIGKILL'), graceMs)
    await ended
    clearTimeout(insist)
  }

  /** The end of what it printed, for the message of an error. */
  tail(): string {
    return readFileSync(this.logFile, 'utf8').slice(-3_000)
  }
}

/**
 * Free TCP ports below the ephemeral range, so that no outgoing connection takes one between our
 * look and the server's bind.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  for (let attempt = 0; ports.length < count; attempt += 1) {
    if (attempt > 1_000) throw new Error(`${count} free ports were not found in 1,000 attempts`)
    const port = randomInt(20_000, 32_000)
    if (!ports.includes(port) && (await isFree(port))) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (free) await new Promise((resolve) => server.close(resolve))
  return free
}
