import { expect } from 'vitest'
import { type ZodType, z } from 'zod'
import { type AppOptions, createApp } from '../api/app.ts'
import { openApiDocument } from '../api/openapi.ts'
import type { Api } from '../api/resource.ts'
import { silentLog } from '../core/log.ts'
import { loadAttack } from '../schemas/attack.ts'
import { emptyStore } from './empty-store.ts'
import { ViewRecorder } from './view-recorder.ts'

/** 2026-11-21T00:00:00Z */
export const nowMs = 1_795_219_200_000

/** An app in open mode over an empty recorder, unless told otherwise. */
export function testApp(options: Partial<AppOptions> = {}): Api {
  return createApp({
    views: new ViewRecorder(emptyStore),
    attack: loadAttack(),
    publish: async () => ({ topic: 'ttp.catalog', partition: 0, offset: 0 }),
    rules: () => [],
    ruleStates: () => new Map(),
    health: { isAlive: () => true, readiness: () => ({ ready: true, reasons: [] }) },
    metrics: async () => '# TYPE ttpstream_rules gauge\nttpstream_rules 0\n',
    clock: { now: () => nowMs },
    log: silentLog,
    auth: { kind: 'open' },
    ...options,
  })
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Parsed where the response is JSON, else text. */
  readonly body: unknown
}

export type Send = (path: string, init?: RequestInit) => Promise<Answer>

/**
 * Sends requests and holds every response to the served OpenAPI document: its status is declared,
 * its media type is declared, its body has the declared members and no others.
 */
export function checkedClient(
  app: Api,
  transport: (path: string, init?: RequestInit) => Response | Promise<Response> = (path, init) =>
    app.request(path, init),
): Send {
  const check = responseCheck(documentOf(app))
  return async (path, init) => {
    const response = await transport(path, init)
    const text = await response.text()
    const contentType = response.headers.get('content-type') ?? ''
    const isJson = /^application\/(problem\+)?json/.test(contentType)
    const body: unknown = isJson ? JSON.parse(text) : text
    check(init?.method ?? 'GET', new URL(path, 'http://localhost').pathname, {
      status: response.status,
      contentType,
      body,
    })
    return { status: response.status, headers: response.headers, body }
  }
}

interface Received {
  readonly status: number
  readonly contentType: string
  readonly body: unknown
}

const content = z.record(z.string(), z.looseObject({ schema: z.unknown(), example: z.unknown() }))
const operation = z.looseObject({
  summary: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  'x-least-role': z.string(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).default([]),
  requestBody: z.looseObject({ content }).optional(),
  responses: z.record(z.string(), z.looseObject({ content: content.optional() })),
})

/** What the checks below read of an OpenAPI document. */
export const documentShape = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
})
export type OpenApi = z.output<typeof documentShape>

export function documentOf(app: Api): OpenApi {
  return documentShape.parse(JSON.parse(JSON.stringify(openApiDocument(app))))
}

function responseCheck(
  document: OpenApi,
): (method: string, path: string, received: Received) => void {
  const validators = new Map<string, ZodType>()
  const validatorOf = (key: string, schema: unknown): ZodType => {
    const known = validators.get(key) ?? toZod(schema, document)
    validators.set(key, known)
    return known
  }
  return (method, path, received) => {
    const template = templateOf(document, path)
    if (template === undefined) {
      expect(received.status, `${path} is not in the document`).toBe(404)
      validatorOf('Problem', { $ref: '#/components/schemas/Problem' }).parse(received.body)
      return
    }
    const name = method === 'HEAD' ? 'get' : method.toLowerCase()
    const declared = document.paths[template]?.[name]
    if (declared === undefined) {
      expect(received.status, `${method} ${template} is not in the document`).toBe(405)
      return
    }
    const key = `${method} ${template} ${received.status}`
    const response = declared.responses[received.status]
    expect(response, `${key} is not declared`).toBeDefined()
    const media = response?.content?.[received.contentType]
    expect(media, `${key}: ${received.contentType} is not declared`).toBeDefined()
    const result = validatorOf(key, media?.schema).safeParse(received.body)
    expect(result.error?.issues ?? [], `${key} does not fit its schema`).toEqual([])
  }
}

function templateOf(document: OpenApi, path: string): string | undefined {
  const templates = Object.keys(document.paths)
  return (
    templates.find((template) => template === path) ??
    templates.find((template) =>
      new RegExp(`^${template.replaceAll(/{[^}]+}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(path),
    )
  )
}

/** The validator of a schema in the document; objects admit only what they declare. */
export function toZod(schema: unknown, document: OpenApi): ZodType {
  const whole = { allOf: [closed(schema)], $defs: closed(document.components.schemas) }
  const text = JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/')
  return z.fromJSONSchema(JSON.parse(text))
}

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      key === 'example' ? member : closed(member),
    ]),
  )
  const isOpenObject = 'properties' in value && !('additionalProperties' in value)
  return isOpenObject ? { ...members, additionalProperties: false } : members
}
