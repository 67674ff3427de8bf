import { OpenAPIHono } from '@hono/zod-openapi'
import { expect, test } from 'vitest'
import { ConfigError } from '../core/error.ts'
import type { Api } from './resource.ts'
import { startApi } from './server.ts'

test('closing lets a running request finish and takes no new one', async () => {
  const app: Api = new OpenAPIHono()
  let finish = (): void => {}
  const entered = new Promise<void>((resolve) => {
    app.get('/slow', async (c) => {
      const gate = new Promise<void>((open) => {
        finish = open
      })
      resolve()
      await gate
      return c.text('done')
    })
  })
  const server = await startApi({ host: '127.0.0.1', port: 0, app })
  const running = fetch(`${server.url}/slow`)
  await entered
  const closed = server.close()
  finish()
  expect(await (await running).text()).toBe('done')
  await closed
  await expect(fetch(`${server.url}/slow`)).rejects.toThrow()
})

test('closing cuts a request that does not finish in time', async () => {
  const app: Api = new OpenAPIHono()
  const entered = new Promise<void>((resolve) => {
    app.get('/stuck', () => {
      resolve()
      return new Promise<Response>(() => {})
    })
  })
  const server = await startApi({ host: '127.0.0.1', port: 0, app, closeMsMax: 10 })
  const running = fetch(`${server.url}/stuck`)
  const cut = expect(running).rejects.toThrow()
  await entered
  await server.close()
  await cut
})

test('a port that is taken is a setting to fix', async () => {
  const app: Api = new OpenAPIHono()
  const first = await startApi({ host: '127.0.0.1', port: 0, app })
  await expect(startApi({ host: '127.0.0.1', port: first.port, app })).rejects.toBeInstanceOf(
    ConfigError,
  )
  await first.close()
})
