/**
 * Runs the daily decay run: asks the views, publishes what is new to the catalog. On schedule it is
 * the worker that holds the catalog's partition that runs it.
 */

import { Cron } from 'croner'
import type { Views } from '../core/clickhouse.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/error.ts'
import type { OutRecord } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import {
  type ConfidenceRow,
  type CoverageRow,
  type DecayHoldings,
  type DecayRecord,
  type DetectionRow,
  decayRecords,
  type RegressionRow,
  type ValidityRow,
} from '../processors/decay.ts'

export interface DecayParts {
  readonly topic: string
  readonly views: Views
  readonly holdings: DecayHoldings
  readonly send: (records: readonly OutRecord[]) => Promise<void>
  readonly clock: Clock
}

export interface DecayResult {
  readonly began: number
  readonly ended: number
  readonly opened: readonly string[]
  /** null: the day has its snapshot already. */
  readonly snapshot: Readonly<Record<string, unknown>> | null
  readonly records: number
}

/** Resolves when everything is on the log. */
export async function runDecay(parts: DecayParts): Promise<DecayResult> {
  const { topic, views, holdings, send, clock } = parts
  const nowMs = clock.now()
  const at = { at_s: nowMs / 1000 }
  const sinceMs = holdings.lastSnapshotMs()
  const [validity, detections, [coverage], confidences, regressions] = await Promise.all([
    views.select<ValidityRow>('validity', { ...at, asset_id: '' }),
    views.select<DetectionRow>('detection_state', at),
    views.select<CoverageRow>('coverage_total', at),
    views.select<ConfidenceRow>('technique_confidence', at),
    sinceMs === null
      ? []
      : views.select<RegressionRow>('coverage_regression', {
          from_s: sinceMs / 1000,
          to_s: at.at_s,
        }),
  ])
  if (coverage === undefined) throw new Error('the view coverage_total gave no row')
  const facts = { nowMs, validity, detections, coverage, confidences, regressions }
  const records = decayRecords(facts, holdings)
  const messages = records.map((record) => {
    return { topic, key: `${record.kind}:${record.id}`, value: JSON.stringify(record) }
  })
  await send(messages)
  // A run right after this one need not wait for the log to bring them back.
  for (const { value } of messages) {
    holdings.apply({ offset: 0, timestampMs: nowMs, key: null, value: Buffer.from(value) })
  }
  return resultOf(records)
}

/** `zone` is an IANA time zone. Stop it with `stop()`. */
export function scheduleDecay(
  zone: string,
  log: Log,
  isHolder: () => boolean,
  run: () => Promise<DecayResult>,
): { stop(): void } {
  return new Cron('0 2 * * *', { timezone: zone, protect: true, unref: true }, async () => {
    if (!isHolder()) return
    try {
      const { opened, ...result } = await run()
      log.info({ ...result, opened: opened.length }, 'decay run')
    } catch (cause) {
      log.error({ error: messageOf(cause) }, 'decay run failed; the next one catches up')
    }
  })
}

function resultOf(records: readonly DecayRecord[]): DecayResult {
  const of = (kind: DecayRecord['kind']) => records.filter((record) => record.kind === kind)
  const changes = of('validity_change').map(({ entity }) => entity)
  const count = (field: string) => changes.filter((entity) => hasAny(entity[field])).length
  return {
    began: count('began'),
    ended: count('ended'),
    opened: of('queue_item').map(({ entity }) => String(entity['technique_id'])),
    snapshot: of('coverage_snapshot')[0]?.entity ?? null,
    records: records.length,
  }
}

function hasAny(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}
