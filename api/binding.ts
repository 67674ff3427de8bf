import type { MiddlewareHandler } from 'hono'
import { ConfigError } from '../core/error.ts'
import type { Auth } from './auth.ts'
import { Problem } from './problem.ts'

/**
 * Without authentication the only wall is the loopback interface, and a web page can climb it: by a
 * name that first resolves to its own server and then to 127.0.0.1, or by posting across origins.
 * So open mode binds loopback alone and answers only to loopback names and origins.
 */

/** Throws `ConfigError` where `auth` would let in anyone who can reach `host`. */
export function assertSafeBinding(host: string, auth: Auth): void {
  if (auth.kind === 'open') {
    if (isLoopback(host)) return
    throw new ConfigError(
      'unsafe-binding',
      `The API would listen on ${host} without authentication. Bind 127.0.0.1, or set ` +
        'TTPSTREAM_API_TOKENS_FILE to a file of tokens or an OIDC provider.',
      { details: { host } },
    )
  }
  if (auth.tokens.length === 0 && auth.oidc === undefined) {
    throw new ConfigError('no-tokens', 'Authentication is on but holds no token and no provider.')
  }
}

/** Refuses a request whose Host or Origin is not a loopback name. For open mode. */
export function loopbackOnly(): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host
    const origin = c.req.header('origin')
    if (!isLoopback(hostName(host)) || (origin !== undefined && !isLoopbackOrigin(origin))) {
      throw new Problem(
        'host-refused',
        'Without authentication this API answers only requests addressed to and from localhost.',
      )
    }
    await next()
  }
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return (
    name === 'localhost' ||
    name === '::1' ||
    name === '[::1]' ||
    /^127(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(name)
  )
}

/** `host[:port]` or `[v6][:port]` without the port. */
function hostName(host: string): string {
  return /^(\[[0-9a-fA-F:.]*\]|[^:]*)(:\d{1,5})?$/.exec(host)?.[1] ?? ''
}

function isLoopbackOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname)
}
