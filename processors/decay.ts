/**
 * The daily run (L9): what became invalid and what became valid again, the day's coverage, and the
 * techniques that somebody has to validate anew.
 *
 * Contract:
 * - Pure: what the views say now and what the catalog holds of earlier runs go in, records come out.
 *   When those are in the catalog, a second run of the same day gives none.
 * - It records, it does not decide: whether a validation is valid is asked of the views, as of any
 *   time, and never of these records.
 */

import type { LogRecord } from '../core/kafka.ts'
import { catalogTime, parseCatalog } from '../schemas/catalog.ts'

export const decayActor = 'ttpstream:decay'

/** One row of the view `validity`, as far as it is needed. */
export interface ValidityRow {
  readonly validation_id: string
  readonly asset_id: string
  /** '': every technique of the asset. */
  readonly technique_id: string
  readonly validated_at: string
  readonly expires_at: string
  readonly validation_result: string
  readonly causes: readonly string[]
}

/** One row of the view `detection_state`. */
export interface DetectionRow {
  readonly technique_id: string
  readonly asset_id: string
  readonly validation_id: string
  /** 2 detected, 1 partially, 0 not. */
  readonly result: number
}

/** The row of the view `coverage_total`. */
export interface CoverageRow {
  readonly coverage_pct: number | null
  readonly validated: number
  readonly partial: number
  readonly total: number
  readonly attack_release: string
}

/** One row of the view `technique_confidence`. */
export interface ConfidenceRow {
  readonly technique_id: string
  readonly status: string
  readonly score: number
  readonly level: string
  readonly detection_count: number
}

/** One row of the view `coverage_regression`. */
export interface RegressionRow {
  readonly upheld_technique_id: string
  readonly asset_id: string
  readonly validation_id: string
  readonly validated_at: string
  readonly causes: readonly string[]
}

export interface DecayFacts {
  readonly nowMs: number
  readonly validity: readonly ValidityRow[]
  readonly detections: readonly DetectionRow[]
  readonly coverage: CoverageRow
  readonly confidences: readonly ConfidenceRow[]
  /** Since the newest snapshot; none without one. */
  readonly regressions: readonly RegressionRow[]
}

export interface DecayRecord {
  readonly kind: 'validity_change' | 'coverage_snapshot' | 'queue_item'
  readonly id: string
  readonly op: 'put'
  readonly event_time: string
  readonly actor: string
  readonly entity: Readonly<Record<string, unknown>>
}

/** What earlier runs and people left in the catalog, folded in log order. */
export class DecayHoldings {
  /** By validation: the causes recorded last. */
  readonly causes = new Map<string, readonly string[]>()
  /** By day: epoch milliseconds of the snapshot. */
  readonly snapshots = new Map<string, number>()
  readonly #items = new Map<string, { technique: string; isOpen: boolean }>()

  apply(record: LogRecord): void {
    const change = changeOf(record)
    if (change === null) return
    const { kind, id, op, entity, derived } = change
    const member = (field: string) => derived[field] ?? entity[field]
    if (kind === 'validity_change') this.causes.set(id, texts(member('causes')))
    if (kind === 'coverage_snapshot' && !this.snapshots.has(id)) {
      this.snapshots.set(id, Date.parse(String(member('computed_at'))))
    }
    if (kind === 'queue_item') {
      const status = String(member('status') ?? 'pending')
      const isOpen = op === 'put' && (status === 'pending' || status === 'in_progress')
      const technique = String(member('technique_id') ?? this.#items.get(id)?.technique ?? '')
      this.#items.set(id, { technique, isOpen })
    }
  }

  /** Epoch milliseconds of the newest snapshot; null before the first. */
  lastSnapshotMs(): number | null {
    return this.snapshots.size === 0 ? null : Math.max(...this.snapshots.values())
  }

  hasItem(id: string): boolean {
    return this.#items.has(id)
  }

  openTechniques(): ReadonlySet<string> {
    const open = [...this.#items.values()].filter(({ isOpen }) => isOpen)
    return new Set(open.map(({ technique }) => technique))
  }
}

export function decayRecords(facts: DecayFacts, holdings: DecayHoldings): readonly DecayRecord[] {
  return [
    ...validityChanges(facts, holdings),
    ...snapshot(facts, holdings),
    ...queueItems(facts, holdings),
  ]
}

function validityChanges({ validity, nowMs }: DecayFacts, holdings: DecayHoldings): DecayRecord[] {
  const now = new Date(nowMs).toISOString()
  return validity.flatMap((row) => {
    // A declared invalidation is a record of its own already.
    const causes = row.causes.filter((cause) => cause !== 'declared')
    const before = holdings.causes.get(row.validation_id) ?? []
    const began = causes.filter((cause) => !before.includes(cause))
    const ended = before.filter((cause) => !causes.includes(cause))
    if (began.length === 0 && ended.length === 0) return []
    const entity = {
      validation_id: row.validation_id,
      asset_id: row.asset_id,
      ...(row.technique_id === '' ? {} : { technique_id: row.technique_id }),
      is_valid: row.causes.length === 0,
      causes,
      began: began.map((cause) => ({ cause, at: cause === 'expired' ? row.expires_at : now })),
      ended,
    }
    return [told('validity_change', row.validation_id, nowMs, entity)]
  })
}

/** Days begin in UTC, whatever the zone of the schedule. */
function snapshot(
  { coverage, confidences, nowMs }: DecayFacts,
  holdings: DecayHoldings,
): DecayRecord[] {
  const computedAt = new Date(nowMs).toISOString()
  const date = computedAt.slice(0, 10)
  if (holdings.snapshots.has(date)) return []
  const { coverage_pct, validated, partial, total, attack_release } = coverage
  const entity = {
    date,
    coverage_pct,
    validated,
    partial,
    total,
    attack_release,
    computed_at: computedAt,
    techniques: confidences
      .filter((row) => row.detection_count > 0)
      .map(({ technique_id, status, score, level }) => ({ technique_id, status, score, level }))
      .toSorted((a, b) => (a.technique_id < b.technique_id ? -1 : 1)),
  }
  return [told('coverage_snapshot', date, nowMs, entity)]
}

interface Fall {
  readonly assetId: string
  readonly validatedAtMs: number
  readonly causes: readonly string[]
}

/** One item a fall: it does not come back when somebody dismisses it, and does after a new success. */
function queueItems(facts: DecayFacts, holdings: DecayHoldings): DecayRecord[] {
  const upheld = new Set(
    facts.detections
      .filter(({ validation_id, result }) => validation_id !== '' && result > 0)
      .map(({ technique_id }) => technique_id),
  )
  const open = holdings.openTechniques()
  const records: DecayRecord[] = []
  for (const [technique, fall] of [...falls(facts)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const id = `decay:${technique}:${new Date(fall.validatedAtMs).toISOString()}`
    if (upheld.has(technique) || open.has(technique) || holdings.hasItem(id)) continue
    const reason = `the last valid validation fell: ${fall.causes.join(', ')}`
    const entity = { technique_id: technique, asset_id: fall.assetId, reason, status: 'pending' }
    records.push(told('queue_item', id, facts.nowMs, entity))
  }
  return records
}

/** By technique, the newest success that is not valid any more. */
function falls({ validity, detections, regressions }: DecayFacts): ReadonlyMap<string, Fall> {
  const mapped = new Map<string, string[]>()
  for (const { asset_id, technique_id } of detections) {
    const techniques = mapped.get(asset_id)
    if (techniques === undefined) mapped.set(asset_id, [technique_id])
    else techniques.push(technique_id)
  }
  const newest = new Map<string, Fall>()
  const take = (technique: string, fall: Fall) => {
    const known = newest.get(technique)
    if (known === undefined || known.validatedAtMs < fall.validatedAtMs) newest.set(technique, fall)
  }
  for (const row of validity) {
    if (row.validation_result === 'not_detected' || row.causes.length === 0) continue
    const fall = fallOf(row)
    const techniques = row.technique_id === '' ? mapped.get(row.asset_id) : [row.technique_id]
    for (const technique of techniques ?? []) take(technique, fall)
  }
  // Of a mapping or an asset that is gone only the comparison with the last run knows.
  for (const row of regressions) take(row.upheld_technique_id, fallOf(row))
  return newest
}

function fallOf(row: ValidityRow | RegressionRow): Fall {
  const { asset_id: assetId, validated_at, causes } = row
  return { assetId, validatedAtMs: Date.parse(validated_at), causes }
}

function told(
  kind: DecayRecord['kind'],
  id: string,
  nowMs: number,
  entity: DecayRecord['entity'],
): DecayRecord {
  const event_time = new Date(nowMs).toISOString()
  return { kind, id, op: 'put', event_time, actor: decayActor, entity }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function changeOf(record: LogRecord) {
  if (record.value === null) return null
  const text = Buffer.from(record.value).toString('utf8')
  if (!/"(?:validity_change|coverage_snapshot|queue_item)"/.test(text)) return null
  const input = parsed(text)
  const eventTimeMs = catalogTime(input) ?? record.timestampMs
  const change = parseCatalog(input, { eventTimeMs, validityDays: 0 })
  return change.ok ? change.value : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
