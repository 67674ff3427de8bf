import { createRoute, z } from '@hono/zod-openapi'
import { coverageStatus } from '../coverage.ts'
import { at, instantNow } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'
import { type AssetStatusRow, healthStatuses } from './asset-schema.ts'
import { type ConfidenceRow, level, readConfidence } from './confidence-schema.ts'
import { readSnapshots, snapshot, snapshotExample } from './snapshots.ts'

/** The detection lifecycle at a glance. */

const count = z.int().nonnegative()

const dashboard = z
  .object({
    assets: z.object({
      total: count,
      active: count,
      candidates: count.openapi({ description: 'Made from rules, not adopted, not validated.' }),
      by_health: z.object({ untested: count, noisy: count, silent: count, healthy: count }),
    }),
    coverage: z.object({
      coverage_pct: z.number().min(0).max(100).nullable(),
      validated: count,
      partial: count,
      total: count,
    }),
    confidence: z.object({
      score_mean: z.number().nullable().openapi({
        description: 'Over techniques that have a detection.',
      }),
      by_level: z.object({
        unknown: count,
        very_low: count,
        low: count,
        medium: count,
        high: count,
      }),
    }),
    validations: z.object({ total: count, valid: count, expiring_30d: count }),
    queue: z.object({ pending: count, in_progress: count, overdue: count }),
    ownership: z.object({ owned: count, orphans: count }),
    infrastructure_changes_30d: count,
    snapshots: z.array(snapshot).openapi({ description: 'The two newest, newest first.' }),
  })
  .openapi('LifecycleDashboard')

const example: z.input<typeof dashboard> = {
  assets: {
    total: 120,
    active: 117,
    candidates: 3_020,
    by_health: { untested: 20, noisy: 2, silent: 11, healthy: 87 },
  },
  coverage: { coverage_pct: 12.74, validated: 71, partial: 34, total: 691 },
  confidence: {
    score_mean: 48.1,
    by_level: { unknown: 571, very_low: 30, low: 40, medium: 35, high: 15 },
  },
  validations: { total: 310, valid: 140, expiring_30d: 9 },
  queue: { pending: 6, in_progress: 2, overdue: 1 },
  ownership: { owned: 200, orphans: 491 },
  infrastructure_changes_30d: 1,
  snapshots: [snapshotExample],
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/dashboard',
  tags: ['lifecycle'],
  summary: 'The detection lifecycle at a glance',
  description: 'Counts over assets that count and active enterprise techniques.',
  request: { query: z.strictObject({ at }) },
  responses: { 200: json(dashboard, 'Counts.', example) },
})

export const lifecycleDashboard: Resource = (app, services) => {
  const { views, clock } = services
  app.openapi(route, async (c) => {
    const at_s = c.req.valid('query').at ?? instantNow(clock)
    const [snapshots, confidence, owners, [work]] = await Promise.all([
      readSnapshots(services, at_s),
      readConfidence(services, at_s),
      views.select<{ technique_id: string }>('technique_owners', { at_s }),
      views.select<Record<string, number>>('dashboard_work', { at_s }),
    ])
    const techniques = confidence.techniques.filter(({ domain }) => domain === 'enterprise-attack')
    const body = {
      assets: ofAssets(confidence.assets),
      ...ofTechniques(techniques, new Set(owners.map(({ technique_id }) => technique_id))),
      ...ofWork(work ?? {}),
      snapshots: snapshots.slice(0, 2),
    }
    return c.json(dashboard.parse(body), 200)
  })
}

function ofAssets(all: readonly AssetStatusRow[]) {
  const assets = all.filter((asset) => asset.is_counted)
  return {
    total: assets.length,
    active: assets.filter((asset) => asset.is_active).length,
    candidates: all.length - assets.length,
    by_health: counts(
      healthStatuses,
      assets.map((asset) => asset.health_status),
    ),
  }
}

function ofTechniques(rows: readonly ConfidenceRow[], owned: ReadonlySet<string>) {
  const known = rows.filter((row) => row.level !== 'unknown')
  const { validated, partial } = counts(
    coverageStatus.options,
    rows.map((row) => row.status),
  )
  const orphans = rows.filter((row) => !owned.has(row.technique_id)).length
  return {
    coverage: {
      coverage_pct: mean(validated + 0.5 * partial, rows.length, 100),
      validated,
      partial,
      total: rows.length,
    },
    confidence: {
      score_mean: mean(
        known.reduce((total, row) => total + row.score, 0),
        known.length,
      ),
      by_level: counts(
        level.options,
        rows.map((row) => row.level),
      ),
    },
    ownership: { owned: rows.length - orphans, orphans },
  }
}

function ofWork(row: Readonly<Record<string, number>>) {
  return {
    validations: {
      total: row['validations'],
      valid: row['valid_validations'],
      expiring_30d: row['expiring_30d'],
    },
    queue: {
      pending: row['queue_pending'],
      in_progress: row['queue_in_progress'],
      overdue: row['queue_overdue'],
    },
    infrastructure_changes_30d: row['changes_30d'],
  }
}

function mean(total: number, of: number, times = 1): number | null {
  return of === 0 ? null : (total / of) * times
}

/** How many of `found` are each of `names`. */
function counts<Name extends string>(names: readonly Name[], found: readonly Name[]) {
  const entries = names.map((name) => [name, found.filter((one) => one === name).length])
  return Object.fromEntries(entries) as Record<Name, number>
}
