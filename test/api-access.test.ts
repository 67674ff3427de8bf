import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { access } from '../api/access.ts'
import type { BearerAuth } from '../api/auth.ts'
import { openApiDocument } from '../api/openapi.ts'
import { type LeastRole, type Role, roles } from '../api/role.ts'
import { checkedClient, testApp } from './api-client.ts'

const tokenOf = (role: Role): string => `token-of-${role}`
const auth: BearerAuth = {
  kind: 'bearer',
  tokens: roles.map((role) => ({
    name: role,
    sha256: createHash('sha256').update(tokenOf(role)).digest('hex'),
    role,
  })),
}
const app = testApp({ auth })
const send = checkedClient(app)

/** Written out by hand, so that the ladder in the code is held to something. */
const admitted: Readonly<Record<LeastRole, readonly Role[]>> = {
  public: ['viewer', 'analyst', 'red_lead', 'blue_lead', 'admin'],
  viewer: ['viewer', 'analyst', 'red_lead', 'blue_lead', 'admin'],
  analyst: ['analyst', 'red_lead', 'blue_lead', 'admin'],
  lead: ['red_lead', 'blue_lead', 'admin'],
  admin: ['admin'],
}

const routes = Object.entries(openApiDocument(app).paths ?? {}).flatMap(([path, item]) =>
  Object.keys(item).map((method) => {
    const key = `${method.toUpperCase()} ${path}`
    return { key, method: method.toUpperCase(), path, least: access[key] }
  }),
)

test('every route of the OpenAPI document has a least role, and the other way round', () => {
  expect(routes.map(({ key }) => key).toSorted()).toEqual(Object.keys(access).toSorted())
})

test.each(routes)('$key answers 401 without a token and with a wrong one', async (route) => {
  const path = concrete(route.path)
  const statuses = [
    (await send(path, { method: route.method })).status,
    (await send(path, with_('Bearer not-a-token', route.method))).status,
    (await send(path, with_('Basic dXNlcjpwYXNz', route.method))).status,
  ]
  if (route.least === 'public') expect(statuses).not.toContain(401)
  else expect(statuses).toEqual([401, 401, 401])
})

test.each(routes)('$key admits exactly the roles from its least one up', async (route) => {
  expect(route.least).toBeDefined()
  for (const role of roles) {
    const { status } = await send(
      concrete(route.path),
      with_(`Bearer ${tokenOf(role)}`, route.method),
    )
    const isAdmitted = admitted[route.least ?? 'admin'].includes(role)
    expect(isAdmitted, `${role} got ${status}`).toBe(status !== 403)
    expect(status, role).not.toBe(401)
    expect(status, role).toBeLessThan(500)
  }
})

test('a 401 and a 403 say how to authenticate', async () => {
  const unknown = await send('/metrics')
  expect(unknown.headers.get('www-authenticate')).toBe('Bearer realm="ttpstream"')
  const wrong = await send('/metrics', with_('Bearer nope', 'GET'))
  expect(wrong.headers.get('www-authenticate')).toContain('error="invalid_token"')
  const weak = await send('/api/v1/ttp/tags', with_(`Bearer ${tokenOf('viewer')}`, 'GET'))
  expect(weak.status).toBe(403)
  expect(weak.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
})

test('HEAD needs the same role as GET', async () => {
  const response = await app.request('/metrics', { method: 'HEAD' })
  expect(response.status).toBe(401)
})

test('a path that no route has is 404 to everyone, so it tells nothing', async () => {
  expect((await send('/api/v1/none')).status).toBe(404)
})

function concrete(path: string): string {
  return path.replace('techniques/{id}', 'techniques/T1059').replace(/{[a-z_]+}/g, 'x')
}

function with_(authorization: string, method: string): RequestInit {
  return { method, headers: { authorization } }
}
