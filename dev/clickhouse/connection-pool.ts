import { Session } from 'chdb'
import type { Log } from '../../core/log.ts'
import { exception } from './exception.ts'

/**
 * chDB sessions on one data directory. A session runs one query at a time; several run side by side
 * and see each other's writes. It also keeps what was SET on it, so each query gets a session whose
 * state is the query's alone: settings of the query before are set back to their defaults, and a
 * session that holds a parameter (which cannot be unset) serves only queries that set it anew.
 *
 * Parameters go in by `SET param_x`, never by chDB's binding: that runs one query at a time in the
 * whole process.
 */
export interface Job {
  /** Marks the query in system.processes, so that it can be killed. */
  readonly id: string
  readonly database: string
  readonly settings: ReadonlyMap<string, string>
  readonly parameters: ReadonlyMap<string, string>
  /** Aborted: the query is killed and its slot freed. */
  readonly signal: AbortSignal
}

export interface Connection {
  readonly session: Session
  readonly settings: Set<string>
  readonly parameters: Set<string>
}

export interface PoolLimits {
  /** Queries that run at the same time. */
  readonly parallelMax: number
  /** Queries that wait for a slot; more are refused with TOO_MANY_SIMULTANEOUS_QUERIES. */
  readonly waitingMax: number
}

/** Idle sessions kept for the next query, about 140 KB each. */
const idleMax = 32
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
    await this.#enter()
    const connection = this.#take(job.parameters)
    try {
      return await this.runOn(connection, job, work)
    } finally {
      const isClean = isReusable && !job.settings.has('readonly')
      this.#leave(isClean && this.#idle.length < idleMax ? this.#idle : this.#retired, connection)
    }
  }

  /** As `run`, on a connection that the caller keeps. The caller sees to it that it is idle. */
  async runKept<T>(
    connection: Connection,
    job: Job,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    await this.#enter()
    try {
      return await this.runOn(connection, job, work)
    } finally {
      this.#leave()
    }
  }

  open(): Connection {
    return { session: new Session(this.#dataDir), settings: new Set(), parameters: new Set() }
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

  async runOn<T>(
    connection: Connection,
    job: Job,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    job.signal.throwIfAborted()
    await connection.session.queryAsync(prelude(connection, job))
    for (const name of job.settings.keys()) connection.settings.add(name)
    for (const name of job.parameters.keys()) connection.parameters.add(name)
    job.signal.throwIfAborted()
    const stopKilling = this.#killOnAbort(job)
    try {
      return await work(connection.session)
    } finally {
      stopKilling()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#limits.parallelMax) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.#limits.waitingMax) {
      const why = `Too many simultaneous queries. Maximum: ${this.#limits.parallelMax}, waiting: ${this.#limits.waitingMax}`
      throw exception('TOO_MANY_SIMULTANEOUS_QUERIES', why)
    }
    // Whoever leaves hands over its slot, so `running` stays as it is.
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  #leave(shelf?: Connection[], connection?: Connection): void {
    if (connection !== undefined) shelf?.push(connection)
    const next = this.#waiting.shift()
    if (next === undefined) this.#running -= 1
    else next()
    this.#closeRetired()
  }

  #take(parameters: ReadonlyMap<string, string>): Connection {
    const fits = (idle: Connection) => [...idle.parameters].every((name) => parameters.has(name))
    const index = this.#idle.findLastIndex(fits)
    if (index >= 0) return this.#idle.splice(index, 1)[0] ?? this.open()
    const oldest = this.#idle.length < idleMax ? undefined : this.#idle.shift()
    if (oldest !== undefined) this.#retired.push(oldest)
    return this.open()
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
  #killOnAbort(job: Job): () => void {
    let timer: NodeJS.Timeout | undefined
    let kills = 0
    const isQuery = `Settings['log_comment'] = ${quoted(job.id)}`
    const kill = () => {
      kills += 1
      if (kills < killsMax) timer = setTimeout(kill, killAgainMs)
      this.#control
        .queryAsync(`KILL QUERY WHERE ${isQuery} ASYNC`)
        .catch((error: unknown) => this.#log.warn({ error }, 'a query could not be killed'))
    }
    job.signal.addEventListener('abort', kill, { once: true })
    return () => {
      clearTimeout(timer)
      job.signal.removeEventListener('abort', kill)
    }
  }
}

/** What `clickhouse local` does otherwise than a server. */
const serverSettings: readonly [string, string][] = [['implicit_select', '0']]

/** USE comes first and `readonly` last: after it nothing more can be set. */
function prelude(connection: Connection, job: Job): string {
  const settings = new Map([...serverSettings, ['log_comment', job.id], ...job.settings])
  const changes: string[] = []
  for (const name of connection.settings) {
    if (!settings.has(name)) changes.push(`${name} = DEFAULT`)
  }
  connection.settings.clear()
  for (const [name, value] of job.parameters) changes.push(`param_${name} = ${quoted(value)}`)
  for (const [name, value] of settings) {
    if (name !== 'readonly') changes.push(`${name} = ${quoted(value)}`)
  }
  const readonly = settings.get('readonly')
  if (readonly !== undefined) changes.push(`readonly = ${quoted(readonly)}`)
  return `USE ${quotedName(job.database)}; SET ${changes.join(', ')}`
}

export function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')
  return `'${escaped}'`
}

function quotedName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('\0', '\\0')}\``
}
