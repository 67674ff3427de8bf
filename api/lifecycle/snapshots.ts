import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import { cursor, nextCursor, page } from '../cursor.ts'
import { at, instantNow, limit, range } from '../parameters.ts'
import { json, type Resource, type Services, timestamp } from '../resource.ts'

/** What the daily run reported, day by day. It does not change, whatever is found out later (L9). */

export const snapshot = z
  .object({
    date: z.iso.date(),
    coverage_pct: z.number().nullable(),
    validated: z.int().nonnegative(),
    partial: z.int().nonnegative(),
    total: z.int().nonnegative(),
    attack_release: z.string(),
    computed_at: timestamp,
  })
  .openapi('CoverageSnapshot')

export const snapshotExample: z.input<typeof snapshot> = {
  date: '2026-11-20',
  coverage_pct: 12.74,
  validated: 71,
  partial: 34,
  total: 691,
  attack_release: '18.1',
  computed_at: '2026-11-20T02:00:00.000Z',
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/snapshots',
  tags: ['lifecycle'],
  summary: 'Coverage as it was reported, day by day',
  description:
    'Newest first. `from` and `to` bound the day. What is known now of a day is `/coverage?at=`.',
  request: {
    query: z.strictObject({
      at,
      ...range,
      limit: limit(100),
      cursor: cursor('snapshots', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(snapshot), next_cursor: nextCursor, total: z.int() })
        .openapi('CoverageSnapshotPage'),
      'Snapshots.',
      { data: [snapshotExample], next_cursor: null, total: 1 },
    ),
  },
})

export const snapshots: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const { from = 0, to = Number.POSITIVE_INFINITY } = query
    const all = await readSnapshots(services, query.at ?? instantNow(services.clock))
    const found = all.filter(({ date }) => {
      const dayS = Date.parse(date) / secondMs
      return dayS >= from && dayS < to
    })
    const after = query.cursor?.[0]
    const rest = found.filter(({ date }) => after === undefined || date < after)
    const cut = page('snapshots', rest, query.limit, ({ date }) => [date])
    return c.json({ ...cut, total: found.length }, 200)
  })
}

/** Newest first. */
export async function readSnapshots(
  { views }: Pick<Services, 'views'>,
  at_s: number,
): Promise<z.output<typeof snapshot>[]> {
  const rows = await views.select<z.input<typeof snapshot>>('coverage_snapshots', { at_s })
  return rows.map((row) => snapshot.parse(row)).toSorted((a, b) => (a.date < b.date ? 1 : -1))
}
