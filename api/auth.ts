import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { createJwtVerifier, type JwtVerifier, type OidcConfig } from './oidc.ts'
import { Problem } from './problem.ts'
import type { Principal, Role } from './role.ts'

/**
 * Who is asking. Two ways to be known: a static bearer token, kept only as its SHA-256, or an OIDC
 * JWT. `open` knows nobody and is allowed on loopback alone (`binding.ts`).
 */

export type Auth = { readonly kind: 'open' } | BearerAuth

export interface BearerAuth {
  readonly kind: 'bearer'
  readonly tokens: readonly TokenGrant[]
  readonly oidc?: OidcConfig
}

export interface TokenGrant {
  /** Names the holder in records it writes; not a secret. */
  readonly name: string
  /** Lower-case hex of the token's SHA-256. Tokens are random: 32 bytes or more. */
  readonly sha256: string
  readonly role: Role
}

/** Tells who sent a request from its Authorization header. Throws `Problem` unauthenticated. */
export type Authenticate = (authorization: string | undefined) => Promise<Principal>

export function createAuthenticate(auth: Auth, clock: Clock): Authenticate {
  if (auth.kind === 'open') return async () => ({ name: 'local', role: 'admin' })
  const verifyJwt = auth.oidc === undefined ? undefined : createJwtVerifier(auth.oidc, clock)
  const grants = auth.tokens.map((grant) => ({ grant, hash: Buffer.from(grant.sha256, 'hex') }))
  return async (authorization) => {
    const token = bearerToken(authorization)
    const hash = createHash('sha256').update(token).digest()
    let found: TokenGrant | undefined
    // No early exit: the time taken does not tell which hash was near.
    for (const entry of grants) if (timingSafeEqual(entry.hash, hash)) found = entry.grant
    if (found !== undefined) return { name: found.name, role: found.role }
    return fromJwt(verifyJwt, token)
  }
}

async function fromJwt(verify: JwtVerifier | undefined, token: string): Promise<Principal> {
  const principal = verify === undefined ? undefined : await verify(token)
  if (principal !== undefined) return principal
  throw unauthenticated('The bearer token is not valid here.', 'error="invalid_token"')
}

function bearerToken(authorization: string | undefined): string {
  const match = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')
  if (match?.[1] === undefined) {
    throw unauthenticated('Send the header Authorization: Bearer <token>.')
  }
  return match[1]
}

function unauthenticated(detail: string, attribute?: string): Problem {
  const challenge = `Bearer realm="ttpstream"${attribute === undefined ? '' : `, ${attribute}`}`
  return new Problem('unauthenticated', detail, { headers: { 'WWW-Authenticate': challenge } })
}
