import { createRoute, z } from '@hono/zod-openapi'
import { at, instantNow } from '../parameters.ts'
import { json, type Resource } from '../resource.ts'
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
    // Side by side: to plan them takes ClickHouse longer than to run them, and it plans on one core each.
    const [snapshots, ...parts] = await Promise.all([
      readSnapshots(services, at_s),
      ...countViews.map((view) => views.select<Counts>(view, { at_s })),
    ])
    const counts: Counts = Object.assign({}, ...parts.flat())
    return c.json(dashboard.parse({ ...grouped(counts), snapshots: snapshots.slice(0, 2) }), 200)
  })
}

/** Views of one row each. */
const countViews = ['dashboard_techniques', 'dashboard_assets', 'dashboard_work'] as const

/** The columns of `countViews`. */
type Counts = Readonly<Record<string, number | null>>

function grouped(row: Counts) {
  const { techniques, orphans } = row
  return {
    assets: {
      total: row['assets'],
      active: row['active_assets'],
      candidates: row['candidates'],
      by_health: {
        untested: row['untested_assets'],
        noisy: row['noisy_assets'],
        silent: row['silent_assets'],
        healthy: row['healthy_assets'],
      },
    },
    coverage: {
      coverage_pct: row['coverage_pct'],
      validated: row['validated'],
      partial: row['partial'],
      total: techniques,
    },
    confidence: {
      score_mean: row['score_mean'],
      by_level: {
        unknown: row['unknown_confidence'],
        very_low: row['very_low_confidence'],
        low: row['low_confidence'],
        medium: row['medium_confidence'],
        high: row['high_confidence'],
      },
    },
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
    ownership: { owned: Number(techniques) - Number(orphans), orphans },
    infrastructure_changes_30d: row['changes_30d'],
  }
}
