import { z } from '@hono/zod-openapi'
import type { Context, ErrorHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { TransientError } from '../core/error.ts'
import type { Log } from '../core/log.ts'

/**
 * Every error as RFC 9457 problem+json. What went wrong inside is logged under the request id and
 * never sent: a client sees a stable code, a sentence and, for its own mistakes, each of them.
 */

/** Declared once: code → status and title. `type` is the code as a URN. */
export const problems = {
  'invalid-request': { status: 400, title: 'The request has mistakes' },
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  unauthenticated: { status: 401, title: 'Authentication is needed' },
  forbidden: { status: 403, title: 'The role does not allow this' },
  'host-refused': { status: 403, title: 'The Host or Origin is not this machine' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'The method is not one of this path' },
  conflict: { status: 409, title: 'The state does not allow this' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The body must be application/json' },
  internal: { status: 500, title: 'Something broke on our side' },
  unavailable: { status: 503, title: 'A server behind this API cannot answer now' },
} as const

export type ProblemCode = keyof typeof problems

export const problemBody = z
  .object({
    type: z.string().openapi({ example: 'urn:ttpstream:problem:invalid-request' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    instance: z.string().openapi({ description: 'Path of the request.' }),
    request_id: z.string().openapi({ description: 'Also in the header X-Request-Id and the log.' }),
    errors: z
      .array(z.object({ location: z.string(), name: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'Every mistake of the request, with its place.' }),
  })
  .openapi('Problem')

/** The response of a route that can fail so. */
export function problemSpec(code: ProblemCode) {
  const { status, title } = problems[code]
  const schema = { $ref: '#/components/schemas/Problem' }
  const example = {
    type: `urn:ttpstream:problem:${code}`,
    title,
    status,
    detail: title,
    code,
    instance: '/api/v1/ttp/techniques',
    request_id: '3f1e6c1e-8d43-4e0e-9d3a-0a2f4f1a7c55',
  }
  return { description: title, content: { 'application/problem+json': { schema, example } } }
}

export interface Mistake {
  readonly location: 'query' | 'path' | 'header' | 'cookie' | 'body'
  readonly name: string
  readonly detail: string
}

/** Thrown by handlers and middleware; becomes the response. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly errors: readonly Mistake[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    options: {
      errors?: readonly Mistake[]
      headers?: Readonly<Record<string, string>>
      cause?: unknown
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Problem'
    this.code = code
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }
}

export function notFound(what: string): Problem {
  return new Problem('not-found', `${what} is not known.`)
}

/** The app's only error handler. */
export function problemHandler(log: Log): ErrorHandler {
  return (error, c) => {
    const problem = toProblem(error)
    const { status } = problems[problem.code]
    if (status >= 500) {
      const fields = { request_id: requestIdOf(c), path: c.req.path, err: error }
      if (problem.code === 'unavailable') log.warn(fields, 'a request could not be answered now')
      else log.error(fields, 'a request failed')
    }
    return problemResponse(c, problem)
  }
}

export function problemResponse(c: Context, problem: Problem): Response {
  const { status, title } = problems[problem.code]
  const body: z.infer<typeof problemBody> = {
    type: `urn:ttpstream:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    instance: c.req.path,
    request_id: requestIdOf(c),
    ...(problem.errors.length === 0 ? {} : { errors: [...problem.errors] }),
  }
  return c.body(JSON.stringify(body), status, {
    ...problem.headers,
    'Content-Type': 'application/problem+json',
  })
}

const retryAfterSeconds = 2

function toProblem(error: Error): Problem {
  if (error instanceof Problem) return error
  if (error instanceof TransientError) {
    return new Problem('unavailable', 'The store cannot answer now; try again shortly.', {
      headers: { 'Retry-After': String(retryAfterSeconds) },
      cause: error,
    })
  }
  if (error instanceof HTTPException) return fromHono(error)
  return new Problem('internal', 'The request id names this failure in the log.', { cause: error })
}

/** What Hono's own validators throw. */
function fromHono(error: HTTPException): Problem {
  if (error.status === 415) {
    return new Problem('unsupported-media-type', 'Send the header Content-Type: application/json.')
  }
  if (error.status === 413) return new Problem('body-too-large', error.message)
  if (error.status >= 500) return new Problem('internal', 'The request could not be served.')
  return new Problem('malformed-json', 'The body could not be parsed as JSON.')
}

function requestIdOf(c: Context): string {
  const id: unknown = c.get('requestId')
  return typeof id === 'string' ? id : ''
}
