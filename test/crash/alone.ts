import { type BrokerKind, FaultServers } from './fault-servers.ts'
import { Round } from './round.ts'
import type { Counts } from './rounds.ts'

/** One suite on servers of its own: prints what `run` found, counts it, and leaves nothing running. */
export async function runAlone(
  kind: BrokerKind,
  name: string,
  settings: Readonly<Record<string, string>>,
  counts: Counts,
  run: (round: Round, broker: string) => Promise<readonly string[]>,
): Promise<void> {
  const servers = await FaultServers.start(kind)
  if (servers === null) {
    counts.skipped += 1
    return
  }
  try {
    const round = await Round.create(`${name}_${process.pid}`, servers, settings)
    try {
      const found = await run(round, servers.name)
      counts[found.length === 0 ? 'passed' : 'failed'] += 1
      for (const line of found.slice(0, 10)) process.stdout.write(`       ${line}\n`)
    } finally {
      await round.close()
    }
  } finally {
    await servers.close()
  }
}
