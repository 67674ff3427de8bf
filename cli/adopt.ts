import { adoption, type CandidateFilter, readCandidates } from '../api/lifecycle/candidates.ts'
import type { Views } from '../core/clickhouse.ts'
import { systemClock } from '../core/clock.ts'
import type { OutRecord } from '../core/kafka.ts'
import { secondMs } from '../core/units.ts'

export interface AdoptionRun {
  readonly views: Views
  readonly topic: string
  readonly actor: string
  /** null: nothing is published. */
  readonly send: ((records: readonly OutRecord[]) => Promise<void>) | null
}

export interface AdoptionResult {
  readonly ids: readonly string[]
  /** Found beyond the most that are adopted at once. */
  readonly left: number
}

/** Adopts the candidates that pass `filter`: one catalog record for each. */
export async function adoptCandidates(
  { views, topic, actor, send }: AdoptionRun,
  filter: CandidateFilter,
): Promise<AdoptionResult> {
  const nowMs = systemClock.now()
  const { wanted, left } = await readCandidates(views, nowMs / secondMs, filter)
  const event_time = new Date(nowMs).toISOString()
  const records = wanted.map((one) => {
    const change = adoption(one, actor)
    const value = JSON.stringify({ ...change, event_time })
    return { topic, key: `${change.kind}:${change.id}`, value }
  })
  if (send !== null) await send(records)
  return { ids: wanted.map(({ id }) => id), left }
}
