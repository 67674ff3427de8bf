import { Session } from 'chdb'
import type { Log } from '../../core/log.ts'
import { exception } from './exception.ts'

/**
 * chDB sessions on one data directory. A session runs one query at a time; several run side by side
 * and see each other's writes. It also keeps what was SET on it, so each query gets a session whose
 * state is the query's alone: what differs is set, settings of the query before are set back to their
 * defaults, and a session that holds a parameter (which cannot be unset) serves only queries that set it
 * anew, as one that is read-only (which cannot be taken back) serves only queries that are. A query like the
 * one before it costs no statement but its own.
 *
 * Parameters go in by `SET param_x`, never by chDB's binding: that runs one query at a time in the
 * whole process.
 */
export interface Job {
  readonly database: string
  readonly settings: ReadonlyMap<string, string>
  readonly parameters: ReadonlyMap<string, string>
  /** Aborted: the query is killed and its slot freed. */
  readonly signal: AbortSignal
}

export interface Connection {
  readonly session: Session
  /** Marks its queries in system.processes, one at a time, so that they can be killed. */
  readonly id: string
  /** What was SET, by name; null where somebody else may have SET since. */
  readonly settings: Map<string, string | null>
  readonly parameters: Map<string, string | null>
  /** Likewise. */
  database: string | null
  /** A kill was sent, which may come late, or a SET failed half-way: no other query is to run here. */
  isSpoilt: boolean
}

export interface PoolLimits {
  /** Queries that run at the same time. */
  readonly parallelMax: number
  /** Queries that wait for a slot; more are refused with TOO_MANY_SIMULTANEOUS_QUERIES. */
  readonly waitingMax: number
}

/** Idle sessions kept for the next query, about 140 KB each: a few of each kind of question, and of inserts. */
const idleMax = 64
/** Sessions to be closed are closed when nothing runs; past this many, while others run. */
const retiredMax = 256
const killAgainMs = 200
const killsMax = 50

export class ConnectionPool {
  readonly #dataDir: string
  readonly #limits: PoolLimits
  readonly #log: Log
  readonly #idle: Connection[] = []
  #retired: Connection[] = []
  readonly #waiting: (() => void)[] = []
  #running = 0
  #opened = 0
  /** For KILL QUERY: never waits for a slot. */
  readonly #control: Session

  constructor(dataDir: string, limits: PoolLimits, log: Log) {
    this.#dataDir = dataDir
    this.#limits = limits
    this.#log = log
    this.#control = new Session(dataDir)
  }

  /** Runs `work` on a session of its own, with the job's state; `isReusable` is asked afterwards. */
  async run<T>(job: Job, isReusable: boolean, work: (session: Session) => Promise<T>): Promise<T> {
    await this.#enter(job.signal)
    const connection = this.#take(job)
    try {
      return await this.#runOn(connection, job, work)
    } finally {
      if (isReusable && canBeSet(job.settings) && !connection.isSpoilt) this.#keep(connection)
      else this.#retired.push(connection)
      this.#leave()
    }
  }

  /** As `run`, on a connection that the caller keeps. The caller sees to it that it is idle. */
  async runKept<T>(
    connection: Connection,
    job: Job,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    await this.#enter(job.signal)
    try {
      forget(connection)
      return await this.#runOn(connection, job, work)
    } finally {
      this.#leave()
    }
  }

  open(): Connection {
    this.#opened += 1
    return {
      session: new Session(this.#dataDir),
      id: `connection ${this.#opened}`,
      settings: new Map(),
      parameters: new Map(),
      database: null,
      isSpoilt: false,
    }
  }

  retire(connection: Connection): void {
    this.#retired.push(connection)
    this.#closeRetired()
  }

  /** Closes every session. Call it when no query runs. */
  close(): void {
    for (const { session } of [...this.#idle, ...this.#retired]) session.close()
    this.#control.close()
  }

  async #runOn<T>(
    connection: Connection,
    job: Job,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    job.signal.throwIfAborted()
    await prepare(connection, job)
    job.signal.throwIfAborted()
    const stopKilling = this.#killOnAbort(connection, job.signal)
    try {
      return await work(connection.session)
    } finally {
      stopKilling()
    }
  }

  /** A query that is aborted while it waits leaves the queue: whoever hangs up holds up nobody. */
  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.#limits.parallelMax) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.#limits.waitingMax) {
      const why = `Too many simultaneous queries. Maximum: ${this.#limits.parallelMax}, waiting: ${this.#limits.waitingMax}`
      throw exception('TOO_MANY_SIMULTANEOUS_QUERIES', why)
    }
    // Whoever leaves hands over its slot, so `running` stays as it is.
    await new Promise<void>((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.push(enter)
    })
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
    this.#closeRetired()
  }

  /** What was used last is used next; what was not for longest makes room. */
  #keep(connection: Connection): void {
    this.#idle.push(connection)
    const oldest = this.#idle.length > idleMax ? this.#idle.shift() : undefined
    if (oldest !== undefined) this.#retired.push(oldest)
  }

  /**
   * The session that has the most of the job's state: among those that may serve it, the last used one. No
   * question takes one of an insert, which would have to be opened and set anew.
   */
  #take(job: Job): Connection {
    const fits = ({ parameters, settings }: Connection) =>
      [...parameters.keys()].every((name) => job.parameters.has(name)) &&
      settings.get('readonly') === job.settings.get('readonly')
    const isReady = (idle: Connection) => fits(idle) && changesOf(idle, job).length === 0
    const ready = this.#idle.findLastIndex(isReady)
    const index = ready >= 0 ? ready : this.#idle.findLastIndex(fits)
    return this.#idle.splice(index, index >= 0 ? 1 : 0)[0] ?? this.open()
  }

  /**
   * chDB puts off a close until every operation in the process has ended, by a list of them all for
   * each: closing one by one under a long query would cost the square of their number.
   */
  #closeRetired(): void {
    if (this.#running > 0 && this.#retired.length < retiredMax) return
    const closing = this.#retired
    this.#retired = []
    for (const { session } of closing) session.close()
  }

  /** A kill can come before ClickHouse has listed the query: it is repeated until the work ends. */
  #killOnAbort(connection: Connection, signal: AbortSignal): () => void {
    let timer: NodeJS.Timeout | undefined
    let kills = 0
    const isQuery = `Settings['log_comment'] = ${quoted(connection.id)}`
    const kill = () => {
      connection.isSpoilt = true
      kills += 1
      if (kills < killsMax) timer = setTimeout(kill, killAgainMs)
      this.#control
        .queryAsync(`KILL QUERY WHERE ${isQuery} ASYNC`)
        .catch((error: unknown) => this.#log.warn({ error }, 'a query could not be killed'))
    }
    signal.addEventListener('abort', kill, { once: true })
    return () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
  }
}

/** What `clickhouse local` does otherwise than a server. */
const serverSettings: readonly [string, string][] = [['implicit_select', '0']]

/** Brings the session to the job's state. */
async function prepare(connection: Connection, job: Job): Promise<void> {
  const { session, settings, parameters } = connection
  const isElsewhere = connection.database !== job.database
  const changes = changesOf(connection, job)
  const statements = [
    ...(isElsewhere ? [`USE ${quotedName(job.database)}`] : []),
    ...(changes.length > 0 ? [`SET ${changes.join(', ')}`] : []),
  ]
  if (statements.length === 0) return
  connection.isSpoilt = true
  await session.queryAsync(statements.join('; '))
  connection.isSpoilt = false
  connection.database = job.database
  settings.clear()
  for (const [name, value] of wantedSettings(connection, job)) settings.set(name, value)
  for (const [name, value] of job.parameters) parameters.set(name, value)
}

/** Read-only to the second degree changes no data, but any setting except itself. */
function canBeSet(settings: ReadonlyMap<string, string>): boolean {
  return !settings.has('readonly') || settings.get('readonly') === '2'
}

/** The assignments that the session lacks; `readonly` comes last: after it nothing more can be set. */
function changesOf(connection: Connection, job: Job): readonly string[] {
  const wanted = wantedSettings(connection, job)
  const changes: string[] = []
  for (const name of connection.settings.keys()) {
    if (!wanted.has(name)) changes.push(`${name} = DEFAULT`)
  }
  for (const [name, value] of job.parameters) {
    if (connection.parameters.get(name) !== value) changes.push(`param_${name} = ${quoted(value)}`)
  }
  for (const [name, value] of wanted) {
    if (name === 'readonly' || connection.settings.get(name) === value) continue
    changes.push(`${name} = ${quoted(value)}`)
  }
  const readonly = wanted.get('readonly')
  if (readonly !== undefined && readonly !== connection.settings.get('readonly')) {
    changes.push(`readonly = ${quoted(readonly)}`)
  }
  return changes
}

function wantedSettings(connection: Connection, job: Job): ReadonlyMap<string, string> {
  return new Map([...serverSettings, ...job.settings, ['log_comment', connection.id]])
}

/** Its client may have SET anything since. */
function forget(connection: Connection): void {
  connection.database = null
  for (const known of [connection.settings, connection.parameters]) {
    for (const name of known.keys()) known.set(name, null)
  }
}

export function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')
  return `'${escaped}'`
}

function quotedName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('\0', '\\0')}\``
}
