import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { Clock } from '../core/clock.ts'
import { messageOf, TransientError } from '../core/error.ts'
import { minuteMs, secondMs } from '../core/units.ts'
import { type Principal, type Role, strongest } from './role.ts'

/**
 * Access tokens of an OpenID provider. Only asymmetric algorithms are accepted, so a public key can
 * never be taken for a shared secret, and `none` is not an algorithm.
 */

export interface OidcConfig {
  readonly issuer: string
  readonly audience: string
  /** Where the provider's keys are, or the keys themselves. */
  readonly jwks: { readonly url: string } | { readonly keys: JSONWebKeySet }
  /** The claim that holds role names: a claim's name, or a path with dots (`realm_access.roles`). */
  readonly roleClaim: string
  /** The provider's role or group → ours. The highest that is held counts. */
  readonly roles: Readonly<Record<string, Role>>
}

/** undefined: not a token of this provider. Throws `TransientError` when its keys cannot be read. */
export type JwtVerifier = (token: string) => Promise<Principal | undefined>

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'EdDSA']
const clockToleranceSeconds = 30

export function createJwtVerifier(oidc: OidcConfig, clock: Clock): JwtVerifier {
  const keys = keySet(oidc)
  return async (token) => {
    if (token.split('.').length !== 3) return undefined
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: oidc.issuer,
        audience: oidc.audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp', 'sub'],
      })
      return { name: payload.sub ?? '', role: roleOf(payload, oidc) }
    } catch (error) {
      if (isTokenFault(error)) return undefined
      throw new TransientError(
        'jwks-unavailable',
        `The keys of ${oidc.issuer} cannot be read: ${messageOf(error)}`,
        { cause: error },
      )
    }
  }
}

function keySet(oidc: OidcConfig): JWTVerifyGetKey {
  if ('keys' in oidc.jwks) return createLocalJWKSet(oidc.jwks.keys)
  return createRemoteJWKSet(new URL(oidc.jwks.url), {
    timeoutDuration: 5 * secondMs,
    cooldownDuration: 30 * secondMs,
    cacheMaxAge: 10 * minuteMs,
  })
}

/** The token's fault, as opposed to a key set that is out of reach or broken. */
function isTokenFault(error: unknown): boolean {
  return (
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  )
}

function roleOf(payload: JWTPayload, oidc: OidcConfig): Role | null {
  const claim = claimOf(payload, oidc.roleClaim)
  const held = new Set(Array.isArray(claim) ? claim : [claim])
  const granted = new Set(
    Object.entries(oidc.roles)
      .filter(([theirs]) => held.has(theirs))
      .map(([, ours]) => ours),
  )
  return strongest(granted)
}

/** A claim by its whole name first (they may be URLs with dots), then as a path. */
function claimOf(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name]
  let value: unknown = payload
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Object.entries(value).find(([member]) => member === key)?.[1]
  }
  return value
}
