import { createRoute, z } from '@hono/zod-openapi'
import { json, type Resource } from './resource.ts'

/** Two questions of an orchestrator: restart me? send me work? Neither asks ClickHouse anything. */

const liveness = z.object({ alive: z.boolean() }).openapi('Liveness')
const readiness = z
  .object({ ready: z.boolean(), reasons: z.array(z.string()) })
  .openapi('Readiness')

const liveRoute = createRoute({
  method: 'get',
  path: '/health/live',
  tags: ['operations'],
  summary: 'Is the process alive?',
  description: '503 means: restart it.',
  responses: {
    200: json(liveness, 'Alive.', { alive: true }),
    503: json(liveness, 'Stuck.', { alive: false }),
  },
})

const readyRoute = createRoute({
  method: 'get',
  path: '/health/ready',
  tags: ['operations'],
  summary: 'Is the process ready?',
  description: '503 means: it runs, but something it needs is missing; `reasons` says what.',
  responses: {
    200: json(readiness, 'Ready.', { ready: true, reasons: [] }),
    503: json(readiness, 'Not ready.', { ready: false, reasons: ['no rules are loaded'] }),
  },
})

export const health: Resource = (app, services) => {
  app.openapi(liveRoute, (c) =>
    services.health.isAlive() ? c.json({ alive: true }, 200) : c.json({ alive: false }, 503),
  )
  app.openapi(readyRoute, (c) => {
    const { ready, reasons } = services.health.readiness()
    return c.json({ ready, reasons: [...reasons] }, ready ? 200 : 503)
  })
}
