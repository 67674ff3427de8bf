/**
 * Ten times what one engine holds, for a minute. What it holds is made small, so that the load fits
 * this machine: blocks are small, and every request to ClickHouse takes so long that the engine does
 * about a tenth of what it does when all is well. Both speeds are measured, ten times the smaller is
 * sent, poison among it, and when ClickHouse is well again the lag has to be gone within one and a
 * half times the overload, at no less than six tenths of full speed. All the while the group
 * is asked whether it stands; joins, memory and the longest standstill of a partition are printed.
 */

import { setTimeout } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { until } from '../delivery/until.ts'
import { peakRssMb } from '../process-figures.ts'
import { runAlone } from './alone.ts'
import type { BrokerKind } from './fault-servers.ts'
import type { Member } from './fleet.ts'
import { recordsPerCommand } from './load.ts'
import { type LogEntry, readLogIn, select } from './oracle.ts'
import { poisonMessages } from './poison.ts'
import type { Round } from './round.ts'
import type { Counts } from './rounds.ts'

const overloadFactor = 10
/** Blocks end by the hundred records and partitions wait their turn: a short look at it is off by half. */
const heldMs = 60_000
const fullMs = 15_000
const settleMs = 5_000
/** Each tick of the load, before the overload: more than the engine takes in, slow or well. */
const heldCommands = 80
const fullCommands = 500
const delayMs = 600
/** As much as the limit asks of a lag that ten times a tenth of full speed has left. */
const fullSpeedPart = 0.6
const rssMbMax = 400
const joinsMax = 2
const drainPartMax = 1.5
const tickMs = 200
const settings = {
  TTPSTREAM_KAFKA_SESSION_MS: '6000',
  TTPSTREAM_BLOCK_RECORDS_MAX: '200',
  // An answer of Kafka holds as many blocks as it does with the settings that ship: a few.
  TTPSTREAM_FETCH_BYTES_MAX: '262144',
  // A burst of matches is what this is.
  TTPSTREAM_QUARANTINE_MATCHES: '10000000',
}

export async function runOverload(
  kind: BrokerKind,
  seconds: number,
  counts: Counts,
): Promise<void> {
  await runAlone(kind, 'overload', settings, counts, (round, broker) =>
    overload(round, seconds, broker),
  )
}

async function overload(round: Round, seconds: number, name: string): Promise<string[]> {
  const member = round.fleet.start()
  await round.begun()
  const watch = new Watch(round, member)
  watch.start()
  const full = await speed(round, fullCommands, fullMs)
  await until('all of it to be taken in', () => round.isFinished(), 60_000, tickMs)
  round.slowClickHouse(delayMs)
  const held = await speed(round, heldCommands, heldMs)
  say(`one engine holds ${held.toFixed(0)} records/s; ${full.toFixed(0)} when all is well`)
  const records = (held * overloadFactor * tickMs) / 1_000
  const commands = Math.ceil(records / recordsPerCommand(round.topics))

  const [recordsBefore, begun] = [await producedRecords(round), Date.now()]
  round.load.start({ records: commands, everyMs: tickMs }, poisonMessages)
  await setTimeout(seconds * 1_000)
  await round.load.end()
  const overloadSeconds = (Date.now() - begun) / 1_000
  const offered = ((await producedRecords(round)) - recordsBefore) / overloadSeconds
  const lag = (await producedRecords(round)) - (await finishedRecords(round))
  say(`${Math.round(offered)} records/s for ${overloadSeconds.toFixed(0)} s: a lag of ${lag}`)
  round.slowClickHouse(0)
  const wellAt = Date.now()
  await until('the lag to be gone', () => round.isFinished(), 10 * overloadSeconds * 1_000, tickMs)
  const drainSeconds = (Date.now() - wellAt) / 1_000
  const drained = lag / drainSeconds
  say(`gone after ${drainSeconds.toFixed(1)} s; ${watch.text()}`)
  await watch.end()
  const found = [...watch.complaints(), ...(await round.drain())]
  const log = await readLogIn(round.kafka, round.topics)
  found.push(...(await round.judge(log)).found)
  if (drainSeconds > drainPartMax * overloadSeconds) found.push(`the lag took ${drainSeconds} s`)
  if (drained < fullSpeedPart * full) found.push(`it took in ${drained.toFixed(0)} records/s of it`)
  process.stdout.write(
    `${found.length === 0 ? 'ok  ' : 'FAIL'} ${name}: it holds ${held.toFixed(0)} records/s, ${full.toFixed(0)} when well; ` +
      `${offered.toFixed(0)}/s (×${(offered / held).toFixed(1)}) for ${overloadSeconds.toFixed(0)} s; ` +
      `lag ${lag}, gone ${drainSeconds.toFixed(1)} s after ` +
      `(×${(drainSeconds / overloadSeconds).toFixed(2)}, ${drained.toFixed(0)}/s); ${watch.text()}; ${biggest(log)}\n`,
  )
  return found
}

/** Records that are finished in a second, of a load that is more than that. */
async function speed(round: Round, commands: number, ms: number): Promise<number> {
  round.load.start({ records: commands, everyMs: tickMs })
  await setTimeout(settleMs)
  const before = await finishedRecords(round)
  await setTimeout(ms)
  const after = await finishedRecords(round)
  await round.load.end()
  return ((after - before) * 1_000) / ms
}

function say(text: string): void {
  process.stdout.write(`     ${text}\n`)
}

function biggest(log: readonly LogEntry[]): string {
  const bytes = log.reduce((most, { value }) => Math.max(most, value?.byteLength ?? 0), 0)
  return `${log.length} records, the largest of ${Math.round(bytes / 1_024)} KB`
}

async function finishedRecords({ clickhouse }: Round): Promise<number> {
  const query = 'SELECT sum(records) AS records FROM ingest_progress'
  const [row] = await select<{ records: number }>(clickhouse, query)
  return row?.records ?? 0
}

async function producedRecords({ admin, topics }: Round): Promise<number> {
  let records = 0
  for (const topic of [topics.commands, topics.alerts, topics.tests, topics.catalog]) {
    for (const { high } of await admin.fetchTopicOffsets(topic)) records += Number(high)
  }
  return records
}

/** Once a second: does the group stand, is every partition that has a lag moving, what does it take? */
class Watch {
  readonly #round: Round
  readonly #member: Member
  readonly #states = new Map<string, number>()
  readonly #moved = new Map<string, { last: number; atMs: number }>()
  #standstillMs = 0
  #isEnding = false
  #running: Promise<void> = Promise.resolve()
  #peakRssMb = 0

  constructor(round: Round, member: Member) {
    this.#round = round
    this.#member = member
  }

  start(): void {
    this.#running = this.#run()
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#running
  }

  text(): string {
    const states = [...this.#states].map(([state, count]) => `${state} ${count}×`).join(', ')
    return (
      `group ${states}; ${this.#joins()} joins; longest standstill of a partition ` +
      `${(this.#standstillMs / 1_000).toFixed(1)} s; peak RSS ${Math.round(this.#peakRssMb)} MB`
    )
  }

  complaints(): string[] {
    const found: string[] = []
    if (this.#joins() > joinsMax) found.push(`${this.#joins()} joins`)
    if (this.#peakRssMb > rssMbMax) found.push(`a peak RSS of ${this.#peakRssMb} MB`)
    const unstable = [...this.#states].filter(([state]) => state !== 'Stable')
    for (const [state, count] of unstable) found.push(`the group was ${state} ${count} times`)
    return found
  }

  #joins(): number {
    const lines = this.#member.log.split('\n')
    const catalog = `"topic":"${this.#round.topics.catalog}"`
    return lines.filter((line) => line.includes('partition assigned') && line.includes(catalog))
      .length
  }

  async #run(): Promise<void> {
    while (!this.#isEnding) {
      const { groups } = await this.#round.admin.describeGroups([this.#round.group])
      const state = groups[0]?.state ?? 'gone'
      this.#states.set(state, (this.#states.get(state) ?? 0) + 1)
      this.#peakRssMb = peakRssMb(this.#member.pid)
      await this.#lookForStandstill(this.#round.admin)
      await setTimeout(1_000)
    }
  }

  async #lookForStandstill(admin: Admin): Promise<void> {
    const { topics, clickhouse } = this.#round
    const rows = await select<{ topic: string; partition: number; last: number }>(
      clickhouse,
      'SELECT topic, partition, max(last_offset) AS last FROM ingest_progress GROUP BY ALL',
    )
    for (const topic of [topics.commands, topics.alerts, topics.tests, topics.catalog]) {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        const key = `${topic}:${partition}`
        const row = rows.find((one) => one.topic === topic && one.partition === partition)
        const last = row?.last ?? -1
        const moved = this.#moved.get(key)
        const hasLag = last < Number(high) - 1
        if (moved === undefined || moved.last !== last || !hasLag) {
          this.#moved.set(key, { last, atMs: Date.now() })
        } else {
          this.#standstillMs = Math.max(this.#standstillMs, Date.now() - moved.atMs)
        }
      }
    }
  }
}
