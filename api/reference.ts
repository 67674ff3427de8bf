import { z } from '@hono/zod-openapi'
import { openApiDocument } from './openapi.ts'
import type { Api } from './resource.ts'

/** The part of docs/api.md that is made from the OpenAPI document: one curl for every route. */
export function apiReference(app: Api): string {
  const document = shape.parse(JSON.parse(JSON.stringify(openApiDocument(app))))
  const sections = document.tags.map(({ name, description }) => {
    const lines = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item)
        .filter(([, operation]) => operation.tags.includes(name))
        .map(([method, operation]) => entry(method, path, operation)),
    )
    return lines.length === 0 ? '' : `### ${name}\n\n${description}\n\n${lines.join('\n')}`
  })
  return sections.filter((section) => section !== '').join('\n\n')
}

const parameter = z.looseObject({
  name: z.string(),
  in: z.string(),
  schema: z.looseObject({
    example: z.union([z.string(), z.number(), z.array(z.string())]).optional(),
  }),
})
const operation = z.looseObject({
  summary: z.string(),
  tags: z.array(z.string()),
  'x-least-role': z.string(),
  parameters: z.array(parameter).default([]),
  requestBody: z
    .looseObject({
      content: z.object({ 'application/json': z.looseObject({ example: z.json() }) }),
    })
    .optional(),
})
const shape = z.looseObject({
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), operation)),
})
type Operation = z.output<typeof operation>

const queryShownMax = 2

function entry(method: string, path: string, declared: Operation): string {
  const filled = declared.parameters
    .filter((one) => one.in === 'path')
    .reduce((text, one) => text.replace(`{${one.name}}`, exampleOf(one)), path)
  const shown = declared.parameters
    .filter((one) => one.in === 'query' && one.schema.example !== undefined)
    .slice(0, queryShownMax)
    .map((one) => `${one.name}=${exampleOf(one)}`)
  const query = shown.length === 0 ? '' : `?${shown.join('&')}`
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`
  const content = declared.requestBody?.content['application/json']
  const body = content === undefined ? '' : ` --json '${JSON.stringify(content.example)}'`
  const curl = `curl${verb} "$TTP${filled}${query}"${body}`
  return `- ${declared.summary} (${declared['x-least-role']}): \`${curl}\``
}

function exampleOf({ name, schema }: z.output<typeof parameter>): string {
  return encodeURI(String(schema.example ?? name))
}
