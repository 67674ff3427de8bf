import type { Metrics } from '../core/metrics.ts'
import { kinds } from '../schemas/kind.ts'
import type { Row } from '../schemas/table.ts'

/**
 * What came of each source, for whoever watches the pipeline: events, what they lack, how their clock
 * runs and when they last came. A source is a definition's name and a kind that we do not know is `other`,
 * so no producer can make series without end.
 */
export function countSources(
  metrics: Metrics,
  commands: readonly Row<'commands'>[],
  timeMs: number,
): void {
  const sources = new Map<string, SourceTally>()
  for (const row of commands) {
    const kind = Object.hasOwn(kinds, row.kind) ? row.kind : 'other'
    const key = JSON.stringify([row.source, kind])
    const tally = sources.get(key) ?? newTally(row.source, kind)
    sources.set(key, tally)
    tally.events += 1
    tally.skewMs += row.record_time - row.event_time
    if (row.event_time > tally.lastEventMs) tally.lastEventMs = row.event_time
    for (const [field, column] of fields) if (row[column] === '') tally.missing[field] += 1
    if (row.is_time_estimated) tally.missing.time += 1
  }
  for (const { source, kind, events, missing, skewMs, lastEventMs } of sources.values()) {
    metrics.count('ttpstream_source_events_total', { source, kind }, events)
    for (const [field, count] of Object.entries(missing)) {
      if (count > 0) metrics.count('ttpstream_source_missing_total', { source, kind, field }, count)
    }
    metrics.set('ttpstream_source_clock_skew_seconds', { source, kind }, skewMs / events / 1000)
    metrics.set('ttpstream_source_last_event_seconds', { source, kind }, lastEventMs / 1000)
    metrics.set('ttpstream_source_last_taken_seconds', { source, kind }, timeMs / 1000)
  }
}

const fields = [
  ['host', 'host'],
  ['user', 'user'],
  ['session', 'session_id'],
  ['attacker', 'attacker_id'],
  ['text', 'command_text'],
] as const

interface SourceTally {
  readonly source: string
  readonly kind: string
  events: number
  readonly missing: Record<(typeof fields)[number][0] | 'time', number>
  skewMs: number
  lastEventMs: number
}

function newTally(source: string, kind: string): SourceTally {
  const missing = { host: 0, user: 0, session: 0, attacker: 0, text: 0, time: 0 }
  return { source, kind, events: 0, missing, skewMs: 0, lastEventMs: 0 }
}
