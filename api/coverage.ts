import { createRoute, z } from '@hono/zod-openapi'
import type { Attack } from '../schemas/attack.ts'
import { cursor, nextCursor, page } from './cursor.ts'
import { at, instantNow, limit, list, tacticIds } from './parameters.ts'
import { json, type Resource, timestamp } from './resource.ts'
import { techniqueUrl } from './ttp/rollup.ts'

/** What is validated, technique by technique and in total, as of any instant (C1). */

const count = z.int().nonnegative()
const percent = z.number().min(0).max(100).nullable()

const total = z
  .object({
    coverage_pct: percent.openapi({ description: '(validated + 0.5 × partial) / total × 100.' }),
    validated: count,
    partial: count,
    total: count,
    leaf_coverage_pct: percent.openapi({
      description: 'Over sub-techniques and techniques that have none.',
    }),
    leaf_validated: count,
    leaf_partial: count,
    leaf_total: count,
    group_coverage_pct: percent.openapi({
      description: 'Each technique weighs as many groups as ATT&CK reports to use it.',
    }),
    group_validated: count,
    group_partial: count,
    group_total: count,
    can_detect: count.openapi({
      description:
        'An enabled rule can emit it and its log source arrives. Says nothing of validation.',
    }),
    seen: count.openapi({ description: 'Techniques that tags ever named.' }),
    attack_release: z.string(),
  })
  .openapi('CoverageTotal')

/** Of a technique: best of what validations say of it. */
export const coverageStatus = z.enum(['validated', 'partial', 'none'])

const technique = z
  .object({
    technique_id: z.string(),
    name: z.string(),
    parent_id: z.string().nullable(),
    tactics: z.array(z.string()),
    platforms: z.array(z.string()),
    domain: z.string(),
    status: coverageStatus,
    detection_count: count,
    valid_detection_count: count,
    can_detect: z.boolean(),
    detecting_assets: count,
    tags: count,
    tags_30d: count,
    last_tag_at: timestamp.nullable(),
    group_count: count,
    url: z.string().nullable(),
  })
  .openapi('TechniqueCoverage')

export const totalExample: z.input<typeof total> = {
  coverage_pct: 12.74,
  validated: 71,
  partial: 34,
  total: 691,
  leaf_coverage_pct: 11.9,
  leaf_validated: 60,
  leaf_partial: 20,
  leaf_total: 588,
  group_coverage_pct: 24.1,
  group_validated: 912,
  group_partial: 301,
  group_total: 4409,
  can_detect: 214,
  seen: 96,
  attack_release: '18.1',
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/coverage',
  tags: ['coverage'],
  summary: 'What is validated, as of any instant',
  description:
    'Status of every active technique of the scope, with totals in three forms, each with its ' +
    'denominator. Detection and activity stand beside validation and are never mixed into it.',
  request: {
    query: z.strictObject({
      at,
      domain: z
        .enum(['enterprise-attack', 'ics-attack'])
        .default('enterprise-attack')
        .openapi({ description: 'The scope’s matrix.', example: 'enterprise-attack' }),
      platform: list('Only techniques of these platforms; may repeat.', 'Windows'),
      tactic: list('Only techniques of these tactics; may repeat.', 'credential-access'),
      status: coverageStatus
        .optional()
        .openapi({ description: 'Only techniques of this status; totals stay.', example: 'none' }),
      limit: limit(1_000),
      cursor: cursor('coverage', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z.object({ total, data: z.array(technique), next_cursor: nextCursor }).openapi('Coverage'),
      'Totals, and techniques in the order of their ids.',
      {
        total: totalExample,
        data: [
          {
            technique_id: 'T1003.006',
            name: 'DCSync',
            parent_id: 'T1003',
            tactics: ['TA0006'],
            platforms: ['Windows'],
            domain: 'enterprise-attack',
            status: 'validated',
            detection_count: 2,
            valid_detection_count: 1,
            can_detect: true,
            detecting_assets: 1,
            tags: 12,
            tags_30d: 3,
            last_tag_at: '2026-11-20T10:41:07.123Z',
            group_count: 14,
            url: 'https://attack.mitre.org/techniques/T1003/006/',
          },
        ],
        next_cursor: null,
      },
    ),
  },
})

export const coverage: Resource = (app, services) => {
  const { views, attack, clock } = services
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const { domain, platform: platforms } = query
    const [row] = await views.select<CoverageRow>('coverage_scope', {
      at_s: query.at ?? instantNow(clock),
      domain,
      platforms,
      tactics: tacticIds(query.tactic, attack),
    })
    const after = query.cursor?.[0]
    const found = (row?.techniques ?? [])
      .filter(({ status }) => query.status === undefined || status === query.status)
      .filter(({ technique_id }) => after === undefined || technique_id > after)
    const cut = page('coverage', found, query.limit, (row) => [row.technique_id])
    const data = cut.data.map((row) => toTechnique(row, attack))
    return c.json({ ...cut, data, total: total.parse(row) }, 200)
  })
}

/** The row of `coverage_scope`. */
type CoverageRow = z.input<typeof total> & { readonly techniques: readonly TechniqueRow[] }

interface TechniqueRow extends Omit<z.input<typeof technique>, 'url' | 'parent_id'> {
  /** Its own id where it is no sub-technique. */
  readonly parent_id: string
}

function toTechnique(row: TechniqueRow, attack: Attack): z.input<typeof technique> {
  return {
    technique_id: row.technique_id,
    name: row.name,
    parent_id: row.parent_id === row.technique_id ? null : row.parent_id,
    tactics: row.tactics,
    platforms: row.platforms,
    domain: row.domain,
    status: row.status,
    detection_count: row.detection_count,
    valid_detection_count: row.valid_detection_count,
    can_detect: row.can_detect,
    detecting_assets: row.detecting_assets,
    tags: row.tags,
    tags_30d: row.tags_30d,
    last_tag_at: row.last_tag_at,
    group_count: row.group_count,
    url: techniqueUrl(row.technique_id, attack),
  }
}
