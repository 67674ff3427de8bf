import { createRoute, z } from '@hono/zod-openapi'
import { secondMs } from '../../core/units.ts'
import type { Attack } from '../../schemas/attack.ts'
import { coverageStatus } from '../coverage.ts'
import { cursor, nextCursor, page } from '../cursor.ts'
import { at, instantNow, limit, list, range, tacticIds, techniqueId } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource, timestamp } from '../resource.ts'
import { techniqueUrl } from '../ttp/rollup.ts'
import {
  type ConfidenceRow,
  confidence,
  confidenceExample,
  level,
  readConfidence,
} from './confidence-schema.ts'

/** How sure we may be of detecting each technique, with its history (L7, L8). */

const withHistory = confidence
  .extend({
    history: z
      .array(
        z.object({
          date: z.iso.date(),
          score: z.number(),
          level,
          status: coverageStatus,
          computed_at: timestamp,
        }),
      )
      .openapi({ description: 'What the daily run reported, oldest first; it does not change.' }),
    changes: z
      .array(
        z.object({
          recorded_at: timestamp,
          validation_id: z.string(),
          asset_id: z.string(),
          is_valid: z.boolean(),
          causes: z.array(z.string()),
          began: z.array(z.string()),
          ended: z.array(z.string()),
        }),
      )
      .openapi({
        description: 'Validations that the daily run found void or valid again, oldest first.',
      }),
  })
  .openapi('TechniqueConfidenceHistory')

const historyExample: z.input<typeof withHistory> = {
  ...confidenceExample,
  history: [
    {
      date: '2026-11-20',
      score: 71.2,
      level: 'medium',
      status: 'validated',
      computed_at: '2026-11-20T02:00:00.000Z',
    },
  ],
  changes: [
    {
      recorded_at: '2026-11-17T02:00:00.000Z',
      validation_id: 'v1',
      asset_id: 'sigma:611eab06',
      is_valid: true,
      causes: [],
      began: [],
      ended: ['infrastructure_changed'],
    },
  ],
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
        .object({
          data: z.array(confidence),
          next_cursor: nextCursor,
          total: z.int().nonnegative(),
        })
        .openapi('ConfidencePage'),
      'Scores with what they are made of.',
      { data: [confidenceExample], next_cursor: null, total: 1 },
    ),
  },
})

const oneRoute = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/confidence/{technique}',
  tags: ['lifecycle'],
  summary: 'Confidence of one technique',
  description:
    'With what was reported of it and how its validations fared. 404 for a technique that the ' +
    'pinned release does not have in force.',
  request: {
    params: z.strictObject({ technique: techniqueId }),
    query: z.strictObject({ at, ...range }),
  },
  responses: { 200: json(withHistory, 'The score, with its history.', historyExample) },
})

export const confidences: Resource = (app, services) => {
  const { views, attack, clock } = services
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const tactics = tacticIds(query.tactic, attack)
    const platforms = new Set(query.platform.map((platform) => platform.toLowerCase()))
    const { techniques } = await readConfidence(services, query.at ?? instantNow(clock))
    const found = techniques
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
    const { technique: technique_id } = c.req.valid('param')
    const { at: asked, from = 0, to = Number.POSITIVE_INFINITY } = c.req.valid('query')
    const at_s = asked ?? instantNow(clock)
    const [{ techniques }, reported, changed] = await Promise.all([
      readConfidence(services, at_s),
      views.select<HistoryRow>('confidence_history', { at_s, technique_id }),
      views.select<ChangeRow>('validity_changes', { at_s, technique_id }),
    ])
    const row = techniques.find((candidate) => candidate.technique_id === technique_id)
    if (row === undefined) throw notFound(`Technique ${technique_id} of ATT&CK ${attack.release}`)
    const isAsked = (time: string) => inRange(Date.parse(time) / secondMs, from, to)
    const history = reported
      .filter(({ computed_at }) => isAsked(computed_at))
      .toSorted((a, b) => (a.date < b.date ? -1 : 1))
    const changes = changed
      .filter(({ recorded_at }) => isAsked(recorded_at))
      .toSorted((a, b) => (a.recorded_at < b.recorded_at ? -1 : 1))
    return c.json(withHistory.parse({ ...toConfidence(row, attack), history, changes }), 200)
  })
}

/** Rows of `confidence_history` and `validity_changes`. */
type HistoryRow = z.input<typeof withHistory>['history'][number]
type ChangeRow = z.input<typeof withHistory>['changes'][number]

function inRange(timeS: number, from: number, to: number): boolean {
  return timeS >= from && timeS < to
}

function toConfidence(row: ConfidenceRow, attack: Attack): z.output<typeof confidence> {
  const { technique_id, parent_id } = row
  return confidence.parse({
    ...row,
    parent_id: parent_id === technique_id ? null : parent_id,
    url: techniqueUrl(technique_id, attack),
  })
}
