import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Random } from '../../core/random.ts'
import { exception } from './exception.ts'

/** What a request asks, apart from its body: from the URL, the headers and multipart fields. */
export interface QueryRequest {
  readonly id: string
  /** The `query` of the URL; the body follows it. */
  readonly sql: string
  readonly database: string
  readonly defaultFormat: string
  readonly settings: ReadonlyMap<string, string>
  readonly parameters: ReadonlyMap<string, string>
  readonly session: HttpSessionRequest | undefined
  readonly waitsForEnd: boolean
  /** `compress=1`: the answer goes in ClickHouse's own block framing. */
  readonly compresses: boolean
  /** `decompress=1`: so does the body. */
  readonly decompresses: boolean
}

export interface HttpSessionRequest {
  readonly id: string
  readonly timeoutMs: number
  /** Refuse to start a session of that id. */
  readonly mustExist: boolean
}

/** Keys of the URL that are neither settings nor parameters. */
const reserved = new Set([
  'query',
  'user',
  'password',
  'quota_key',
  'role',
  'stacktrace',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'database',
  'default_format',
  'compress',
  'decompress',
  'wait_end_of_query',
  'buffer_size',
  'client_protocol_version',
  'param',
])

const sessionSecondsDefault = 60
const sessionSecondsMax = 3600

export function parseRequest(
  message: IncomingMessage,
  keys: URLSearchParams,
  random: Random,
): QueryRequest {
  const header = (name: string) => textOf(message.headers[name])
  const settings = new Map<string, string>()
  const parameters = new Map<string, string>()
  for (const [key, value] of keys) {
    if (key.startsWith('param_')) parameters.set(nameOf(key.slice(6)), value)
    else if (!reserved.has(key)) settings.set(nameOf(key), value)
  }
  // A GET must not change anything, whatever its text is: so ClickHouse has it.
  const isGet = message.method === 'GET' || message.method === 'HEAD'
  if (isGet && (settings.get('readonly') ?? '0') === '0') settings.set('readonly', '2')
  return {
    id: keys.get('query_id') || random.uuid(),
    sql: keys.get('query') ?? '',
    database: keys.get('database') || header('x-clickhouse-database') || 'default',
    defaultFormat: keys.get('default_format') || header('x-clickhouse-format') || 'TabSeparated',
    settings,
    parameters,
    session: parseSession(keys),
    waitsForEnd: isOn(keys.get('wait_end_of_query')),
    compresses: isOn(keys.get('compress')),
    decompresses: isOn(keys.get('decompress')),
  }
}

export function isOn(value: string | null | undefined): boolean {
  return value === '1' || value === 'true'
}

/** Throws AUTHENTICATION_FAILED unless the request names one of `users` with its password. */
export function authenticate(
  message: IncomingMessage,
  keys: URLSearchParams,
  users: Readonly<Record<string, string>>,
): void {
  const { user, password } = credentials(message, keys)
  const known = Object.hasOwn(users, user) ? users[user] : undefined
  if (known !== undefined && timingSafeEqual(digest(known), digest(password))) return
  const why = `${user}: Authentication failed: password is incorrect, or there is no user with such name`
  throw exception('AUTHENTICATION_FAILED', why)
}

function credentials(message: IncomingMessage, keys: URLSearchParams) {
  const user = textOf(message.headers['x-clickhouse-user'])
  const password = textOf(message.headers['x-clickhouse-key'])
  if (user !== '' || password !== '') return { user: user || 'default', password }
  const [scheme, encoded = ''] = (message.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() === 'basic') {
    const decoded = Buffer.from(encoded, 'base64').toString('utf8')
    const colon = decoded.indexOf(':')
    if (colon >= 0) return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) }
  }
  return { user: keys.get('user') || 'default', password: keys.get('password') ?? '' }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function parseSession(keys: URLSearchParams): HttpSessionRequest | undefined {
  const id = keys.get('session_id')
  if (id === null || id === '') return undefined
  const text = keys.get('session_timeout') ?? String(sessionSecondsDefault)
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds <= sessionSecondsMax)) {
    const why = `Invalid session timeout: '${text}'; it is a number of seconds up to ${sessionSecondsMax}`
    throw exception('INVALID_SESSION_TIMEOUT', why)
  }
  return { id, timeoutMs: seconds * 1000, mustExist: isOn(keys.get('session_check')) }
}

/** Names stand in SQL as they are. */
function nameOf(name: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) return name
  throw exception('UNKNOWN_SETTING', `Unknown setting '${name}'`)
}

function textOf(header: string | string[] | undefined): string {
  return (Array.isArray(header) ? header[0] : header) ?? ''
}
