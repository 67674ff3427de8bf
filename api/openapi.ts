import { createRoute, z } from '@hono/zod-openapi'
import { access } from './access.ts'
import { type ProblemCode, problemBody, problemSpec, problems } from './problem.ts'
import type { Api, Resource } from './resource.ts'

/**
 * The OpenAPI 3.1 document. Routes declare what is theirs; what holds for all of them is added here:
 * the least role, and every error that the layers around a handler can answer with.
 */

const anyDocument = z.looseObject({ openapi: z.string() })

const route = createRoute({
  method: 'get',
  path: '/openapi.json',
  tags: ['operations'],
  summary: 'This document',
  description: 'The OpenAPI 3.1 description of every route.',
  responses: {
    200: {
      description: 'OpenAPI 3.1.',
      content: {
        'application/json': {
          schema: anyDocument,
          example: { openapi: '3.1.0', info: { title: 'ttpstream', version: '1' }, paths: {} },
        },
      },
    },
  },
})

export const openapi: Resource = (app) => {
  let document: z.infer<typeof anyDocument> | undefined
  app.openapi(route, (c) => {
    document ??= anyDocument.parse(openApiDocument(app))
    return c.json(document, 200)
  })
}

export function openApiDocument(app: Api) {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'ttpstream',
      version: '1',
      description:
        'ATT&CK tags, coverage and test metrics. Times are RFC 3339 in UTC; lists page by cursor; ' +
        'every error is application/problem+json (RFC 9457).',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'ttp', description: 'Techniques, tags and the rules that made them.' },
      { name: 'metrics', description: 'Purple-team tests: how long, and what was seen.' },
      { name: 'coverage', description: 'What is validated, as of any time.' },
      { name: 'lifecycle', description: 'Detection assets, their validations and confidence.' },
      { name: 'operations', description: 'The service itself.' },
    ],
  })
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
      const operation = item[method]
      if (operation === undefined) continue
      const least = access[`${method.toUpperCase()} ${path}`] ?? 'admin'
      Object.assign(operation, { 'x-least-role': least })
      operation.security = least === 'public' ? [] : [{ bearer: [] }]
      const codes = errorsOf({
        isPublic: least === 'public',
        hasInput: operation.parameters !== undefined || operation.requestBody !== undefined,
        hasId: path.includes('{'),
        hasBody: operation.requestBody !== undefined,
        isWrite: method !== 'get',
      })
      const responses = { ...operation.responses }
      for (const [status, response] of errorResponses(codes)) responses[status] ??= response
      operation.responses = responses
    }
  }
  return document
}

/** Makes the parts known that no route mentions by itself. */
export function registerComponents(app: Api): void {
  app.openAPIRegistry.register('Problem', problemBody)
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of ours, or a JWT of the configured OpenID provider.',
  })
}

interface Traits {
  readonly isPublic: boolean
  readonly hasInput: boolean
  readonly hasId: boolean
  readonly hasBody: boolean
  readonly isWrite: boolean
}

function errorsOf(traits: Traits): ProblemCode[] {
  return [
    ...(traits.hasInput ? (['invalid-request'] as const) : []),
    ...(traits.isPublic ? [] : (['unauthenticated', 'unavailable'] as const)),
    'forbidden',
    ...(traits.hasId ? (['not-found'] as const) : []),
    ...(traits.isWrite ? (['conflict'] as const) : []),
    ...(traits.hasBody ? (['body-too-large', 'unsupported-media-type'] as const) : []),
    'internal',
  ]
}

function errorResponses(codes: readonly ProblemCode[]) {
  return codes.map((code) => [String(problems[code].status), problemSpec(code)] as const)
}
