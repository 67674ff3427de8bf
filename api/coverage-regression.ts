import { createRoute, z } from '@hono/zod-openapi'
import { dayMs, secondMs } from '../core/units.ts'
import { coverageStatus } from './coverage.ts'
import { cursor, isAfter, nextCursor, page } from './cursor.ts'
import { instant, instantNow, limit } from './parameters.ts'
import { Problem } from './problem.ts'
import { json, type Resource, timestamp } from './resource.ts'

/** What coverage was lost between two instants, technique by technique, and why (C2). */

const percent = z.number().min(0).max(100).nullable()
const text = z.string().nullable()

const loss = z
  .object({
    technique_id: z.string(),
    status_from: coverageStatus,
    status_to: coverageStatus,
    upheld_technique_id: z.string().openapi({
      description:
        'What the validation was of: the technique, or the sub-technique that upheld it.',
    }),
    asset_id: z.string(),
    validation_id: z.string(),
    cause: z.string().openapi({ example: 'rule_changed' }),
    causes: z.array(z.string()),
    validated_at: timestamp,
    expires_at: timestamp.nullable(),
    rule_version_from: text,
    rule_version_to: text,
    rule_file_path: text,
    rule_repository_url: text,
    infrastructure_change_ids: z.array(z.string()),
    invalidation_reason: text,
  })
  .openapi('CoverageLoss')

const regression = z
  .object({
    from: timestamp,
    to: timestamp,
    coverage_from_pct: percent,
    coverage_to_pct: percent,
    drop_pct: z.number().nullable().openapi({ description: 'Points lost; negative: gained.' }),
    total: z.int().nonnegative(),
    data: z.array(loss),
    next_cursor: nextCursor,
  })
  .openapi('CoverageRegression')

const example: z.input<typeof regression> = {
  from: '2026-10-20T00:00:00.000Z',
  to: '2026-11-20T00:00:00.000Z',
  coverage_from_pct: 12.7,
  coverage_to_pct: 11.9,
  drop_pct: 0.8,
  total: 1,
  data: [
    {
      technique_id: 'T1003.006',
      status_from: 'validated',
      status_to: 'none',
      upheld_technique_id: 'T1003.006',
      asset_id: 'sigma:611eab06',
      validation_id: 'v-17',
      cause: 'rule_changed',
      causes: ['rule_changed', 'expired'],
      validated_at: '2026-08-01T00:00:00.000Z',
      expires_at: '2026-11-18T00:00:00.000Z',
      rule_version_from: '4f9c2d1',
      rule_version_to: '91ab3c0',
      rule_file_path: 'win/security/dcsync.yml',
      rule_repository_url: 'https://git.example/detections',
      infrastructure_change_ids: [],
      invalidation_reason: null,
    },
  ],
  next_cursor: null,
}

const daysDefault = 30

const route = createRoute({
  method: 'get',
  path: '/api/v1/coverage/regression',
  tags: ['coverage'],
  summary: 'What coverage was lost between two instants, and why',
  description:
    'Each technique whose status fell, with every validation that no longer upholds it and the ' +
    `causes, the first to tell first. Default: the last ${daysDefault} days.`,
  request: {
    query: z.strictObject({
      from: instant
        .optional()
        .openapi({ description: 'The earlier instant.', example: '2026-10-20T00:00:00Z' }),
      to: instant.optional().openapi({
        description: 'The later instant. Default: now.',
        example: '2026-11-20T00:00:00Z',
      }),
      limit: limit(100),
      cursor: cursor('regression', z.tuple([z.string(), z.string(), z.string()])),
    }),
  },
  responses: { 200: json(regression, 'Losses in the order of techniques.', example) },
})

type Loss = z.input<typeof loss>

export const coverageRegression: Resource = (app, { views, clock }) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const to = query.to ?? instantNow(clock)
    const from = query.from ?? Math.max(0, to - (daysDefault * dayMs) / secondMs)
    if (from >= to) throw inverted()
    const [rows, [before], [after]] = await Promise.all([
      views.select<Loss>('coverage_regression', { from_s: from, to_s: to }),
      views.select<Total>('coverage_share', { at_s: from }),
      views.select<Total>('coverage_share', { at_s: to }),
    ])
    const { cursor: key } = query
    const rest = rows
      .filter((row) => key === undefined || isAfter(keyOf(row), key))
      .toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
    const cut = page('regression', rest, query.limit, keyOf)
    const was = before?.coverage_pct ?? null
    const is = after?.coverage_pct ?? null
    const answer = regression.parse({
      ...cut,
      data: cut.data.map(withoutEmpty),
      total: rows.length,
      from: new Date(from * secondMs).toISOString(),
      to: new Date(to * secondMs).toISOString(),
      coverage_from_pct: was,
      coverage_to_pct: is,
      drop_pct: was === null || is === null ? null : was - is,
    })
    return c.json(answer, 200)
  })
}

function inverted(): Problem {
  return new Problem('invalid-request', 'One mistake; see `errors`.', {
    errors: [{ location: 'query', name: 'from', detail: 'must lie before `to`' }],
  })
}

interface Total {
  readonly coverage_pct: number | null
}

function keyOf(row: Loss): readonly [string, string, string] {
  return [row.technique_id, row.upheld_technique_id, `${row.asset_id} ${row.validation_id}`]
}

/** '' is absent in views. */
function withoutEmpty(row: Loss): object {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [column, value === '' ? null : value]),
  )
}
