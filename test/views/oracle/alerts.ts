import type { AlertRow } from '../alert-histories.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import { stateAt, text, versionsOf } from './catalog.ts'
import { inOrder } from './tests.ts'

/** Alerts as of an instant, folded change by change. */

export interface AlertState {
  readonly alert_id: string
  readonly event_time: number
  readonly updated_at: number
  readonly raised_at: number
  readonly asset_id: string
  readonly rule_system: string | null
  readonly rule_id: string | null
  readonly rule_name: string | null
  readonly rule_version: string | null
  readonly severity: string | null
  readonly technique_ids: readonly string[]
  readonly hosts: readonly string[]
  readonly users: readonly string[]
  readonly src_ips: readonly string[]
  readonly source_event_ids: readonly string[]
  readonly status: string | null
  readonly acknowledged_at: number | null
  readonly verdict: string | null
  readonly verdict_at: number | null
  readonly url: string | null
}

/** Where an alert names no asset or no technique, those that follow. */
export function alertStates(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
  atMs: number,
): AlertState[] {
  const resolve = resolver(catalog, atMs)
  return toldAt(rows, catalog, atMs).map((alert) => {
    const asset_id = alert.asset_id || resolve.asset(alert.rule_system, alert.rule_id)
    const own = alert.technique_ids
    return {
      ...alert,
      asset_id,
      technique_ids: own.length > 0 ? own : resolve.techniques(asset_id),
    }
  })
}

/** Alerts raised from `sinceMs` to `atMs`, as `alerts_at` tells them: only what they say themselves. */
export function alertsAt(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
  sinceMs: number,
  atMs: number,
): Record<string, unknown>[] {
  return toldAt(rows, catalog, atMs)
    .filter(({ raised_at }) => raised_at >= sinceMs)
    .map(columnsOf)
}

/** One row per alert and span of time, from each time of a change to the next. */
export function alertSpans(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
): Record<string, unknown>[] {
  const words = wordsAt(catalog, Number.POSITIVE_INFINITY)
  const ids = [...new Set(rows.map((row) => row.alert_id))]
  return ids.flatMap((id) => {
    const own = rows.filter((row) => row.alert_id === id)
    const spoken = words.filter((word) => word.alertId === id).map(({ row }) => row)
    const begunMs = Math.min(...own.map((row) => row.event_time))
    const times = [...own, ...spoken].map((row) => row.event_time).filter((ms) => ms >= begunMs)
    const starts = [...new Set(times)].sort((a, b) => a - b)
    return starts.flatMap((ms, index) =>
      foldsAt(own, spoken, ms).map((told) => ({
        ...columnsOf(told),
        from_time: ms,
        to_time: starts[index + 1] ?? neverMs,
        changes: index === starts.length - 1 ? own.length + spoken.length : 0,
      })),
    )
  })
}

const neverMs = Date.UTC(2299, 11, 31)

function columnsOf(told: AlertState): Record<string, unknown> {
  const { alert_id, event_time, raised_at, technique_ids, hosts, acknowledged_at, verdict } = told
  const known = { alert_id, event_time, raised_at, technique_ids, hosts, acknowledged_at }
  // As an asset if the producer names it, else as the rule.
  const subject = told.asset_id || `\0${told.rule_system ?? ''}\0${told.rule_id ?? ''}`
  return { ...known, subject, verdict: verdict ?? '' }
}

function toldAt(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
  atMs: number,
): AlertState[] {
  return foldsAt(rows, catalog, atMs).filter((alert) => alert.raised_at <= atMs)
}

function foldsAt(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
  atMs: number,
): AlertState[] {
  const byAlert = new Map<string, AlertRow[]>()
  for (const row of rows.filter((row) => row.event_time <= atMs).toSorted(inOrder)) {
    byAlert.set(row.alert_id, [...(byAlert.get(row.alert_id) ?? []), row])
  }
  const words = new Map(wordsAt(catalog, atMs).map((word) => [word.alertId, word]))
  return [...byAlert].map(([id, changes]) => fold(id, changes, words.get(id)))
}

function fold(alert_id: string, changes: readonly AlertRow[], word: Word | undefined): AlertState {
  const last = <Field extends keyof AlertRow>(field: Field) => {
    const change = changes.findLast((row) => row.cleared.includes(field) || isTold(row[field]))
    return change === undefined || change.cleared.includes(field) ? null : change[field]
  }
  const times = changes.map((row) => row.event_time)
  const event_time = Math.min(...times)
  const judging = changes.findLast((row) => row.cleared.includes('verdict') || row.verdict !== null)
  const judged = changes.findLast((row) => row.verdict !== null)
  // A word at the very place of a record, in its own topic, comes after it.
  const isWordNewer = word !== undefined && (!judging || inOrder(judging, word.row) <= 0)
  const verdict = isWordNewer ? word.verdict : last('verdict')
  const given = isWordNewer ? word.row.event_time : (last('verdict_at') ?? judged?.event_time)
  return {
    alert_id,
    event_time,
    updated_at: Math.max(...times),
    raised_at: last('raised_at') ?? event_time,
    asset_id: last('asset_id') ?? '',
    rule_system: last('rule_system'),
    rule_id: last('rule_id'),
    rule_name: last('rule_name'),
    rule_version: last('rule_version'),
    severity: last('severity'),
    technique_ids: last('technique_ids') ?? [],
    hosts: last('hosts') ?? [],
    users: last('users') ?? [],
    src_ips: last('src_ips') ?? [],
    source_event_ids: last('source_event_ids') ?? [],
    status: last('status'),
    acknowledged_at: last('acknowledged_at'),
    verdict,
    verdict_at: verdict === null ? null : (given ?? null),
    url: last('url'),
  }
}

function isTold(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== null
}

function resolver(catalog: readonly CatalogRow[], atMs: number) {
  const assets = stateAt(versionsOf(catalog, 'detection_asset'), atMs)
  const mappings = stateAt(versionsOf(catalog, 'mapping'), atMs)
  return {
    asset(system: string | null, id: string | null): string {
      const named = assets.filter(({ entity }) => {
        const ids = entity['external_ids']
        return Array.isArray(ids) && ids.some((other) => other.system === system && other.id === id)
      })
      return named.map((asset) => asset.id).sort()[0] ?? ''
    },
    techniques(assetId: string): string[] {
      const own = mappings.filter(({ entity }) => text(entity, 'asset_id') === assetId)
      return [...new Set(own.map(({ entity }) => text(entity, 'technique_id')))].sort()
    },
  }
}

interface Word {
  readonly alertId: string
  readonly verdict: string
  readonly row: CatalogRow
}

/** What the catalogue says of alerts, in order. */
function wordsAt(catalog: readonly CatalogRow[], atMs: number): Word[] {
  return catalog.toSorted(inOrder).flatMap((row) => {
    if (row.kind !== 'verdict' || row.op !== 'put' || row.event_time > atMs) return []
    // Checked: the processor writes JSON objects, of texts for a verdict.
    const told = { ...JSON.parse(row.entity), ...JSON.parse(row.derived) } as Record<string, string>
    return [{ alertId: told['alert_id'] ?? '', verdict: told['verdict'] ?? '', row }]
  })
}
