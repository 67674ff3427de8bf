import { createRoute, z } from '@hono/zod-openapi'
import { instantNow } from '../parameters.ts'
import { json, jsonBody, type Resource } from '../resource.ts'
import { acceptedBody, accepted as acceptedOf } from '../written.ts'
import { adoption, adoptionsMax, candidateFilter, readCandidates } from './candidates.ts'

/** Many candidates are adopted at once: those that a query finds (L1). */

const body = z
  .strictObject({
    filter: candidateFilter.openapi({ description: '{} is every candidate.' }),
    dry_run: z.boolean().default(false).openapi({ description: 'Say which, and adopt none.' }),
  })
  .openapi('AdoptionRequest')

const count = z.int().nonnegative()

const adopted = z
  .object({
    adopted: count.openapi({ description: 'With `dry_run`, how many would be.' }),
    left: count.openapi({ description: `Found beyond ${adoptionsMax}: ask again for them.` }),
    asset_ids: z.array(z.string()).openapi({ description: 'The first hundred, by id.' }),
  })
  .openapi('Adoption')

const example: z.input<typeof adopted> = {
  adopted: 1,
  left: 0,
  asset_ids: ['rule:611eab06-a145-4dfa-a295-3ccc5c20f59a'],
}

const route = createRoute({
  method: 'post',
  path: '/api/v1/detection-lifecycle/assets/adopt',
  tags: ['lifecycle'],
  summary: 'Adopt candidates by query',
  description:
    'Every asset that was made from a rule, is adopted by nobody and passes the filter counts in ' +
    'lists and scores from now on. Adopting again adds nothing. 202: on the log, not yet readable.',
  request: { body: jsonBody(body, { filter: { platform: 'windows' }, dry_run: false }) },
  responses: {
    200: json(adopted, 'Adopted.', example),
    202: json(adopted.extend(acceptedBody.shape).openapi('AcceptedAdoption'), 'On the log.', {
      ...example,
      detail: 'The change is on the log and will be in force when the engine has read it.',
      position: { topic: 'ttp.catalog', partition: 0, offset: 4711 },
    }),
  },
})

const shownMax = 100

export const adopt: Resource = (app, { views, clock, catalog }) => {
  app.openapi(route, async (c) => {
    const { filter, dry_run } = c.req.valid('json')
    const { wanted, left } = await readCandidates(views, instantNow(clock), filter)
    const answer = {
      adopted: wanted.length,
      left,
      asset_ids: wanted.slice(0, shownMax).map(({ id }) => id),
    }
    if (dry_run || wanted.length === 0) return c.json(answer, 200)
    const actor = c.var.principal.name
    const written = await catalog.writeAll(wanted.map((one) => adoption(one, actor)))
    return written.isReadable
      ? c.json(answer, 200)
      : c.json({ ...answer, ...acceptedOf(written) }, 202)
  })
}
