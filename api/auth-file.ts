import { z } from '@hono/zod-openapi'
import { ConfigError } from '../core/error.ts'
import type { BearerAuth } from './auth.ts'
import { roles } from './role.ts'

/**
 * The file behind TTPSTREAM_API_TOKENS_FILE:
 *
 *     { "tokens": [{ "name": "grafana", "sha256": "<64 hex>", "role": "viewer" }],
 *       "oidc": { "issuer": "https://id.example", "audience": "ttpstream",
 *                 "jwks": { "url": "https://id.example/keys" },
 *                 "role_claim": "realm_access.roles", "roles": { "soc": "analyst" } } }
 */
export function parseAuthFile(text: string, file: string): BearerAuth {
  const result = authFile.safeParse(parseJson(text, file))
  if (!result.success) {
    const problems = result.error.issues.map(
      (issue) => `${issue.path.join('.') || 'file'}: ${issue.message}`,
    )
    throw new ConfigError('bad-auth-file', `${file}: ${problems.join('; ')}`, {
      details: { problems },
    })
  }
  const { tokens, oidc } = result.data
  if (tokens.length === 0 && oidc === undefined) {
    throw new ConfigError('bad-auth-file', `${file} holds no token and no provider.`)
  }
  return {
    kind: 'bearer',
    tokens,
    ...(oidc === undefined
      ? {}
      : {
          oidc: {
            issuer: oidc.issuer,
            audience: oidc.audience,
            jwks: oidc.jwks,
            roleClaim: oidc.role_claim,
            roles: oidc.roles,
          },
        }),
  }
}

const tokensMax = 1_000

const authFile = z.strictObject({
  tokens: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(200),
        sha256: z.string().regex(/^[0-9a-f]{64}$/, 'give the token’s SHA-256 as 64 lower-case hex'),
        role: z.enum(roles),
      }),
    )
    .max(tokensMax)
    .default([]),
  oidc: z
    .strictObject({
      issuer: z.string().min(1),
      audience: z.string().min(1),
      jwks: z.union([
        z.strictObject({ url: z.url({ protocol: /^https$/ }) }),
        z.strictObject({ keys: z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }) }),
      ]),
      role_claim: z.string().min(1),
      roles: z.record(z.string(), z.enum(roles)),
    })
    .optional(),
})

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError('bad-auth-file', `${file} is not JSON.`, { cause })
  }
}
