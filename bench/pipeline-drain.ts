import { setTimeout } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { createClickHouse } from '../cli/clickhouse.ts'
import { portions } from '../cli/portions.ts'
import { peakRssMb } from '../test/process-figures.ts'
import { connectProducer, cpuOf, type EngineSettings, type Stack, send } from './pipeline-stack.ts'
import { stepsBetween, stepsOf } from './pipeline-steps.ts'

/** Preloads the topic, starts `count` engines and measures from the first finished block to the last. */
export async function drain(
  stack: Stack,
  lines: readonly string[],
  settings: EngineSettings,
  count: number,
): Promise<readonly string[]> {
  await preload(stack, lines)
  const clickhouse = createClickHouse(stack.dev.config)
  try {
    const started = Array.from({ length: count }, () => stack.startEngine(settings))
    const engines = await Promise.all(started)
    const pids = engines.map(({ pid }) => pid)
    const mark = async (records: number) => {
      const state = await until(clickhouse, records)
      return { ...state, engine: cpuOf(pids), servers: cpuOf(stack.servers) }
    }
    const first = await mark(1)
    const half = await mark(lines.length / 2)
    const middle = await stepsOf(engines)
    const last = await mark(lines.length)
    const end = await stepsOf(engines)
    const stretch = (from: typeof first, to: typeof first) => {
      const records = to.records - from.records
      const rate = Math.round(records / ((to.atMs - from.atMs) / 1000))
      const cost = (cpu: number) => `${((cpu * 1e6) / records).toFixed(1)} µs`
      return `${rate} events/s; CPU an event: engine ${cost(to.engine - from.engine)}, broker and ClickHouse ${cost(to.servers - from.servers)}`
    }
    return [
      `drain, all of it: ${stretch(first, last)}`,
      `drain, the second half: ${stretch(half, last)}`,
      `${last.blocks} blocks, ${last.tags} tags; peak memory ${pids.map((pid) => Math.round(peakRssMb(pid))).join(', ')} MB`,
      `steps of a block in the second half: ${stepsBetween(middle, end)}`,
    ]
  } finally {
    await clickhouse.close()
  }
}

async function preload({ dev }: Stack, lines: readonly string[]): Promise<void> {
  const producer = await connectProducer(dev)
  let partition = 0
  for (const portion of portions(lines)) {
    await send(producer, partition, portion)
    partition = 1 - partition
  }
  await producer.disconnect()
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
    await setTimeout(150)
  }
  throw new Error(`${records} records were not finished in time`)
}
