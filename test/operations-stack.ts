/**
 * A running product for tests of its operation: dev broker, ClickHouse, one engine with its API, and
 * the CLI as processes of its own. Every stack has folders and ports of its own.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { Kafka, logLevel } from 'kafkajs'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import type { Broker } from './brokers/broker.ts'
import { startDevBroker } from './brokers/dev-broker.ts'

export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface OperationsStack {
  readonly kafka: Kafka
  readonly clickhouse: ClickHouseClient
  readonly api: string
  /** The folder of the rules in force. */
  readonly rules: string
  /** The settings of every process. */
  readonly environment: Readonly<Record<string, string | undefined>>
  cli(...words: string[]): Promise<CliResult>
  /** Rows of a question in SQL, 64-bit integers as numbers. */
  rows<Row>(sql: string): Promise<Row[]>
  writeRule(name: string, text: string): void
  /** A setting of every process that is started from now on. */
  set(name: string, value: string): void
  /** Sends values to one partition; resolves to the first one's offset. */
  send(topic: string, values: readonly (string | Buffer)[], partition?: number): Promise<number>
  /** The engine's metrics: `name label="value" …`, labels in order of name, sources left out. */
  metrics(): Promise<ReadonlyMap<string, number>>
  /** They answer nothing until they are thawed. */
  freezeClickHouse(isFrozen: boolean): void
  freezeKafka(isFrozen: boolean): void
  startEngine(): Promise<void>
  /** Resolves as soon as it has said that it starts. */
  beginEngine(): Promise<void>
  stopEngine(): Promise<void>
  /** Resolves when the engine has finished everything in the input topics. */
  finished(): Promise<void>
  close(): Promise<void>
}

const main = new URL('../cli/main.ts', import.meta.url).pathname
const inputs = ['ttp.commands', 'ttp.alerts', 'ttp.tests', 'ttp.catalog']
const waitMs = 30_000

export async function startOperationsStack(): Promise<OperationsStack> {
  const folder = mkdtempSync(join(tmpdir(), 'ttpstream-operations-'))
  const rules = join(folder, 'rules')
  mkdirSync(rules)
  const [broker, server] = await Promise.all([
    startDevBroker(),
    spawnDevClickHouse({ dataDir: join(folder, 'clickhouse'), port: 0 }),
  ])
  return new Stack(folder, rules, broker, server)
}

class Stack implements OperationsStack {
  readonly kafka: Kafka
  readonly clickhouse: ClickHouseClient
  api = ''
  readonly #folder: string
  readonly rules: string
  readonly #broker: Broker
  readonly #server: SpawnedClickHouse
  readonly environment: NodeJS.ProcessEnv
  #engine: ChildProcess | null = null
  #log = ''

  constructor(folder: string, rules: string, broker: Broker, server: SpawnedClickHouse) {
    this.#folder = folder
    this.rules = rules
    this.#broker = broker
    this.#server = server
    this.kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING })
    this.clickhouse = createClient({ url: server.url, database: 'ttpstream' })
    this.environment = {
      ...process.env,
      TTPSTREAM_KAFKA_BROKERS: broker.bootstrap,
      TTPSTREAM_KAFKA_CREATE_TOPICS: 'true',
      TTPSTREAM_KAFKA_SESSION_MS: '6000',
      TTPSTREAM_CLICKHOUSE_URL: server.url,
      TTPSTREAM_RULES: rules,
      TTPSTREAM_API_PORT: '0',
      TTPSTREAM_LINGER_MS: '10',
    }
  }

  cli(...words: string[]): Promise<CliResult> {
    return new Promise((resolve) => {
      const args = ['--import', 'tsx', main, ...words]
      const options = { env: this.environment, maxBuffer: 16 << 20 }
      execFile(process.execPath, args, options, (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, out, err })
      })
    })
  }

  async rows<Row>(sql: string): Promise<Row[]> {
    const answer = await this.clickhouse.query({
      query: sql,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    return answer.json<Row>()
  }

  writeRule(name: string, text: string): void {
    writeFileSync(join(this.rules, name), text)
  }

  set(name: string, value: string): void {
    this.environment[name] = value
  }

  async send(topic: string, values: readonly (string | Buffer)[], partition = 0): Promise<number> {
    const producer = this.kafka.producer()
    await producer.connect()
    try {
      const messages = values.map((value) => ({ partition, value }))
      const [sent] = await producer.send({ topic, acks: -1, messages })
      return Number(sent?.baseOffset)
    } finally {
      await producer.disconnect()
    }
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.api}/metrics`)).text()
    const lines = text.matchAll(/^(ttpstream_[a-z_]+)(?:\{(.*)\})? (\S+)$/gm)
    return new Map(
      [...lines].map(([, name = '', labels = '', value]) => {
        const parts = [...labels.matchAll(/[a-z]+="[^"]*"/g)].map(([label]) => label)
        const shown = parts.filter((label) => !label.startsWith('source=')).sort()
        return [[name, ...shown].join(' '), Number(value)]
      }),
    )
  }

  freezeClickHouse(isFrozen: boolean): void {
    process.kill(this.#server.pid, isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  freezeKafka(isFrozen: boolean): void {
    this.#broker.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  async startEngine(): Promise<void> {
    const engine = this.#spawnEngine()
    await this.#until('the engine', async () => {
      if (engine.exitCode !== null) throw new Error(`the engine ended:\n${this.#log}`)
      this.api = /"api":"(http[^"]+)"/.exec(this.#log)?.[1] ?? ''
      return this.api !== '' && (await fetch(`${this.api}/health/ready`)).ok
    })
  }

  async beginEngine(): Promise<void> {
    this.#spawnEngine()
    await this.#until('the engine to begin', async () => this.#log.includes('"msg":"starting"'))
  }

  #spawnEngine(): ChildProcess {
    this.#log = ''
    const engine = spawn(process.execPath, ['--import', 'tsx', main, 'run', '--migrate'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: this.environment,
    })
    engine.stderr?.on('data', (chunk) => {
      this.#log += String(chunk)
    })
    this.#engine = engine
    return engine
  }

  async stopEngine(): Promise<void> {
    const engine = this.#engine
    if (engine === null || engine.exitCode !== null || engine.signalCode !== null) return
    const exited = once(engine, 'exit')
    engine.kill('SIGTERM')
    const [code] = await exited
    this.#engine = null
    if (code !== 0) throw new Error(`the engine ended with ${code}:\n${this.#log}`)
  }

  async finished(): Promise<void> {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      await this.#until('the engine to finish', async () => {
        const rows = await this.rows<{ topic: string; partition: number; last: number }>(
          'SELECT topic, partition, max(last_offset) AS last FROM ingest_progress GROUP BY ALL',
        )
        const last = new Map(rows.map((row) => [`${row.topic}:${row.partition}`, row.last]))
        for (const topic of inputs) {
          for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
            if (Number(high) > 0 && (last.get(`${topic}:${partition}`) ?? -1) < Number(high) - 1) {
              return false
            }
          }
        }
        return true
      })
    } finally {
      await admin.disconnect()
    }
  }

  async close(): Promise<void> {
    this.freezeClickHouse(false)
    this.freezeKafka(false)
    await this.stopEngine()
    await this.clickhouse.close()
    await Promise.all([this.#server.close(), this.#broker.close()])
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + waitMs
    while (!(await holds())) {
      if (Date.now() > end) throw new Error(`waited 30 s for ${what}:\n${this.#log.slice(-2_000)}`)
      await setTimeout(25)
    }
  }
}

/** A native rule that tags commands with a word. */
export function wordRule(id: string, technique: string, word: string, version = 1): string {
  return `rule_id: ${id}
rule_version: ${version}
name: A word
applies_to: [command]
match:
  pattern: '${word}'
emits:
  - technique_id: ${technique}
    tactic: TA0007
    confidence: 0.8
evidence_fields: [command_text]
`
}

export function command(text: string, members: object = {}): string {
  return JSON.stringify({
    kind: 'command',
    host: 'h1',
    session_id: 's1',
    command_text: text,
    ...members,
  })
}
