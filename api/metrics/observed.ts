import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import { observedQuery, testParameters } from './test-query.ts'

/** What our own data saw of the tests, stage by stage, whatever blue's verdict says. */

const stages = [
  'detected',
  'hit',
  'ingested',
  'tagged',
  'alerted',
  'acknowledged',
  'validated',
] as const

const seconds = z.number().nullable()
const counts = z.record(z.string(), z.int().nonnegative())

const stage = z
  .object({
    reached: z.int().nonnegative(),
    reached_share: z.number().min(0).max(1).nullable(),
    p50_seconds: seconds.openapi({
      description: 'Kaplan-Meier quantiles; null where the share that was reached ends before.',
    }),
    p90_seconds: seconds,
    p95_seconds: seconds,
  })
  .openapi('ObservedStage')

const group = z
  .object({
    group_kind: z.enum(['all', 'tactic', 'technique', 'platform']),
    group_value: z.string().nullable().openapi({ description: 'null of the group of all tests.' }),
    tests: z.int().nonnegative(),
    stages: z.object({
      detected: stage,
      hit: stage,
      ingested: stage,
      tagged: stage,
      alerted: stage,
      acknowledged: stage,
      validated: stage,
    }),
    coincidental: z.int().nonnegative().openapi({
      description: 'Tests whose technique was seen on their machines in the 7 days before, too.',
    }),
    miss_reasons: counts,
    disagreements: counts.openapi({
      description: 'Where blue’s verdict and what was seen differ.',
    }),
    excluded: counts,
  })
  .openapi('ObservedGroup')

const horizonSeconds = 86_400
const exampleStage = {
  reached: 22,
  reached_share: 0.58,
  p50_seconds: 420,
  p90_seconds: null,
  p95_seconds: null,
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/observed',
  tags: ['metrics'],
  summary: 'What was really seen of the tests, and how fast',
  description:
    'A tag or an alert goes to the latest test of its technique on its machine begun within 24 hours ' +
    'before it. Stages are seconds after execution; tests that a stage never reached are censored at ' +
    '24 hours. Groups: all tests, and each tactic, technique and platform.',
  request: { query: observedQuery },
  responses: {
    200: json(
      z.object({ horizon_seconds: z.int(), data: z.array(group) }).openapi('ObservedDetection'),
      'All tests first, then the groups.',
      {
        horizon_seconds: horizonSeconds,
        data: [
          {
            group_kind: 'all',
            group_value: null,
            tests: 38,
            stages: {
              detected: exampleStage,
              hit: exampleStage,
              ingested: exampleStage,
              tagged: exampleStage,
              alerted: exampleStage,
              acknowledged: exampleStage,
              validated: exampleStage,
            },
            coincidental: 2,
            miss_reasons: { no_events: 5, no_rule_matched: 9 },
            disagreements: { said_detected: 1 },
            excluded: { no_machine: 3 },
          },
        ],
      },
    ),
  },
})

export const observed: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const parameters = testParameters(services, c.req.valid('query'))
    const rows = await services.views.select<StageRow>('observed_summary', parameters)
    const data = toGroups(rows)
    return c.json({ horizon_seconds: horizonSeconds, data }, 200)
  })
}

type Stage = z.input<typeof stage>
type Group = z.input<typeof group>

/** A row of `observed_summary`: one stage of one group. */
type StageRow = Stage &
  Omit<Group, 'stages' | 'group_value'> & {
    /** '' of the group of all. */
    readonly group_value: string
    readonly stage: (typeof stages)[number]
  }

const kindOrder = ['all', 'tactic', 'technique', 'platform']
const unreached: Stage = {
  reached: 0,
  reached_share: null,
  p50_seconds: null,
  p90_seconds: null,
  p95_seconds: null,
}

function toGroups(rows: readonly StageRow[]): Group[] {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    const key = `${kindOrder.indexOf(row.group_kind)} ${row.group_value}`
    const known = groups.get(key) ?? emptyGroup(row)
    known.stages[row.stage] = {
      reached: row.reached,
      reached_share: row.reached_share,
      p50_seconds: row.p50_seconds,
      p90_seconds: row.p90_seconds,
      p95_seconds: row.p95_seconds,
    }
    groups.set(key, known)
  }
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found)
}

function emptyGroup(row: StageRow): Group {
  return {
    group_kind: row.group_kind,
    group_value: row.group_value === '' ? null : row.group_value,
    tests: row.tests,
    stages: {
      detected: unreached,
      hit: unreached,
      ingested: unreached,
      tagged: unreached,
      alerted: unreached,
      acknowledged: unreached,
      validated: unreached,
    },
    coincidental: row.coincidental,
    miss_reasons: row.miss_reasons,
    disagreements: row.disagreements,
    excluded: row.excluded,
  }
}
