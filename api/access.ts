import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { assert } from '../core/error.ts'
import type { Authenticate } from './auth.ts'
import { Problem } from './problem.ts'
import type { Api } from './resource.ts'
import { type LeastRole, mayUse } from './role.ts'

/**
 * Route → the least role that may use it. This table is the whole authorisation: a route that is not
 * in it does not start, and what it says is served in the OpenAPI document and tested route by route.
 */
export const access: Readonly<Record<string, LeastRole>> = {
  'GET /': 'public',
  'GET /openapi.json': 'public',
  'GET /health/live': 'public',
  'GET /health/ready': 'public',
  'GET /metrics': 'viewer',
  'GET /api/v1/ingest': 'viewer',
  'GET /api/v1/ttp/techniques': 'viewer',
  'GET /api/v1/ttp/techniques/{id}/groups': 'viewer',
  'GET /api/v1/ttp/attack/techniques': 'viewer',
  'GET /api/v1/ttp/by-identity/{id}': 'viewer',
  'GET /api/v1/ttp/identities/{id}': 'viewer',
  'PUT /api/v1/ttp/identities/{id}/merge': 'analyst',
  'DELETE /api/v1/ttp/identities/{id}/merge': 'analyst',
  'POST /api/v1/ttp/identities/{id}/attackers': 'analyst',
  'DELETE /api/v1/ttp/identities/{id}/attackers/{membership}': 'analyst',
  'GET /api/v1/ttp/by-attacker/{id}': 'viewer',
  'GET /api/v1/ttp/by-session/{id}': 'viewer',
  'GET /api/v1/ttp/tags': 'analyst',
  'GET /api/v1/ttp/rules': 'viewer',
  'GET /api/v1/ttp/rules/{id}': 'viewer',
  'GET /api/v1/ttp/rules/{id}/state': 'viewer',
  'GET /api/v1/ttp/rules/{id}/state/history': 'viewer',
  'POST /api/v1/ttp/rules/{id}/state': 'admin',
  'DELETE /api/v1/ttp/rules/{id}/state': 'admin',
  'GET /api/v1/ttp/export/navigator': 'viewer',
  'GET /api/v1/metrics/operational': 'viewer',
  'GET /api/v1/metrics/operational/mttd': 'viewer',
  'GET /api/v1/metrics/operational/trend': 'viewer',
  'GET /api/v1/metrics/operational/coverage-weeks': 'viewer',
  'GET /api/v1/metrics/operational/by-team': 'viewer',
  'GET /api/v1/metrics/operational/mttr': 'viewer',
  'GET /api/v1/metrics/operational/observed': 'viewer',
  'GET /api/v1/metrics/operational/observed/tests': 'viewer',
  'GET /api/v1/metrics/operational/misses': 'viewer',
  'GET /api/v1/coverage': 'viewer',
  'GET /api/v1/coverage/regression': 'viewer',
  'GET /api/v1/detection-lifecycle/assets': 'viewer',
  'POST /api/v1/detection-lifecycle/assets': 'lead',
  'POST /api/v1/detection-lifecycle/assets/adopt': 'lead',
  'GET /api/v1/detection-lifecycle/assets/{id}': 'viewer',
  'PATCH /api/v1/detection-lifecycle/assets/{id}': 'lead',
  'DELETE /api/v1/detection-lifecycle/assets/{id}': 'lead',
  'GET /api/v1/detection-lifecycle/assets/{id}/techniques': 'viewer',
  'POST /api/v1/detection-lifecycle/assets/{id}/techniques': 'lead',
  'DELETE /api/v1/detection-lifecycle/assets/{id}/techniques/{technique}': 'lead',
  'GET /api/v1/detection-lifecycle/assets/{id}/validations': 'viewer',
  'POST /api/v1/detection-lifecycle/assets/{id}/validations': 'analyst',
  'POST /api/v1/detection-lifecycle/validations/{id}/invalidate': 'lead',
  'GET /api/v1/detection-lifecycle/confidence': 'viewer',
  'GET /api/v1/detection-lifecycle/confidence/{technique}': 'viewer',
  'GET /api/v1/detection-lifecycle/infrastructure-changes': 'viewer',
  'POST /api/v1/detection-lifecycle/infrastructure-changes': 'lead',
  'GET /api/v1/detection-lifecycle/policies': 'viewer',
  'POST /api/v1/detection-lifecycle/policies': 'admin',
  'PATCH /api/v1/detection-lifecycle/policies/{id}': 'admin',
  'GET /api/v1/detection-lifecycle/queue': 'viewer',
  'POST /api/v1/detection-lifecycle/queue': 'analyst',
  'POST /api/v1/detection-lifecycle/queue/{id}/claim': 'analyst',
  'POST /api/v1/detection-lifecycle/queue/{id}/close': 'analyst',
  'GET /api/v1/detection-lifecycle/owners': 'viewer',
  'POST /api/v1/detection-lifecycle/owners': 'lead',
  'DELETE /api/v1/detection-lifecycle/owners/{technique}': 'lead',
  'GET /api/v1/detection-lifecycle/snapshots': 'viewer',
  'POST /api/v1/detection-lifecycle/decay/run': 'lead',
  'GET /api/v1/detection-lifecycle/decay/runs': 'viewer',
  'GET /api/v1/detection-lifecycle/dashboard': 'viewer',
}

/** Authenticates and authorises every request that some route will answer. */
export function authorize(authenticate: Authenticate): MiddlewareHandler {
  return async (c, next) => {
    const least = leastRoleOf(matchedRoutes(c))
    if (least !== undefined && least !== 'public') {
      const principal = await authenticate(c.req.header('authorization'))
      if (!mayUse(principal.role, least)) {
        throw new Problem('forbidden', `This needs the role ${least}, or a stronger one.`, {
          headers: { 'WWW-Authenticate': 'Bearer realm="ttpstream", error="insufficient_scope"' },
        })
      }
      c.set('principal', principal)
    }
    await next()
  }
}

/** The table and the app's routes name each other one to one. */
export function assertAccessComplete(app: Api): void {
  const routes = new Set(app.routes.filter(isEndpoint).map(keyOf))
  for (const key of routes) assert(Object.hasOwn(access, key), `${key} has no least role`)
  for (const key of Object.keys(access)) assert(routes.has(key), `${key} has no route`)
}

interface Route {
  readonly method: string
  readonly path: string
}

/** Hono runs the first endpoint that matches; middleware is registered for every method. */
function leastRoleOf(matched: readonly Route[]): LeastRole | undefined {
  const endpoint = matched.find(isEndpoint)
  return endpoint === undefined ? undefined : access[keyOf(endpoint)]
}

function isEndpoint(route: Route): boolean {
  return route.method !== 'ALL'
}

function keyOf(route: Route): string {
  return `${route.method} ${route.path.replaceAll(/:([a-z_]+)/g, '{$1}')}`
}
