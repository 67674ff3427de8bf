import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type ServerType } from '@hono/node-server'
import { ConfigError } from '../core/error.ts'
import { secondMs } from '../core/units.ts'
import type { Api } from './resource.ts'

/**
 * The API on a TCP port. Every connection has limits of size and time, and closing lets requests that
 * run finish before it cuts what is left.
 */
export interface ApiServer {
  readonly url: string
  readonly port: number
  /** Takes no new request, waits for those that run, then cuts the rest. */
  close(): Promise<void>
}

export interface ServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly app: Api
  readonly connectionsMax?: number
  readonly closeMsMax?: number
}

/** Resolves when the port is bound. Throws `ConfigError` when it cannot be. */
export async function startApi(options: ServerOptions): Promise<ApiServer> {
  const { host, port, app, connectionsMax = 1_000, closeMsMax = 5 * secondMs } = options
  const server = createAdaptorServer({
    fetch: app.fetch,
    hostname: host,
    serverOptions: {
      requestTimeout: 30 * secondMs,
      headersTimeout: 10 * secondMs,
      keepAliveTimeout: 5 * secondMs,
      maxHeaderSize: 16_384,
    },
  })
  server.maxConnections = connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(host, port, cause)))
    server.listen(port, host, resolve)
  })
  const bound = boundPort(server.address())
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: () => closeGently(server, closeMsMax),
  }
}

function closeGently(server: ServerType, closeMsMax: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      if ('closeAllConnections' in server) server.closeAllConnections()
    }, closeMsMax)
    // A connection that a client keeps alive turns idle when its last answer has left.
    const sweep = setInterval(() => {
      if ('closeIdleConnections' in server) server.closeIdleConnections()
    }, sweepMs)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(sweep)
      resolve()
    })
  })
}

const sweepMs = 20

function boundPort(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

function cannotListen(host: string, port: number, cause: Error): ConfigError {
  return new ConfigError(
    'cannot-listen',
    `The API cannot listen on ${host}:${port}: ${cause.message}.`,
    {
      cause,
      details: { host, port },
    },
  )
}
