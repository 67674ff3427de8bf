import type { CatalogRow } from '../catalog-rows.ts'
import { type Entity, stateAt, text, time, versionsOf } from './catalog.ts'
import type { Lifecycle } from './lifecycle.ts'
import { tenths } from './rounding.ts'

/** Queue, owners, snapshots, reviews and their velocity, one record after the other (L9, L10, T3). */

const weekMs = 7 * 86_400_000

function isOpen(entity: Entity): boolean {
  return ['pending', 'in_progress'].includes(text(entity, 'status'))
}

const orNull = (value: string) => (value === '' ? null : value)
const iso = (ms: number) => new Date(ms).toISOString()

export function queueAt(rows: readonly CatalogRow[], atMs: number): Record<string, unknown>[] {
  const items = [...versionsOf(rows, 'queue_item').values()].flatMap((versions) => {
    const known = versions.filter(({ eventMs }) => eventMs <= atMs)
    const life = known.slice(known.findLastIndex(({ isPut }) => !isPut) + 1)
    const [first, newest] = [life[0], life.at(-1)]
    if (first === undefined || newest === undefined) return []
    const closing = life[life.findLastIndex(({ entity }) => isOpen(entity)) + 1]
    const due = text(newest.entity, 'due_at')
    return [
      {
        rank: first.rank,
        isOpen: isOpen(newest.entity),
        row: {
          item_id: first.id,
          technique_id: text(newest.entity, 'technique_id'),
          asset_id: orNull(text(newest.entity, 'asset_id')),
          reason: orNull(text(newest.entity, 'reason')),
          status: text(newest.entity, 'status'),
          assignee: orNull(text(newest.entity, 'assignee')),
          due_at: orNull(due),
          opened_at: iso(first.eventMs),
          opened_by: first.actor,
          updated_at: iso(Math.max(...life.map(({ eventMs }) => eventMs))),
          updated_by: newest.actor,
          closed_at: closing === undefined ? null : iso(closing.eventMs),
          is_open: isOpen(newest.entity) ? 1 : 0,
        },
      },
    ]
  })
  const isShown = (item: (typeof items)[number]) =>
    !item.isOpen ||
    !items.some(
      (other) =>
        other.isOpen && other.row.technique_id === item.row.technique_id && other.rank < item.rank,
    )
  return items.filter(isShown).map(({ row }) => row)
}

export function ownersAt(rows: readonly CatalogRow[], atMs: number): Record<string, unknown>[] {
  const inForce = stateAt(versionsOf(rows, 'technique_owner'), atMs)
    .filter(({ entity }) => time(entity, 'since') <= atMs)
    .toSorted((a, b) => time(a.entity, 'since') - time(b.entity, 'since') || a.rank - b.rank)
  const owners = new Map(inForce.map((version) => [text(version.entity, 'technique_id'), version]))
  return [...owners].map(([technique_id, { entity, eventMs, actor }]) => ({
    technique_id,
    owner_id: text(entity, 'owner_id'),
    since: text(entity, 'since'),
    notes: orNull(text(entity, 'notes')),
    assigned_by: actor,
    assigned_at: iso(eventMs),
    record_ids: inForce
      .filter((other) => text(other.entity, 'technique_id') === technique_id)
      .map(({ id }) => id)
      .sort(),
  }))
}

export function snapshotsAt(rows: readonly CatalogRow[], atMs: number): Record<string, unknown>[] {
  const days = new Map<string, CatalogRow>()
  for (const row of rows.filter(({ kind }) => kind === 'coverage_snapshot')) {
    const first = days.get(row.id)
    const isFirst =
      first === undefined ||
      row.ingest_time < first.ingest_time ||
      (row.ingest_time === first.ingest_time && row.offset < first.offset)
    if (isFirst) days.set(row.id, row)
  }
  const reported = [...days.values()].filter(({ event_time }) => event_time <= atMs)
  return reported.map((row) => {
    // Checked: the histories write exactly these members.
    const { date, coverage_pct, validated, partial, total, ...rest } = JSON.parse(
      row.entity,
    ) as Entity
    const { attack_release, computed_at, techniques } = rest
    const reported = { date, coverage_pct, validated, partial, total, attack_release, computed_at }
    return { ...reported, techniques: techniques === undefined ? '' : JSON.stringify(techniques) }
  })
}

export interface Review {
  readonly technique_id: string
  readonly reviewedMs: number
  readonly isExplicit: boolean
  readonly reviewed_by: string
  readonly status: string
}

/** Of each technique the newest that is explicit, else the newest; of one time the last that was told. */
export function reviewsAt(
  rows: readonly CatalogRow[],
  lifecycle: Lifecycle,
  atMs: number,
): Review[] {
  const mappings = stateAt(versionsOf(rows, 'mapping'), atMs)
  const mapped = (assetId: string) =>
    mappings
      .filter(({ entity }) => text(entity, 'asset_id') === assetId)
      .map(({ entity }) => text(entity, 'technique_id'))
  const implicit = lifecycle.validations(atMs).flatMap((one) => {
    const techniques = one.techniqueId === '' ? mapped(one.assetId) : [one.techniqueId]
    const reviewed_by = text(one.told, 'validated_by')
    const status = text(one.told, 'validation_result')
    return techniques.map((technique_id) => {
      const of = { technique_id, reviewed_by, status, rank: one.rank }
      return { ...of, reviewedMs: one.validatedMs, isExplicit: false }
    })
  })
  const explicit = stateAt(versionsOf(rows, 'technique_review'), atMs).map(({ entity, rank }) => ({
    technique_id: text(entity, 'technique_id'),
    reviewed_by: text(entity, 'reviewed_by'),
    status: text(entity, 'status'),
    rank,
    reviewedMs: time(entity, 'reviewed_at'),
    isExplicit: true,
  }))
  const inOrder = [
    ...implicit,
    ...explicit.filter(({ reviewedMs }) => reviewedMs <= atMs),
  ].toSorted(
    (a, b) =>
      Number(a.isExplicit) - Number(b.isExplicit) || a.reviewedMs - b.reviewedMs || a.rank - b.rank,
  )
  return [...new Map(inOrder.map((review) => [review.technique_id, review])).values()]
}

export function velocity(reviews: readonly Review[], atMs: number): Record<string, unknown> {
  const weeks = new Map<number, number>()
  for (const { reviewedMs } of reviews) {
    if (reviewedMs < atMs - 12 * weekMs || reviewedMs > atMs) continue
    const day = new Date(reviewedMs)
    const fromMonday = (day.getUTCDay() + 6) % 7
    const monday = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() - fromMonday)
    weeks.set(monday, (weeks.get(monday) ?? 0) + 1)
  }
  const present = [...weeks].toSorted(([a], [b]) => a - b)
  const counts = present.map(([, count]) => count)
  const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length
  const recent = counts.slice(-4)
  const earlier =
    counts.length >= 8 ? counts.slice(-8, -4) : counts.slice(0, Math.floor(counts.length / 2))
  let trend = 'stable'
  if (earlier.length > 0 && mean(recent) > 1.1 * mean(earlier)) trend = 'improving'
  if (earlier.length > 0 && mean(recent) < 0.9 * mean(earlier)) trend = 'declining'
  return {
    techniques_per_week: counts.length === 0 ? 0 : tenths(mean(counts)),
    trend,
    weeks: present.map(([monday]) => iso(monday).slice(0, 10)),
    reviewed: counts,
  }
}
