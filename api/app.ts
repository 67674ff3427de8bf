import { OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { requestId } from 'hono/request-id'
import { matchedRoutes } from 'hono/route'
import { secureHeaders } from 'hono/secure-headers'
import { type Random, systemRandom } from '../core/random.ts'
import { secondMs } from '../core/units.ts'
import { assertAccessComplete, authorize } from './access.ts'
import { type Auth, createAuthenticate } from './auth.ts'
import { loopbackOnly } from './binding.ts'
import { boundViews } from './bounded-views.ts'
import { createCatalogWriter, type Publish } from './catalog-writer.ts'
import { coverage } from './coverage.ts'
import { coverageRegression } from './coverage-regression.ts'
import { health } from './health.ts'
import { home } from './home.ts'
import { ingest } from './ingest.ts'
import { adopt } from './lifecycle/adopt.ts'
import { assetById } from './lifecycle/asset.ts'
import { assetTechniques } from './lifecycle/asset-techniques.ts'
import { assetValidations } from './lifecycle/asset-validations.ts'
import { assets } from './lifecycle/assets.ts'
import { confidences } from './lifecycle/confidence.ts'
import { lifecycleDashboard } from './lifecycle/dashboard.ts'
import { decay } from './lifecycle/decay.ts'
import { infrastructureChanges } from './lifecycle/infrastructure-changes.ts'
import { invalidate } from './lifecycle/invalidate.ts'
import { owners } from './lifecycle/owners.ts'
import { policies } from './lifecycle/policies.ts'
import { queue } from './lifecycle/queue.ts'
import { queueMoves } from './lifecycle/queue-moves.ts'
import { snapshots } from './lifecycle/snapshots.ts'
import { byTeam } from './metrics/by-team.ts'
import { coverageWeeks } from './metrics/coverage-weeks.ts'
import { misses } from './metrics/misses.ts'
import { mttd } from './metrics/mttd.ts'
import { mttr } from './metrics/mttr.ts'
import { observed } from './metrics/observed.ts'
import { observedTests } from './metrics/observed-tests.ts'
import { operational } from './metrics/overview.ts'
import { trend } from './metrics/trend.ts'
import { refuseMistakes } from './mistakes.ts'
import { openapi, registerComponents } from './openapi.ts'
import { Problem, problemHandler, problemResponse } from './problem.ts'
import { prometheus } from './prometheus.ts'
import type { Api, Resource, Services } from './resource.ts'
import { attackTechniques } from './ttp/attack-techniques.ts'
import { byAttacker } from './ttp/by-attacker.ts'
import { byIdentity } from './ttp/by-identity.ts'
import { bySession } from './ttp/by-session.ts'
import { groups } from './ttp/groups.ts'
import { identities } from './ttp/identities.ts'
import { navigator } from './ttp/navigator.ts'
import { ruleStates } from './ttp/rule-state.ts'
import { rules } from './ttp/rules.ts'
import { tags } from './ttp/tags.ts'
import { techniques } from './ttp/techniques.ts'

/**
 * The HTTP API as a function of what is given to it. It holds no state and opens nothing: a request
 * passes the layers below, from the outside in, and ends in one resource.
 *
 *     request id → 405 → body limit → headers → loopback names (open mode) → role → parameters → resource
 */
export interface AppOptions extends Omit<Services, 'catalog' | 'random'> {
  readonly publish: Publish
  readonly auth: Auth
  readonly random?: Random
  /** How long a write waits to become readable before it answers 202. */
  readonly writeWaitMsMax?: number
  readonly queriesRunningMax?: number
  readonly queriesWaitingMax?: number
  /** Called once per response, for metrics. */
  readonly onResponse?: (response: ResponseFacts) => void
}

export interface ResponseFacts {
  readonly method: string
  /** The route's pattern, never the path itself; 'none' where no route matched. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  readonly requestId: string
}

const resources: readonly Resource[] = [
  home,
  openapi,
  health,
  prometheus,
  ingest,
  techniques,
  groups,
  attackTechniques,
  byIdentity,
  identities,
  byAttacker,
  bySession,
  tags,
  rules,
  ruleStates,
  navigator,
  operational,
  mttd,
  mttr,
  trend,
  coverageWeeks,
  byTeam,
  observed,
  observedTests,
  misses,
  coverage,
  coverageRegression,
  assets,
  adopt,
  assetById,
  assetTechniques,
  assetValidations,
  invalidate,
  confidences,
  infrastructureChanges,
  policies,
  queue,
  queueMoves,
  owners,
  snapshots,
  decay,
  lifecycleDashboard,
]

const bodyBytesMax = 1_048_576

export function createApp(options: AppOptions): Api {
  const { auth, log, clock, random = systemRandom } = options
  const app: Api = new OpenAPIHono({
    defaultHook: (result, c) => (result.success ? undefined : refuseMistakes(app, c)),
  })
  app.onError(problemHandler(log))
  app.notFound((c) => problemResponse(c, new Problem('not-found', 'No route has this path.')))
  registerComponents(app)

  app.use(requestId({ generator: () => random.uuid() }))
  app.use(measure(options))
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => problemResponse(c, wrongMethod(methods)),
    }),
  )
  app.use(bodyLimit({ maxSize: bodyBytesMax, onError: tooLarge }))
  app.use(headers())
  if (auth.kind === 'open') app.use(loopbackOnly())
  app.use(authorize(createAuthenticate(auth, clock)))

  const views = boundViews(options.views, {
    runningMax: options.queriesRunningMax ?? 8,
    waitingMax: options.queriesWaitingMax ?? 64,
  })
  const catalog = createCatalogWriter({
    views,
    publish: options.publish,
    clock,
    waitMsMax: options.writeWaitMsMax ?? 2 * secondMs,
  })
  for (const resource of resources) resource(app, { ...options, views, catalog, random })
  assertAccessComplete(app)
  return app
}

function headers() {
  return secureHeaders({
    contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    xFrameOptions: 'DENY',
    // The home page brings a policy of its own.
    overwrite: false,
  })
}

function measure({ clock, onResponse }: AppOptions): MiddlewareHandler {
  return async (c, next) => {
    const startedMs = clock.now()
    await next()
    // Who may see an answer is decided per request, so no cache may keep one.
    c.res.headers.set('Cache-Control', 'no-store')
    onResponse?.({
      method: c.req.method,
      route: matchedRoutes(c).find((route) => route.method !== 'ALL')?.path ?? 'none',
      status: c.res.status,
      seconds: (clock.now() - startedMs) / secondMs,
      requestId: c.get('requestId'),
    })
  }
}

function wrongMethod(methods: readonly string[]): Problem {
  const allow = methods.toSorted().join(', ')
  return new Problem('method-not-allowed', `This path knows ${allow}.`, {
    headers: { Allow: allow },
  })
}

function tooLarge(): never {
  throw new Problem('body-too-large', `A body may have ${bodyBytesMax} bytes.`)
}
