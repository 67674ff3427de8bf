import type { AlertRow } from '../alert-histories.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import { stateAt, text, versionsOf } from './catalog.ts'
import { inOrder } from './tests.ts'

/** Alerts as of an instant, folded change by change. */

export interface AlertState {
  readonly alert_id: string
  readonly event_time: number
  readonly raised_at: number
  readonly asset_id: string
  readonly severity: string | null
  readonly technique_ids: readonly string[]
  readonly hosts: readonly string[]
  readonly status: string | null
  readonly acknowledged_at: number | null
  readonly verdict: string | null
  readonly verdict_at: number | null
}

export function alertStates(
  rows: readonly AlertRow[],
  catalog: readonly CatalogRow[],
  atMs: number,
): AlertState[] {
  const byAlert = new Map<string, AlertRow[]>()
  for (const row of rows.filter((row) => row.event_time <= atMs).toSorted(inOrder)) {
    byAlert.set(row.alert_id, [...(byAlert.get(row.alert_id) ?? []), row])
  }
  const resolve = resolver(catalog, atMs)
  const words = stateVerdicts(catalog, atMs)
  return [...byAlert.entries()]
    .map(([id, changes]) => fold(id, changes, words.get(id), resolve))
    .filter((alert) => alert.raised_at <= atMs)
}

interface Word {
  readonly verdict: string
  readonly row: CatalogRow
}

function fold(
  alert_id: string,
  changes: readonly AlertRow[],
  word: Word | undefined,
  resolve: ReturnType<typeof resolver>,
): AlertState {
  const last = <Field extends keyof AlertRow>(field: Field) => {
    const change = changes.findLast((row) => row.cleared.includes(field) || isTold(row[field]))
    return change === undefined || change.cleared.includes(field) ? null : change[field]
  }
  const event_time = Math.min(...changes.map((row) => row.event_time))
  const told = last('asset_id')
  const asset_id = told ?? resolve.asset(last('rule_system'), last('rule_id'))
  const own = last('technique_ids') ?? []
  const judging = changes.findLast((row) => row.cleared.includes('verdict') || row.verdict !== null)
  const judged = changes.findLast((row) => row.verdict !== null)
  const isWordNewer = word !== undefined && (!judging || inOrder(judging, word.row) < 0)
  const verdict = isWordNewer ? word.verdict : last('verdict')
  const given = isWordNewer ? word.row.event_time : (last('verdict_at') ?? judged?.event_time)
  return {
    alert_id,
    event_time,
    raised_at: last('raised_at') ?? event_time,
    asset_id,
    severity: last('severity'),
    technique_ids: own.length > 0 ? own : resolve.techniques(asset_id),
    hosts: last('hosts') ?? [],
    status: last('status'),
    acknowledged_at: last('acknowledged_at'),
    verdict,
    verdict_at: verdict === null ? null : (given ?? null),
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

/** The newest word of the catalogue on each alert. */
function stateVerdicts(catalog: readonly CatalogRow[], atMs: number): Map<string, Word> {
  const words = new Map<string, Word>()
  for (const row of catalog.toSorted(inOrder)) {
    if (row.kind !== 'verdict' || row.op !== 'put' || row.event_time > atMs) continue
    // Checked: the processor writes JSON objects.
    const entity = { ...JSON.parse(row.entity), ...JSON.parse(row.derived) } as Record<
      string,
      string
    >
    words.set(entity['alert_id'] ?? '', { verdict: entity['verdict'] ?? '', row })
  }
  return words
}
