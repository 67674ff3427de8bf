import { createRoute, z } from '@hono/zod-openapi'
import type { Attack } from '../../schemas/attack.ts'
import { cursor, nextCursor, page } from '../cursor.ts'
import { at, instantNow, limit, list, tacticIds, techniqueId } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource, timestamp } from '../resource.ts'
import { techniqueUrl } from '../ttp/rollup.ts'

/** How sure we may be of detecting each technique, with what the score is made of (L7, L8). */

const count = z.int().nonnegative()
const factor = z.number().min(0).max(1)
const level = z.enum(['unknown', 'very_low', 'low', 'medium', 'high'])

const confidence = z
  .object({
    technique_id: z.string(),
    name: z.string(),
    parent_id: z.string().nullable(),
    tactics: z.array(z.string()),
    platforms: z.array(z.string()),
    status: z.enum(['validated', 'partial', 'none']),
    score: z.number().min(0).max(100),
    level,
    score_breakdown: z.record(z.string(), z.number()),
    recency: factor,
    coverage: factor,
    health: factor,
    health_mean: factor,
    diversity: factor,
    detection_count: count,
    valid_detection_count: count,
    last_validated_at: timestamp.nullable(),
    next_validation_due: timestamp.nullable(),
    risk_factors: z.array(z.string()),
    test_count: count,
    detection_rate: factor.nullable(),
    detection_rate_lower_bound: factor.nullable().openapi({
      description: 'One-sided 90 % Wilson bound over tests weighted by age; null without tests.',
    }),
    policy_id: z.string(),
    last_recalculated_at: timestamp,
    url: z.string().nullable(),
  })
  .openapi('TechniqueConfidence')

const example: z.input<typeof confidence> = {
  technique_id: 'T1003.006',
  name: 'DCSync',
  parent_id: 'T1003',
  tactics: ['TA0006'],
  platforms: ['Windows'],
  status: 'validated',
  score: 71.2,
  level: 'medium',
  score_breakdown: { recency: 30, coverage: 20, health: 16.2, diversity: 5 },
  recency: 1,
  coverage: 0.6667,
  health: 0.65,
  health_mean: 0.65,
  diversity: 0.3333,
  detection_count: 2,
  valid_detection_count: 1,
  last_validated_at: '2026-11-20T11:02:00.000Z',
  next_validation_due: '2027-02-18T11:02:00.000Z',
  risk_factors: ['single_detection'],
  test_count: 4,
  detection_rate: 0.75,
  detection_rate_lower_bound: 0.43,
  policy_id: 'default',
  last_recalculated_at: '2026-11-21T00:00:00.000Z',
  url: 'https://attack.mitre.org/techniques/T1003/006/',
}

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/confidence',
  tags: ['lifecycle'],
  summary: 'Confidence of every technique',
  description: 'Active techniques of the pinned release, in the order of their ids.',
  request: {
    query: z.strictObject({
      at,
      confidence_level: level
        .optional()
        .openapi({ description: 'Only techniques of this level.', example: 'low' }),
      platform: list('Only techniques of these platforms; may repeat.', 'Windows'),
      tactic: list('Only techniques of these tactics; may repeat.', 'credential-access'),
      limit: limit(100),
      cursor: cursor('confidence', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(confidence), next_cursor: nextCursor, total: count })
        .openapi('ConfidencePage'),
      'Scores with what they are made of.',
      { data: [example], next_cursor: null, total: 1 },
    ),
  },
})

const oneRoute = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/confidence/{technique}',
  tags: ['lifecycle'],
  summary: 'Confidence of one technique',
  description: '404 for a technique that the pinned release does not have in force.',
  request: {
    params: z.strictObject({ technique: techniqueId }),
    query: z.strictObject({ at }),
  },
  responses: { 200: json(confidence, 'The score.', example) },
})

export const confidences: Resource = (app, services) => {
  const { views, attack, clock } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const tactics = tacticIds(query.tactic, attack)
    const platforms = new Set(query.platform.map((platform) => platform.toLowerCase()))
    const rows = await views.select<ConfidenceRow>('technique_confidence', {
      at_s: query.at ?? instantNow(clock),
    })
    const found = rows
      .filter((row) => query.confidence_level === undefined || row.level === query.confidence_level)
      .filter((row) => tactics.length === 0 || row.tactics.some((id) => tactics.includes(id)))
      .filter(
        ({ platforms: on }) =>
          platforms.size === 0 || on.some((name) => platforms.has(name.toLowerCase())),
      )
      .toSorted((a, b) => (a.technique_id < b.technique_id ? -1 : 1))
    const after = query.cursor?.[0]
    const rest = found.filter((row) => after === undefined || row.technique_id > after)
    const cut = page('confidence', rest, query.limit, (row) => [row.technique_id])
    const data = cut.data.map((row) => toConfidence(row, attack))
    return c.json({ ...cut, data, total: found.length }, 200)
  })
  app.openapi(oneRoute, async (c) => {
    const { technique } = c.req.valid('param')
    const rows = await views.select<ConfidenceRow>('technique_confidence', {
      at_s: c.req.valid('query').at ?? instantNow(clock),
    })
    const row = rows.find((candidate) => candidate.technique_id === technique)
    if (row === undefined) throw notFound(`Technique ${technique} of ATT&CK ${attack.release}`)
    return c.json(toConfidence(row, attack), 200)
  })
}

/** A row of `technique_confidence`. */
type ConfidenceRow = Omit<z.input<typeof confidence>, 'url' | 'parent_id'> & {
  /** Its own id where it is no sub-technique. */
  readonly parent_id: string
}

function toConfidence(row: ConfidenceRow, attack: Attack): z.output<typeof confidence> {
  const { technique_id, parent_id } = row
  return confidence.parse({
    ...row,
    parent_id: parent_id === technique_id ? null : parent_id,
    url: techniqueUrl(technique_id, attack),
  })
}
