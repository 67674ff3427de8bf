/** The processes of one measurement: broker and ClickHouse of the development stack, and engines as they are shipped. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { portions } from '../cli/portions.ts'
import { freePort } from '../cli/ports.ts'
import { names } from '../core/config.ts'
import { childrenOf, cpuSeconds } from '../test/process-figures.ts'

export interface EngineSettings {
  readonly environment: Readonly<Record<string, string>>
  readonly nodeOptions: readonly string[]
}

export interface Engine {
  readonly pid: number
  /** Its metrics in Prometheus's text format. */
  metrics(): Promise<string>
}

export interface Stack {
  readonly dev: DevStack
  /** Broker and ClickHouse. */
  readonly servers: readonly number[]
  /** It is stopped with the stack. */
  startEngine(settings: EngineSettings): Promise<Engine>
}

/** Runs `work` on servers of its own; whatever it throws, no process is left. */
export async function withStack(work: (stack: Stack) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-bench-'))
  const engines: ChildProcess[] = []
  const before = childrenOf(process.pid)
  const dev = await startDevStack({ dataDir, hasUsualPorts: false })
  const servers = childrenOf(process.pid).filter((pid) => !before.includes(pid))
  const startEngine = async (settings: EngineSettings): Promise<Engine> => {
    const port = await freePort(0)
    const engine = spawnEngine(dev, settings, port)
    engines.push(engine)
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    return { pid: engine.pid ?? 0, metrics }
  }
  try {
    await work({ dev, servers, startEngine })
  } finally {
    await Promise.all(engines.map(stop))
    await dev.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

export async function connectProducer({ kafka }: DevStack): Promise<Producer> {
  const producer = new Kafka({ brokers: [kafka], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  return producer
}

/** Sends to one of the two partitions, in as many calls as it takes. */
export async function send(
  producer: Producer,
  partition: number,
  lines: readonly string[],
): Promise<void> {
  for (const portion of portions(lines)) {
    const messages = portion.map((value) => ({ value, partition }))
    await producer.send({ topic: 'ttp.commands', acks: 1, messages })
  }
}

function spawnEngine({ config }: DevStack, settings: EngineSettings, port: number): ChildProcess {
  const main = new URL('../dist/cli/main.js', import.meta.url).pathname
  const environment = Object.fromEntries(names().map((name) => [name, config.text(name)]))
  const engine = spawn(process.execPath, [...settings.nodeOptions, main, 'run'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...environment,
      ...settings.environment,
      TTPSTREAM_API_PORT: String(port),
      TTPSTREAM_LOG_LEVEL: 'error',
    },
  })
  engine.once('exit', (code) => {
    if (code !== 0) process.stderr.write(`the engine ended with ${code}\n`)
  })
  return engine
}

async function stop(engine: ChildProcess): Promise<void> {
  if (engine.exitCode !== null || engine.signalCode !== null) return
  const exited = once(engine, 'exit')
  engine.kill('SIGTERM')
  await exited
}
