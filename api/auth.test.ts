import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { ConfigError, TransientError } from '../core/error.ts'
import { createAuthenticate } from './auth.ts'
import { parseAuthFile } from './auth-file.ts'
import { assertSafeBinding } from './binding.ts'
import type { OidcConfig } from './oidc.ts'

/** 2026-11-21T00:00:00Z */
const nowS = 1_795_219_200
const clock = { now: () => nowS * 1_000 }
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const { publicKey, privateKey } = await generateKeyPair('ES256')
const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }
const oidc: OidcConfig = {
  issuer: 'https://id.example',
  audience: 'ttpstream',
  jwks: { keys: { keys: [jwk] } },
  roleClaim: 'realm_access.roles',
  roles: { soc: 'analyst', red: 'red_lead', root: 'admin' },
}

test('a token is known by its hash alone', async () => {
  const authenticate = createAuthenticate(
    { kind: 'bearer', tokens: [{ name: 'grafana', sha256: sha256('s3cret'), role: 'viewer' }] },
    clock,
  )
  expect(await authenticate('Bearer s3cret')).toEqual({ name: 'grafana', role: 'viewer' })
  expect(await authenticate('bearer s3cret')).toEqual({ name: 'grafana', role: 'viewer' })
  for (const header of [
    undefined,
    '',
    's3cret',
    'Bearer',
    'Bearer s3cre',
    `Bearer ${sha256('s3cret')}`,
    'Basic s3cret',
    'Bearer s3cret x',
  ]) {
    await expect(authenticate(header), header).rejects.toMatchObject({ code: 'unauthenticated' })
  }
})

test('a JWT of the provider gives the strongest role that its claim holds', async () => {
  const roleOf = async (claims: JWTPayload): Promise<unknown> =>
    (await bearer(oidc, await sign(claims))).role
  expect(await roleOf({ realm_access: { roles: ['soc', 'red'] } })).toBe('red_lead')
  expect(await roleOf({ realm_access: { roles: 'soc' } })).toBe('analyst')
  expect(await roleOf({ realm_access: { roles: ['staff'] } })).toBeNull()
  expect(await roleOf({})).toBeNull()
  expect(await roleOf({ 'realm_access.roles': ['root'] })).toBe('admin')
})

test('a JWT is refused for its signature, issuer, audience, times and algorithm', async () => {
  const other = await generateKeyPair('ES256')
  const refused = {
    'another key': await sign({}, { key: other.privateKey }),
    'another issuer': await sign({}, { issuer: 'https://evil.example' }),
    'another audience': await sign({}, { audience: 'grafana' }),
    expired: await sign({}, { expiresS: nowS - 31 }),
    'not yet valid': await sign({ nbf: nowS + 31 }),
    'without expiry': await sign({}, { expiresS: null }),
    'without subject': await sign({}, { subject: null }),
    'with a shared secret': await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .setIssuer(oidc.issuer)
      .setAudience(oidc.audience)
      .setSubject('u-12')
      .setExpirationTime(nowS + 60)
      .sign(new TextEncoder().encode(JSON.stringify(jwk))),
    unsigned: `${encode({ alg: 'none' })}.${encode({ sub: 'u-12', exp: nowS + 60 })}.`,
    garbage: 'a.b.c',
  }
  for (const [why, token] of Object.entries(refused)) {
    await expect(bearer(oidc, token), why).rejects.toMatchObject({ code: 'unauthenticated' })
  }
  expect(await bearer(oidc, await sign({}, { expiresS: nowS - 29 }))).toMatchObject({
    name: 'u-12',
  })
})

test('keys are fetched from the provider, and their absence is no fault of the token', async () => {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const remote = { ...oidc, jwks: { url: `http://127.0.0.1:${port}/keys` } }
  const token = await sign({ realm_access: { roles: ['soc'] } })
  expect(await bearer(remote, token)).toEqual({ name: 'u-12', role: 'analyst' })
  await new Promise((resolve) => server.close(resolve))
  await expect(bearer(remote, token)).rejects.toBeInstanceOf(TransientError)
})

test('a file of tokens is read, and every mistake in it is named', () => {
  const good = { name: 'ci', sha256: sha256('t'), role: 'analyst' }
  expect(parseAuthFile(JSON.stringify({ tokens: [good] }), 'tokens.json')).toEqual({
    kind: 'bearer',
    tokens: [good],
  })
  const provider = {
    issuer: oidc.issuer,
    audience: oidc.audience,
    jwks: { url: 'https://id.example/keys' },
    role_claim: 'groups',
    roles: { soc: 'analyst' },
  }
  expect(parseAuthFile(JSON.stringify({ oidc: provider }), 'tokens.json').oidc).toMatchObject({
    jwks: { url: 'https://id.example/keys' },
    roleClaim: 'groups',
  })
  const bad = JSON.stringify({ tokens: [{ ...good, sha256: 'plain', role: 'root' }], extra: 1 })
  expect(() => parseAuthFile(bad, 'tokens.json')).toThrow(
    /tokens\.json: .*tokens\.0\.sha256: .*tokens\.0\.role: .*extra/,
  )
  expect(() => parseAuthFile('{', 'tokens.json')).toThrow(ConfigError)
  expect(() => parseAuthFile('{}', 'tokens.json')).toThrow(ConfigError)
})

test('without authentication only loopback may be bound', () => {
  const tokens = [{ name: 'a', sha256: sha256('a'), role: 'admin' }] as const
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) {
    expect(() => assertSafeBinding(host, { kind: 'open' }), host).not.toThrow()
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.5', 'ttp.example', '', '127.0.0.1.nip.io']) {
    expect(() => assertSafeBinding(host, { kind: 'open' }), host).toThrow(ConfigError)
    expect(() => assertSafeBinding(host, { kind: 'bearer', tokens }), host).not.toThrow()
  }
  expect(() => assertSafeBinding('127.0.0.1', { kind: 'bearer', tokens: [] })).toThrow(ConfigError)
})

function bearer(config: OidcConfig, token: string) {
  return createAuthenticate({ kind: 'bearer', tokens: [], oidc: config }, clock)(`Bearer ${token}`)
}

function sign(
  claims: JWTPayload,
  options: {
    key?: typeof privateKey
    issuer?: string
    audience?: string
    subject?: string | null
    expiresS?: number | null
  } = {},
): Promise<string> {
  const { expiresS = nowS + 60, subject = 'u-12' } = options
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(options.issuer ?? oidc.issuer)
    .setAudience(options.audience ?? oidc.audience)
  if (subject !== null) token.setSubject(subject)
  if (expiresS !== null) token.setExpirationTime(expiresS)
  return token.sign(options.key ?? privateKey)
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
