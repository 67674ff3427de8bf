import { createRoute, z } from '@hono/zod-openapi'
import { cursor, isAfter, nextCursor, page } from '../cursor.ts'
import { at, instantNow, limit } from '../parameters.ts'
import { json, jsonBody, type Resource, type Services, timestamp } from '../resource.ts'
import { accepted, acceptedResponse } from '../written.ts'

/**
 * The daily run, on demand (L9). It is asked for through the catalog, and the worker that has its
 * duties runs it and answers the same way.
 */

const run = z
  .object({
    id: z.string(),
    requested_at: timestamp,
    requested_by: z.string(),
    finished_at: timestamp.nullable().openapi({ description: 'null: not run yet.' }),
    began: z.int().nullable().openapi({ description: 'Validations that became invalid.' }),
    ended: z.int().nullable().openapi({ description: 'Validations that are valid again.' }),
    opened: z.array(z.string()).openapi({ description: 'Techniques that came into the queue.' }),
    snapshot_date: z.iso.date().nullable().openapi({
      description: 'null: not run yet, or the day had its snapshot already.',
    }),
    records: z.int().nullable(),
  })
  .openapi('DecayRun')

const example: z.input<typeof run> = {
  id: '0b5c2c3e-6f0a-4d5e-9a44-0a3f3f6d2a11',
  requested_at: '2026-11-20T11:02:00.000Z',
  requested_by: 'u-12',
  finished_at: '2026-11-20T11:02:01.200Z',
  began: 2,
  ended: 0,
  opened: ['T1003.006'],
  snapshot_date: null,
  records: 3,
}

const postRoute = createRoute({
  method: 'post',
  path: '/api/v1/detection-lifecycle/decay/run',
  tags: ['lifecycle'],
  summary: 'Run the daily run now',
  description:
    'Records what became invalid or valid again, the day’s snapshot if it has none, and opens queue ' +
    'items; running it again adds nothing. 202 while it is not done: see `/decay/runs`.',
  request: {
    body: jsonBody(
      z.strictObject({ reason: z.string().max(10_000).optional() }).openapi('DecayRequest'),
      { reason: 'after the SIEM upgrade' },
    ),
  },
  responses: { 200: json(run, 'Done.', example), 202: acceptedResponse },
})

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/detection-lifecycle/decay/runs',
  tags: ['lifecycle'],
  summary: 'Runs that were asked for',
  description: 'Newest first.',
  request: {
    query: z.strictObject({
      at,
      limit: limit(100),
      cursor: cursor('decay-runs', z.tuple([z.number(), z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(run), next_cursor: nextCursor, total: z.int() })
        .openapi('DecayRunPage'),
      'Runs.',
      { data: [example], next_cursor: null, total: 1 },
    ),
  },
})

export const decay: Resource = (app, services) => {
  const { clock, catalog, random } = services
  app.openapi(postRoute, async (c) => {
    const runId = random.uuid()
    const written = await catalog.write({
      kind: 'decay_request',
      op: 'put',
      id: runId,
      actor: c.var.principal.name,
      entity: c.req.valid('json'),
    })
    if (!written.isReadable) return c.json(accepted(written), 202)
    const done = await catalog.waitFor(async () => {
      const runs = await readRuns(services, instantNow(clock))
      return runs.find((one) => one.id === runId && one.finished_at !== null)
    })
    return done === undefined ? c.json(accepted(written), 202) : c.json(done, 200)
  })
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const runs = await readRuns(services, query.at ?? instantNow(clock))
    const { cursor: after } = query
    const sorted = runs.toSorted((a, b) => (isAfter(keyOf(a), keyOf(b)) ? 1 : -1))
    const rest = sorted.filter((one) => after === undefined || isAfter(keyOf(one), after))
    return c.json({ ...page('decay-runs', rest, query.limit, keyOf), total: runs.length }, 200)
  })
}

/** A row of `decay_runs`. */
interface RunRow extends Omit<z.input<typeof run>, 'id'> {
  readonly run_id: string
}

async function readRuns({ views }: Services, at_s: number): Promise<z.output<typeof run>[]> {
  const rows = await views.select<RunRow>('decay_runs', { at_s })
  return rows.map((row) => run.parse({ ...row, id: row.run_id }))
}

/** Newest first. */
function keyOf(one: z.output<typeof run>): readonly [number, string] {
  return [-Date.parse(one.requested_at), one.id]
}
