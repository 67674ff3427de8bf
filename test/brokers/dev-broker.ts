import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { DevKafkaSettings } from '../../dev/kafka/options.ts'
import type { Broker } from './broker.ts'
import { NodeProcess } from './node-process.ts'

const readyMsMax = 30_000
const main = fileURLToPath(new URL('../../dev/kafka/main.ts', import.meta.url))

/**
 * The dev broker as a process of its own, with a data folder of its own. Records of any age are kept
 * unless a topic or `settings` says otherwise.
 */
export async function startDevBroker(
  settings: Partial<Omit<DevKafkaSettings, 'dataDir' | 'port'>> = {},
): Promise<Broker> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-kafka-'))
  const broker = new DevBroker(folder, {
    retentionMs: Number.POSITIVE_INFINITY,
    retentionCheckMs: 1_000,
    ...settings,
  })
  try {
    await broker.restart()
  } catch (error) {
    await broker.close()
    throw error
  }
  return broker
}

class DevBroker implements Broker {
  readonly name = 'dev broker'
  readonly #folder: string
  readonly #settings: object
  #node: NodeProcess | null = null
  #port = 0
  #starts = 0

  constructor(folder: string, settings: object) {
    this.#folder = folder
    this.#settings = settings
  }

  get bootstrap(): string {
    return `127.0.0.1:${this.#port}`
  }

  get folder(): string {
    return this.#folder
  }

  get pids(): number[] {
    return this.#node?.isRunning ? [this.#node.pid] : []
  }

  kill(signal: NodeJS.Signals): void {
    this.#node?.signal(signal)
  }

  async restart(): Promise<void> {
    await this.#node?.end()
    const dataDir = join(this.#folder, 'data')
    const options = JSON.stringify({ ...this.#settings, dataDir, port: this.#port })
    this.#starts += 1
    const logFile = join(this.#folder, `${this.#starts}.log`)
    const args = ['--import', 'tsx', main, options]
    this.#node = new NodeProcess(process.execPath, args, logFile, this.#folder)
    this.#port = await this.#listening(this.#node)
  }

  async close(): Promise<void> {
    await this.#node?.end('SIGTERM')
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** The port, once it says that it listens. */
  async #listening(node: NodeProcess): Promise<number> {
    const deadline = Date.now() + readyMsMax
    for (;;) {
      const port = /^\{"port":(\d+)\}$/m.exec(node.tail())?.[1]
      if (port !== undefined) return Number(port)
      if (!node.isRunning) throw new Error(`the dev broker ended at its start:\n${node.tail()}`)
      if (Date.now() > deadline) throw new Error(`the dev broker is not ready:\n${node.tail()}`)
      await sleep(20)
    }
  }
}
