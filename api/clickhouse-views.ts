import {
  type ClickHouseClient,
  ClickHouseError,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client'
import type { Parameter, Views } from '../core/clickhouse.ts'
import { assert, messageOf, TransientError } from '../core/error.ts'
import { namedRows, readNamedRows } from '../core/named-rows.ts'
import { secondMs } from '../core/units.ts'

/**
 * Views over HTTP. The only SQL said here is the view's own, or `SELECT * FROM view(name = {name:Type})`; names are
 * ours, values travel as parameters.
 *
 * Contract: times come as RFC 3339 in UTC, 64-bit integers and decimals as numbers, NaN as null. The
 * connection is read-only, a query has a time limit, an answer a row limit.
 */
export interface ClickHouseViews extends Views {
  close(): Promise<void>
}

export interface ClickHouseViewsOptions {
  readonly url: string
  readonly database: string
  readonly username: string
  readonly password: string
  /** A query that takes longer is stopped. */
  readonly queryMsMax?: number
  /** An answer with more rows is an error: lists are limited by their views. */
  readonly rowsMax?: number
  readonly connectionsMax?: number
  /** PEM of the authority that signed the server's certificate. */
  readonly tlsCa?: Buffer
}

export function createClickHouseViews(options: ClickHouseViewsOptions): ClickHouseViews {
  const { queryMsMax = 20 * secondMs, rowsMax = 100_000, connectionsMax = 16 } = options
  const client = createClient({
    url: options.url,
    database: options.database,
    username: options.username,
    password: options.password,
    application: 'ttpstream-api',
    // Errors are thrown, and logged once by whoever answers the request.
    log: { level: ClickHouseLogLevel.OFF },
    // The server stops the query first, so that its own error is the one we see.
    request_timeout: queryMsMax + 5 * secondMs,
    max_open_connections: connectionsMax,
    // Long lists of ids go in the body: servers and proxies bound the length of a URL.
    use_multipart_params_auto: true,
    ...(options.tlsCa === undefined ? {} : { tls: { ca_cert: options.tlsCa } }),
    clickhouse_settings: {
      readonly: '2',
      max_execution_time: Math.ceil(queryMsMax / secondMs),
      // An error after the first row still has its own status.
      http_wait_end_of_query: 1,
      date_time_output_format: 'iso',
      output_format_json_quote_64bit_integers: 0,
      output_format_json_quote_decimals: 0,
      output_format_json_quote_denormals: 0,
      // Finds that a < c from a < b and b < c, which our views have no use for; to that end it goes through
      // the text of the view behind each column compared: a fifth of planning.
      optimize_and_compare_chain: 0,
    },
  })
  const texts = new ViewTexts(client)
  return {
    async select<Row>(view: string, parameters: Readonly<Record<string, Parameter>> = {}) {
      try {
        const named = selectSql(view, parameters)
        const query = (await texts.of(view, parameters)) ?? named
        return await read<Row>(client, query, parameters, rowsMax)
      } catch (error) {
        texts.forget()
        throw toViewError(view, parameters, error)
      }
    },
    close: () => client.close(),
  }
}

/**
 * The views' texts, as they were when first asked for. ClickHouse analyses a view with parameters once to learn its
 * columns and once more to run it, with all views behind it; what is sent as text it analyses once.
 */
class ViewTexts {
  readonly #client: ClickHouseClient
  #texts: Promise<ReadonlyMap<string, string>> | undefined

  constructor(client: ClickHouseClient) {
    this.#client = client
  }

  async of(view: string, parameters: object): Promise<string | undefined> {
    this.#texts ??= this.#read()
    const text = (await this.#texts).get(view)
    if (text === undefined) this.forget()
    for (const key of text === undefined ? [] : Object.keys(parameters)) {
      assert(text?.includes(`{${key}:`), `${view} has no parameter ${key}`)
    }
    return text
  }

  /** Whatever failed may have failed because a view is another one by now. */
  forget(): void {
    this.#texts = undefined
  }

  async #read(): Promise<ReadonlyMap<string, string>> {
    const query =
      "SELECT name, as_select FROM system.tables WHERE database = currentDatabase() AND engine = 'View'"
    const rows = await read<{ name: string; as_select: string }>(this.#client, query, {}, 10_000)
    return new Map(rows.map((row) => [row.name, row.as_select]))
  }
}

async function read<Row>(
  client: ClickHouseClient,
  query: string,
  parameters: Readonly<Record<string, Parameter>>,
  rowsMax: number,
): Promise<Row[]> {
  const answer = await client.query({ query, query_params: parameters, format: namedRows })
  return await readNamedRows<Row>(answer, (rows) =>
    assert(rows <= rowsMax, `a view answered with more than ${rowsMax} rows`),
  )
}

/** ClickHouse refuses the query: a view is missing, or was asked with other parameters. */
export class ViewError extends Error {
  override readonly name = 'ViewError'
  readonly view: string
  /** ClickHouse's name of the error, such as UNKNOWN_TABLE. */
  readonly code: string

  constructor(view: string, code: string, message: string) {
    super(`${view}: ${message}`)
    this.view = view
    this.code = code
  }
}

const name = /^[a-z][a-z0-9_]*$/

export function selectSql(view: string, parameters: Readonly<Record<string, Parameter>>): string {
  assert(name.test(view), `${view} is not the name of a view`)
  const list = Object.entries(parameters).map(([key, value]) => {
    assert(name.test(key), `${key} is not the name of a parameter`)
    return `${key} = {${key}:${typeOf(value)}}`
  })
  return list.length === 0 ? `SELECT * FROM ${view}` : `SELECT * FROM ${view}(${list.join(', ')})`
}

/** What a parameter is sent as; the view casts it to the type that it declares. */
function typeOf(value: Parameter): string {
  if (value === null) return 'Nullable(String)'
  if (typeof value === 'string') return 'String'
  if (typeof value === 'boolean') return 'Bool'
  if (typeof value === 'number') {
    assert(Number.isFinite(value), 'a parameter must be finite')
    return Number.isSafeInteger(value) ? 'Int64' : 'Float64'
  }
  return value.some((item) => typeof item === 'number') ? 'Array(Float64)' : 'Array(String)'
}

/** What the server says when it is unwell, overloaded or stopping, or a query took too long. */
const transientTypes = new Set([
  'ABORTED',
  'ALL_CONNECTION_TRIES_FAILED',
  'ALL_REPLICAS_LOST',
  'CANNOT_ALLOCATE_MEMORY',
  'CANNOT_SCHEDULE_TASK',
  'KEEPER_EXCEPTION',
  'MEMORY_LIMIT_EXCEEDED',
  'NETWORK_ERROR',
  'NO_FREE_CONNECTION',
  'QUERY_WAS_CANCELLED',
  'SERVER_OVERLOADED',
  'SOCKET_TIMEOUT',
  'TABLE_IS_DROPPED',
  'TIMEOUT_EXCEEDED',
  'TOO_MANY_SIMULTANEOUS_QUERIES',
])

/** Node's codes of a connection that is not there; gateways answer with a page, not an exception. */
const networkCode =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/
const networkMessage =
  /^(Timeout error\.|socket hang up|aborted)|Bad Gateway|Service Unavailable|Gateway Time-?out/i

function toViewError(
  view: string,
  parameters: Readonly<Record<string, Parameter>>,
  error: unknown,
): unknown {
  if (error instanceof ClickHouseError) {
    const code = error.type ?? error.code
    if (transientTypes.has(code)) return unavailable(view, code)
    return new ViewError(view, code, withoutValues(error.message, parameters))
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (networkCode.test(code)) return unavailable(view, code, error)
  const said = messageOf(error)
  if (networkMessage.test(said)) return unavailable(view, 'network', error)
  if (said === '') return unavailable(view, 'an error that says nothing, as of a proxy', error)
  return error
}

function unavailable(view: string, code: string, cause?: unknown): TransientError {
  return new TransientError(
    'clickhouse-unavailable',
    `ClickHouse could not read ${view}: ${code}`,
    {
      details: { view, code },
      ...(cause === undefined ? {} : { cause }),
    },
  )
}

const messageCharsMax = 300

/** ClickHouse quotes the query with its values; ids of people must not reach a log. */
function withoutValues(message: string, parameters: Readonly<Record<string, Parameter>>): string {
  const values = Object.values(parameters).flat()
  return values
    .filter((value) => typeof value === 'string' && value !== '')
    .reduce<string>((text, value) => text.replaceAll(String(value), '…'), message)
    .replace(/ in scope [\s\S]*/i, '')
    .slice(0, messageCharsMax)
}
