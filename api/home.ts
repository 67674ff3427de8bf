import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRoute, z } from '@hono/zod-openapi'
import type { Resource } from './resource.ts'

/** One static page: what is here, with links and live counts. It holds no data of its own. */

const route = createRoute({
  method: 'get',
  path: '/',
  tags: ['operations'],
  summary: 'This list, for people',
  description: 'A page of the routes, with live counts.',
  responses: {
    200: {
      description: 'HTML.',
      content: { 'text/html; charset=utf-8': { schema: z.string(), example: '<!doctype html>' } },
    },
  },
})

export const home: Resource = (app) => {
  const page = readFileSync(new URL('./home.html', import.meta.url), 'utf8')
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': [
      "default-src 'none'",
      `script-src ${hashOf(page, 'script')}`,
      `style-src ${hashOf(page, 'style')}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
  }
  app.openapi(route, (c) => c.body(page, 200, headers))
}

/** The page's one inline script or style, so that no other can run. */
function hashOf(page: string, element: 'script' | 'style'): string {
  const text = new RegExp(`<${element}[^>]*>([\\s\\S]*?)</${element}>`).exec(page)?.[1] ?? ''
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}
