import { expect, test } from 'vitest'
import type { Views } from '../core/clickhouse.ts'
import { TransientError } from '../core/error.ts'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import { checkedClient, testApp } from './api-client.ts'
import { ViewRecorder } from './view-recorder.ts'

test('a request with several mistakes is told all of them at once', async () => {
  const send = checkedClient(testApp())
  const path =
    '/api/v1/ttp/techniques?limit=0&form=1&from=yesterday&cursor=abc&min_confidence=2&to=1&to=2'
  const { status, body, headers } = await send(path)
  expect(status).toBe(400)
  expect(headers.get('content-type')).toBe('application/problem+json')
  expect(body).toMatchObject({
    code: 'invalid-request',
    status: 400,
    instance: '/api/v1/ttp/techniques',
    request_id: headers.get('x-request-id'),
  })
  expect(namesOf(body)).toEqual(['cursor', 'form', 'from', 'limit', 'min_confidence', 'to'])
})

test('mistakes of the path and of the query come together', async () => {
  const send = checkedClient(testApp())
  const { body } = await send(`/api/v1/ttp/by-identity/${'x'.repeat(501)}?limit=many`)
  expect(namesOf(body)).toEqual(['id', 'limit'])
})

test('a parameter that a route does not know is a mistake', async () => {
  const send = checkedClient(testApp())
  const { status, body } = await send('/api/v1/ttp/tags?techniqe=T1059')
  expect(status).toBe(400)
  expect(body).toMatchObject({ errors: [{ name: 'techniqe', detail: 'is not known here' }] })
})

test.each([
  ['2026-11-20T10:41:07Z', 1_795_171_267],
  ['2026-11-20T10:41:07.250Z', 1_795_171_267.25],
  ['2026-11-20T12:41:07+02:00', 1_795_171_267],
  ['1795171267', 1_795_171_267],
  ['1795171267.25', 1_795_171_267.25],
  ['0', 0],
])('the instant %s reaches the view as %d epoch seconds', async (text, seconds) => {
  const views = new ViewRecorder()
  const send = checkedClient(testApp({ views }))
  await send(`/api/v1/ttp/techniques?from=${encodeURIComponent(text)}`)
  expect(views.calls[0]?.parameters['from_s']).toBe(seconds)
})

test.each([
  'now',
  '2026-11-20',
  '2026-11-20T10:41:07',
  '2026-02-30T00:00:00Z',
  '-1',
  '1e9',
  '4102444800',
  '2100-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
])('%s is no instant', async (text) => {
  const send = checkedClient(testApp())
  const { status } = await send(`/api/v1/ttp/techniques?from=${encodeURIComponent(text)}`)
  expect(status).toBe(400)
})

test('a method that a path does not have is 405 and names those it has', async () => {
  const send = checkedClient(testApp())
  const { status, headers } = await send('/api/v1/ttp/techniques', { method: 'DELETE' })
  expect(status).toBe(405)
  expect(headers.get('allow')).toBe('GET, HEAD')
})

test('a path that nothing has is 404', async () => {
  const send = checkedClient(testApp())
  expect((await send('/api/v2/ttp/techniques')).status).toBe(404)
})

test('a body over one megabyte is 413, whatever length it claims', async () => {
  const app = testApp()
  const large = 'x'.repeat(1_048_577)
  const response = await app.request('/api/v1/ttp/techniques', { method: 'POST', body: large })
  expect(response.status).toBe(413)
  const streamed = await app.request('/api/v1/ttp/techniques', {
    method: 'POST',
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(large))
        controller.close()
      },
    }),
    duplex: 'half',
  } as RequestInit)
  expect(streamed.status).toBe(413)
})

test('a store that is away is 503 with Retry-After and says nothing of itself', async () => {
  const warnings: object[] = []
  const send = checkedClient(
    testApp({
      views: failing(new TransientError('clickhouse-unavailable', 'ECONNREFUSED 10.1.2.3:8123')),
      log: { ...silentLog, warn: (fields) => warnings.push(fields) },
    }),
  )
  const { status, headers, body } = await send('/api/v1/ttp/techniques')
  expect(status).toBe(503)
  expect(headers.get('retry-after')).toBe('2')
  expect(JSON.stringify(body)).not.toContain('10.1.2.3')
  expect(warnings).toMatchObject([{ request_id: headers.get('x-request-id') }])
})

test('an error of ours is 500, logged under the request id and not described to the client', async () => {
  const errors: object[] = []
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  const cause = new Error('Unknown column secret_thing')
  const send = checkedClient(testApp({ views: failing(cause), log }))
  const { status, headers, body } = await send('/api/v1/ttp/techniques')
  expect(status).toBe(500)
  expect(JSON.stringify(body)).not.toContain('secret_thing')
  expect(errors).toEqual([
    {
      request_id: headers.get('x-request-id'),
      path: '/api/v1/ttp/techniques',
      err: cause,
    },
  ])
})

test('open mode answers only to loopback names and origins', async () => {
  const app = testApp()
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await app.request('/health/live', { headers })).status
  for (const host of [
    'localhost',
    'localhost:8080',
    '127.0.0.1:8080',
    '127.8.9.10',
    '[::1]:8080',
  ]) {
    expect(await status({ host }), host).toBe(200)
  }
  for (const host of [
    'rebind.example',
    'localhost.rebind.example',
    '127.0.0.1.rebind.example:8080',
    '10.0.0.1',
    '127.0.0.256',
    '[::2]',
    'localhost:8080@rebind.example',
    '',
  ]) {
    expect(await status({ host }), host).toBe(403)
  }
  expect(await status({ host: 'localhost', origin: 'http://localhost:8080' })).toBe(200)
  expect(await status({ host: 'localhost', origin: 'https://evil.example' })).toBe(403)
  expect(await status({ host: 'localhost', origin: 'null' })).toBe(403)
})

test('responses forbid framing, sniffing, caching and other origins', async () => {
  const { headers } = await checkedClient(testApp())('/api/v1/ttp/techniques', {
    headers: { origin: 'http://localhost:3000' },
  })
  expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'")
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('cache-control')).toBe('no-store')
  expect(headers.has('access-control-allow-origin')).toBe(false)
})

test('a sane request id is kept, any other is replaced', async () => {
  const send = checkedClient(testApp({ random: { uuid: () => 'ours' } }))
  const id = async (theirs: string): Promise<string | null> =>
    (await send('/health/live', { headers: { 'x-request-id': theirs } })).headers.get(
      'x-request-id',
    )
  expect(await id('trace-17')).toBe('trace-17')
  expect(await id('bad id;<script>')).toBe('ours')
  expect(await id('x'.repeat(256))).toBe('ours')
})

test('health asks nobody and tells why it is not ready', async () => {
  const views = new ViewRecorder()
  const health = {
    isAlive: () => false,
    readiness: () => ({ ready: false, reasons: ['no rules are loaded'] }),
  }
  const send = checkedClient(testApp({ views, health }))
  expect(await send('/health/live')).toMatchObject({ status: 503, body: { alive: false } })
  expect(await send('/health/ready')).toMatchObject({
    status: 503,
    body: { ready: false, reasons: ['no rules are loaded'] },
  })
  expect(views.calls).toEqual([])
})

test('every response is reported by the pattern of its route, never by its path', async () => {
  const seen: unknown[] = []
  const send = checkedClient(testApp({ onResponse: (response) => seen.push(response) }))
  await send('/api/v1/ttp/by-session/secret-id')
  const { headers } = await send('/nowhere')
  const reported = { method: 'GET', status: 404, seconds: 0, requestId: expect.any(String) }
  expect(seen).toEqual([
    { ...reported, route: '/api/v1/ttp/by-session/:id' },
    { ...reported, route: 'none', requestId: headers.get('x-request-id') },
  ])
})

test('metrics are the text that the process gives', async () => {
  const { body, headers } = await checkedClient(testApp())('/metrics')
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(body).toBe('# TYPE ttpstream_rules gauge\nttpstream_rules 0\n')
})

test('the home page may run its own script and nothing else', async () => {
  const { body, headers } = await checkedClient(testApp())('/')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/)
  expect(String(body).match(/<script/g)).toHaveLength(1)
})

function failing(error: Error): Views {
  return {
    select: async () => {
      throw error
    },
  }
}

function namesOf(body: unknown): string[] {
  const { errors } = body as { errors: { name: string }[] }
  return errors.map(({ name }) => name).toSorted()
}
