/**
 * Three engines are restarted one after another under load, as a deployment does it: asked to end,
 * waited for, started again, waited for until ready. No record may be readable later than ten seconds
 * after it was produced, and the oracle holds.
 */

import { setTimeout } from 'node:timers/promises'
import { until } from '../delivery/until.ts'
import { runAlone } from './alone.ts'
import type { BrokerKind } from './fault-servers.ts'
import type { Member } from './fleet.ts'
import { readLogIn } from './oracle.ts'
import { quantile, Readability } from './readability.ts'
import type { Round } from './round.ts'
import type { Counts } from './rounds.ts'

const members = 3
const delayMsMax = 10_000
const pace = { records: 40, everyMs: 200 }
const pollMs = 250
/** Between one member's restart and the next. */
const pauseMs = 1_000
const readyMsMax = 60_000
/** The product's own, but for what the round needs. */
const settings = { TTPSTREAM_KAFKA_SESSION_MS: '30000', TTPSTREAM_BLOCK_RECORDS_MAX: '10000' }

export async function runRolling(kind: BrokerKind, counts: Counts): Promise<void> {
  await runAlone(kind, 'rolling', settings, counts, restartAll)
}

async function restartAll(round: Round, name: string): Promise<string[]> {
  const { fleet, load, clickhouse } = round
  for (let count = 0; count < members; count += 1) fleet.start()
  await Promise.all(fleet.members.map(untilReady))
  const readability = new Readability(clickhouse)
  readability.start(pollMs)
  load.start(pace)
  const begun = Date.now()
  for (const member of [...fleet.members]) {
    await setTimeout(pauseMs)
    member.leave()
    await member.ended()
    await untilReady(fleet.start())
  }
  await setTimeout(pauseMs)
  await load.end()
  const seconds = (Date.now() - begun) / 1_000
  await until('every block to be finished', () => round.isFinished(), readyMsMax, pollMs)
  // The members' own records may come last of all: what is on the log now is waited for as long as it may take.
  const log = await readLogIn(round.kafka, round.topics)
  const isSeen = () => readability.delays(log).every(Number.isFinite)
  for (let leftMs = delayMsMax; leftMs > 0 && !isSeen(); leftMs -= pollMs) await setTimeout(pollMs)
  await readability.end()
  const delays = readability.delays(log).toSorted((a, b) => a - b)
  const drained = await round.drain()
  const { found } = await round.judge()
  const [median, most, worst] = [0.5, 0.99, 1].map((part) => quantile(delays, part) / 1_000)
  if ((worst ?? 0) * 1_000 > delayMsMax) found.unshift(`a record was readable ${worst} s late`)
  const all = [...drained, ...found]
  process.stdout.write(
    `${all.length === 0 ? 'ok  ' : 'FAIL'} ${name}: rolling restart of ${members} engines in ` +
      `${seconds.toFixed(1)} s under ${Math.round(log.length / seconds)} records/s; readable after ` +
      `${median?.toFixed(1)} s (median), ${most?.toFixed(1)} s (99 %), ${worst?.toFixed(1)} s (last)\n`,
  )
  return all
}

async function untilReady(member: Member): Promise<void> {
  await until(`member ${member.number} to be ready`, () => isReady(member), readyMsMax, pollMs)
}

async function isReady(member: Member): Promise<boolean> {
  const url = member.apiUrl
  if (url === null) return false
  const answer = await fetch(`${url}/health/ready`).catch(() => null)
  return answer?.ok === true
}
