import { createRoute, z } from '@hono/zod-openapi'
import type { Resource } from './resource.ts'

const contentType = 'text/plain; version=0.0.4; charset=utf-8'

const route = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['operations'],
  summary: 'Metrics for Prometheus',
  description: 'Text exposition format 0.0.4: the engine, its rules, and this API.',
  responses: {
    200: {
      description: 'One sample a line.',
      content: {
        [contentType]: {
          schema: z.string(),
          example: '# TYPE ttpstream_rules gauge\nttpstream_rules 74\n',
        },
      },
    },
  },
})

export const prometheus: Resource = (app, { metrics }) => {
  app.openapi(route, async (c) => c.text(await metrics(), 200, { 'Content-Type': contentType }))
}
