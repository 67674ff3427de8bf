import type { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { matchedRoutes } from 'hono/route'
import { type Mistake, Problem } from './problem.ts'
import type { Api } from './resource.ts'

/**
 * A request with mistakes is answered with all of them. Hono's validators stop at the first part of
 * a request that fails, so when one does, every part is parsed again here.
 */
export async function refuseMistakes(app: Api, c: Context): Promise<never> {
  const request = declaredRequest(app, c)
  const errors = [
    ...mistakesOf('path', request?.params, c.req.param()),
    ...mistakesOf('query', request?.query, queryOf(c)),
  ]
  const content = request?.body?.content['application/json']
  const body = content !== undefined && 'schema' in content ? content.schema : undefined
  if (isSchema(body)) errors.push(...mistakesOf('body', body, await bodyOf(c)))
  const count = errors.length === 1 ? 'One mistake' : `${errors.length} mistakes`
  throw new Problem('invalid-request', `${count}; see \`errors\`.`, { errors })
}

function declaredRequest(app: Api, c: Context) {
  const endpoint = matchedRoutes(c).find((route) => route.method !== 'ALL')
  const definition = app.openAPIRegistry.definitions.find(
    (candidate) =>
      candidate.type === 'route' &&
      candidate.route.method === endpoint?.method.toLowerCase() &&
      candidate.route.path.replaceAll(/{([^}]+)}/g, ':$1') === endpoint.path,
  )
  return definition?.type === 'route' ? definition.route.request : undefined
}

function isSchema(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && 'safeParse' in value
}

/** {} where there is none, as Hono's validator takes it. Malformed JSON never comes this far. */
async function bodyOf(c: Context): Promise<unknown> {
  return c.req.header('content-type') === undefined ? {} : await c.req.json()
}

/** Text where a name came once, a list where it came again: as Hono's validators see it. */
function queryOf(c: Context): Record<string, string | string[] | undefined> {
  return Object.fromEntries(
    Object.entries(c.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? values[0] : values,
    ]),
  )
}

function mistakesOf(
  location: Mistake['location'],
  schema: z.ZodType | undefined,
  value: unknown,
): Mistake[] {
  const result = schema?.safeParse(value, { reportInput: true })
  if (result === undefined || result.success) return []
  return result.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((name) => ({ location, name, detail: 'is not known here' }))
    }
    return [{ location, name: issue.path.join('.'), detail: detailOf(issue) }]
  })
}

function detailOf(issue: z.core.$ZodIssue): string {
  const isRepeated =
    issue.code === 'invalid_type' && issue.expected === 'string' && Array.isArray(issue.input)
  return isRepeated ? 'give it once' : issue.message
}
