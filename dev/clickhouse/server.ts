import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Session } from 'chdb'
import { ConfigError, messageOf } from '../../core/error.ts'
import type { Log } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { Answer, sendException } from './answer.ts'
import { readForm } from './body.ts'
import { encodeBlocks } from './compressed-blocks.ts'
import { ConnectionPool } from './connection-pool.ts'
import { HttpSessions } from './http-sessions.ts'
import { type QueryContext, runQuery } from './query.ts'
import { authenticate, isOn, parseRequest } from './request.ts'
import { Spool } from './spool.ts'

/**
 * ClickHouse's HTTP interface in front of chDB, ClickHouse's engine as a library: dev mode and tests
 * talk to it with the clients and the SQL of production. It is not for production: one process, no
 * access control beyond passwords, and SQL may read the process's files.
 */
export interface DevClickHouseOptions {
  /** MergeTree data; made if absent. One process at a time. */
  readonly dataDir: string
  /** 127.0.0.1 unless told. */
  readonly host?: string
  /** 0: any free one. */
  readonly port: number
  /** Queries that run at the same time; the process's libuv threads must be more than this. */
  readonly sessionsMax?: number
  /** Name → password. Without it everybody is let in: keep it on loopback. */
  readonly users?: Readonly<Record<string, string>>
  /** A request's body, decoded. */
  readonly bodyBytesMax?: number
  /** All bodies that are being inserted together. */
  readonly spoolBytesMax?: number
  /** A result that its client wants whole (`wait_end_of_query`). */
  readonly resultBytesMax?: number
  readonly log: Log
}

export interface DevClickHouse {
  readonly port: number
  /** Lets running queries end for a while, kills the rest, and closes the engine. */
  close(): Promise<void>
}

const sessionsDefault = 6
const waitingMax = 256
const httpSessionsMax = 64
const bodyBytesDefault = 1024 * 1024 * 1024
const spoolBytesDefault = 2 * 1024 * 1024 * 1024
const resultBytesDefault = 1024 * 1024 * 1024
/** ClickHouse takes URLs of up to 1 MiB. */
const urlBytesMax = 1024 * 1024
const formBytesMax = 16 * 1024 * 1024
const keepAliveMs = 10_000
const closeMsMax = 5_000

export async function startDevClickHouse(options: DevClickHouseOptions): Promise<DevClickHouse> {
  const { dataDir, log } = options
  mkdirSync(dataDir, { recursive: true })
  const limits = { parallelMax: options.sessionsMax ?? sessionsDefault, waitingMax }
  const engine = await describeEngine(dataDir)
  const spool = new Spool(dataDir, {
    bodiesBytesMax: options.spoolBytesMax ?? spoolBytesDefault,
    resultBytesMax: options.resultBytesMax ?? resultBytesDefault,
  })
  const pool = new ConnectionPool(dataDir, limits, log)
  const sessions = new HttpSessions(pool, httpSessionsMax)
  const bodyBytesMax = options.bodyBytesMax ?? bodyBytesDefault
  const front = new Front({ pool, sessions, spool, bodyBytesMax }, engine, options)
  const port = await front.listen(options.host ?? '127.0.0.1', options.port)
  log.info({ port, dataDir, ...engine }, 'dev ClickHouse is ready')
  return {
    port,
    close: async () => {
      await front.close()
      sessions.close()
      pool.close()
      spool.close()
    },
  }
}

class Front {
  readonly #context: QueryContext
  readonly #engine: Engine
  readonly #users: Readonly<Record<string, string>> | undefined
  readonly #log: Log
  readonly #server: Server
  readonly #running = new Map<AbortController, Promise<void>>()

  constructor(
    context: QueryContext,
    engine: Engine,
    options: Pick<DevClickHouseOptions, 'users' | 'log'>,
  ) {
    this.#context = context
    this.#engine = engine
    this.#users = options.users
    this.#log = options.log
    this.#server = createServer(
      { maxHeaderSize: urlBytesMax, keepAliveTimeout: keepAliveMs },
      (message, response) => this.#route(message, response),
    )
  }

  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    // A TCP server's address is an object; it is a string for a pipe only.
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeIdleConnections()
    const ended = Promise.allSettled(this.#running.values())
    const timer = setTimeout(() => {
      for (const controller of this.#running.keys()) controller.abort()
    }, closeMsMax)
    await ended
    clearTimeout(timer)
    this.#server.closeAllConnections()
  }

  #route(message: IncomingMessage, response: ServerResponse): void {
    const { method, url: target = '/' } = message
    // Some targets, such as `//`, are no URL: an exception here would end the server.
    if (!URL.canParse(target, 'http://localhost')) {
      message.resume()
      response.writeHead(400, { 'Content-Type': 'text/plain; charset=UTF-8' })
      response.end('The request target is not a URL\n')
      return
    }
    const url = new URL(target, 'http://localhost')
    response.setHeader('X-ClickHouse-Server-Display-Name', 'ttpstream-dev')
    // The JDBC driver reads no result without it.
    response.setHeader('X-ClickHouse-Timezone', this.#engine.timezone)
    if (url.pathname === '/ping' || url.pathname === '/replicas_status') {
      message.resume()
      response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
      response.end('Ok.\n')
    } else if (url.pathname !== '/') {
      message.resume()
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=UTF-8' })
      response.end(`There is no handle ${url.pathname}\n`)
    } else if (method !== 'GET' && method !== 'POST' && method !== 'HEAD') {
      message.resume()
      response.writeHead(501, { 'Content-Type': 'text/plain; charset=UTF-8' })
      response.end(`Method ${method} is not supported\n`)
    } else if (method !== 'POST' && !url.searchParams.has('query')) {
      // What a browser and a health check ask.
      response.setHeader('Content-Type', 'text/html; charset=UTF-8')
      response.end('Ok.\n')
    } else {
      this.#startQuery(message, response, url.searchParams)
    }
  }

  #startQuery(message: IncomingMessage, response: ServerResponse, keys: URLSearchParams): void {
    const controller = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) controller.abort()
    })
    const running = this.#answer(message, response, keys, controller.signal)
      .catch((error: unknown) => {
        this.#log.debug({ error: messageOf(error) }, 'a query was refused')
        sendException(response, error, this.#engine.version)
      })
      .finally(() => {
        this.#running.delete(controller)
        drain(message)
      })
    this.#running.set(controller, running)
  }

  async #answer(
    message: IncomingMessage,
    response: ServerResponse,
    keys: URLSearchParams,
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#users !== undefined) authenticate(message, keys, this.#users)
    if (message.headers['content-type']?.startsWith('multipart/form-data') === true) {
      const fields = await readForm(message, formBytesMax)
      for (const [name, value] of fields) keys.set(name, value)
    }
    const request = parseRequest(message, keys, systemRandom)
    const answer = new Answer(message, response, {
      id: request.id,
      compressesHttp: isOn(request.settings.get('enable_http_compression')),
      ...(request.compresses ? { frames: encodeBlocks } : {}),
      random: systemRandom,
    })
    await runQuery(this.#context, request, message, answer, signal)
  }
}

/**
 * Reads and drops what is left of a refused body: as long as the client is still sending it, it does
 * not read the answer. Whoever was reading the body has stopped, but is still attached to it.
 */
function drain(message: IncomingMessage): void {
  message.unpipe()
  message.removeAllListeners('readable')
  message.resume()
}

interface Engine {
  readonly version: string
  readonly timezone: string
}

/** Also opens the data directory: what is wrong with it is thrown here. */
async function describeEngine(dataDir: string): Promise<Engine> {
  const session = openSession(dataDir)
  try {
    const result = await session.queryAsync('SELECT version(), timezone()', { format: 'TSV' })
    const [version = '', timezone = 'UTC'] = result.text().trim().split('\t')
    return { version, timezone }
  } finally {
    session.close()
  }
}

function openSession(dataDir: string): Session {
  try {
    return new Session(dataDir)
  } catch (cause) {
    // The engine says why on standard error; most often the folder's lock is taken.
    const why = `${dataDir} cannot be opened as ClickHouse data: is another process using it?`
    throw new ConfigError('clickhouse-data-dir', why, { cause })
  }
}
