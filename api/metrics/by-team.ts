import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource } from '../resource.ts'
import { testParameters, testQuery } from './test-query.ts'

const side = z
  .object({
    tests_completed: z.int().nonnegative(),
    avg_completion_hours: z.number().nullable(),
    rejection_rate: z.number().nullable(),
  })
  .openapi('TeamMetrics')

const teams = z.object({ red_team: side, blue_team: side }).openapi('MetricsByTeam')

const route = createRoute({
  method: 'get',
  path: '/api/v1/metrics/operational/by-team',
  tags: ['metrics'],
  summary: 'What each side got done',
  description:
    'Red: tests that left its hands, red start to blue start. Blue: tests it is done with, work ' +
    'start to validation. Net of pauses; null where there is nothing to count.',
  request: { query: testQuery },
  responses: {
    200: json(teams, 'Both sides.', {
      red_team: { tests_completed: 38, avg_completion_hours: 1.4, rejection_rate: 5.3 },
      blue_team: { tests_completed: 34, avg_completion_hours: 2.2, rejection_rate: null },
    }),
  },
})

/** A row of `test_teams`. */
interface TeamRow {
  readonly team: 'red_team' | 'blue_team'
  readonly tests_completed: number
  readonly avg_completion_hours: number | null
  readonly rejection_pct: number | null
}

export const byTeam: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const rows = await services.views.select<TeamRow>('test_teams', {
      ...testParameters(services, query),
      rounds: query.rounds,
    })
    const of = (team: TeamRow['team']): z.input<typeof side> => {
      const row = rows.find((candidate) => candidate.team === team)
      return {
        tests_completed: row?.tests_completed ?? 0,
        avg_completion_hours: row?.avg_completion_hours ?? null,
        rejection_rate: row?.rejection_pct ?? null,
      }
    }
    return c.json({ red_team: of('red_team'), blue_team: of('blue_team') }, 200)
  })
}
