import fc from 'fast-check'
import type { Row } from '../../schemas/table.ts'
import { assetIds, catalogDay0, halfDayMs, techniques } from './catalog-histories.ts'

/** Random alerts of a year with later changes, on the machines of a few test runs. */

export type AlertRow = Row<'alert_events'>

const blank: AlertRow = {
  log: 'l1',
  topic: 'ttp.alerts',
  partition: 0,
  offset: 0,
  ingest_time: catalogDay0,
  record_time: catalogDay0,
  event_time: catalogDay0,
  is_time_capped: false,
  is_time_estimated: false,
  alert_id: '',
  raised_at: null,
  rule_system: null,
  rule_id: null,
  rule_name: null,
  rule_version: null,
  asset_id: null,
  severity: null,
  technique_ids: [],
  hosts: [],
  users: [],
  src_ips: [],
  source_event_ids: [],
  status: null,
  acknowledged_at: null,
  verdict: null,
  verdict_at: null,
  url: null,
  cleared: [],
  raw: '',
}

export function alertRow(given: Partial<AlertRow>): AlertRow {
  return { ...blank, ...given }
}

const half = fc.integer({ min: 100, max: 600 })
const minutes = fc.constantFrom(0, 0, 30, 90)
const maybe = <T>(...values: T[]) => fc.constantFrom(null, null, ...values)
const list = (...values: string[]) =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<string[]>([]) }, fc.subarray(values))

const update = fc.record({
  laterHalves: fc.constantFrom(0, 0, 1, 30),
  minutes,
  raisedLater: maybe(0, 10, 600),
  rule: fc.constantFrom(
    null,
    ['siem', 'x1'] as const,
    ['siem', 'x2'] as const,
    ['edr', 'x1'] as const,
  ),
  asset_id: maybe(...assetIds.slice(0, 8)),
  severity: maybe('high', 'low'),
  technique_ids: fc.oneof(
    { weight: 3, arbitrary: fc.constant<string[]>([]) },
    fc.subarray([...techniques.slice(0, 4)], { maxLength: 2 }),
  ),
  hosts: list('ws1', 'ws2', 'ws2.example.local', 'dc1'),
  status: maybe('open', 'closed'),
  acknowledged: fc.constantFrom(null, 20, 50),
  verdict: maybe('true_positive', 'false_positive', 'undetermined'),
  verdict_at: fc.constantFrom(null, 100),
  cleared: fc.oneof(
    { weight: 5, arbitrary: fc.constant<string[]>([]) },
    fc.subarray(
      ['asset_id', 'severity', 'technique_ids', 'hosts', 'verdict', 'raised_at', 'status'],
      {
        maxLength: 2,
      },
    ),
  ),
})

const history = fc.tuple(half, fc.array(update, { minLength: 1, maxLength: 3 }))

/** Rows of `count` alerts; many fall on the same few days. */
export function sampleAlerts(seed: number, count: number): AlertRow[] {
  const histories = fc.sample(history, { seed, numRuns: count })
  return histories.flatMap(([at, updates], index) =>
    updates.map((given, step) => {
      const day = index % 3 === 0 ? at : 20 * Math.floor(at / 20)
      const event_time =
        catalogDay0 + (day + given.laterHalves * step) * halfDayMs + given.minutes * 60_000
      const kept = <T>(field: string, value: T, none: T) =>
        given.cleared.includes(field) ? none : value
      return alertRow({
        alert_id: `alert-${index}`,
        offset: index * 10 + step,
        event_time,
        record_time: event_time,
        raised_at: kept(
          'raised_at',
          given.raisedLater === null ? null : event_time + given.raisedLater * 60_000,
          null,
        ),
        rule_system: given.rule?.[0] ?? null,
        rule_id: given.rule?.[1] ?? null,
        asset_id: kept('asset_id', given.asset_id, null),
        severity: kept('severity', given.severity, null),
        technique_ids: kept('technique_ids', given.technique_ids, []),
        hosts: kept('hosts', given.hosts, []),
        status: kept('status', given.status, null),
        acknowledged_at:
          given.acknowledged === null ? null : event_time + given.acknowledged * 60_000,
        verdict: kept('verdict', given.verdict, null),
        verdict_at: given.verdict_at === null ? null : event_time + given.verdict_at * 60_000,
        cleared: given.cleared,
      })
    }),
  )
}
