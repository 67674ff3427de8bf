/** Rounds of faults, each from a seed of its own: the suite's, and one more each time. */

import { type BrokerKind, FaultServers } from './fault-servers.ts'
import { runRound } from './round.ts'
import { drawSchedule, parseSchedule, scheduleText } from './schedule.ts'

export interface RoundsOptions {
  readonly kind: BrokerKind
  readonly rounds: number
  readonly seed: number
  /** Rounds side by side, each lane on servers of its own: a round waits more than it works. */
  readonly jobs: number
  /** Instead of what the seed draws. */
  readonly schedule?: string
}

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export async function runRounds(options: RoundsOptions, counts: Counts): Promise<void> {
  const seconds: number[] = []
  const seeds = Array.from({ length: options.rounds }, (_, index) => options.seed + index).values()
  const lane = async () => {
    const servers = await FaultServers.start(options.kind)
    if (servers === null) return
    try {
      for (const seed of seeds) {
        const begun = Date.now()
        const isGood = await judge(seed, options.schedule, servers)
        seconds.push((Date.now() - begun) / 1_000)
        counts[isGood ? 'passed' : 'failed'] += 1
      }
    } finally {
      await servers.close()
    }
  }
  const lanes = Array.from({ length: Math.min(options.jobs, options.rounds) }, lane)
  await Promise.all(lanes)
  counts.skipped += options.rounds - seconds.length
  const sorted = seconds.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  process.stdout.write(
    `     ${options.kind}: ${seconds.length} rounds, median ${median.toFixed(1)} s, ` +
      `longest ${Math.max(0, ...sorted).toFixed(1)} s\n`,
  )
}

async function judge(
  seed: number,
  given: string | undefined,
  servers: FaultServers,
): Promise<boolean> {
  const schedule = given === undefined ? drawSchedule(seed) : parseSchedule(given)
  const begun = Date.now()
  const result = await runRound(`round_${process.pid}_${seed}`, schedule, servers).catch(
    (cause: unknown) => ({
      differences: [`the round broke: ${cause instanceof Error ? cause.stack : String(cause)}`],
      records: 0,
      drainSeconds: 0,
    }),
  )
  const isGood = result.differences.length === 0
  const seconds = ((Date.now() - begun) / 1_000).toFixed(1)
  process.stdout.write(
    `${isGood ? 'ok  ' : 'FAIL'} ${servers.name}: seed ${seed}, ${result.records} records, ` +
      `${seconds} s, drained in ${result.drainSeconds.toFixed(1)} s: ${scheduleText(schedule)}\n`,
  )
  if ('logs' in result) process.stdout.write(`       the members' logs are in ${result.logs}\n`)
  for (const line of result.differences.slice(0, 10)) process.stdout.write(`       ${line}\n`)
  return isGood
}
