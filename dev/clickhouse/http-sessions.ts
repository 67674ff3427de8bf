import type { Session } from 'chdb'
import type { Connection, ConnectionPool, Job } from './connection-pool.ts'
import { exception } from './exception.ts'
import type { HttpSessionRequest } from './request.ts'

/**
 * Sessions by `session_id`: what was SET and the temporary tables stay until the session has been
 * idle for its timeout. One query at a time; a second one is refused, as ClickHouse does.
 */
export class HttpSessions {
  readonly #pool: ConnectionPool
  readonly #sessionsMax: number
  readonly #kept = new Map<string, Kept>()

  constructor(pool: ConnectionPool, sessionsMax: number) {
    this.#pool = pool
    this.#sessionsMax = sessionsMax
  }

  async run<T>(
    request: HttpSessionRequest,
    job: Job,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    const kept = this.#take(request)
    try {
      return await this.#pool.runKept(kept.connection, job, work)
    } finally {
      kept.isBusy = false
      kept.timer = setTimeout(() => this.#expire(request.id), request.timeoutMs)
      kept.timer.unref()
    }
  }

  close(): void {
    for (const id of [...this.#kept.keys()]) this.#expire(id)
  }

  #take({ id, mustExist }: HttpSessionRequest): Kept {
    const kept = this.#kept.get(id)
    if (kept !== undefined) {
      if (kept.isBusy)
        throw exception('SESSION_IS_LOCKED', `Session ${id} is locked by a concurrent client`)
      clearTimeout(kept.timer)
      kept.isBusy = true
      return kept
    }
    if (mustExist) throw exception('SESSION_NOT_FOUND', `Session ${id} not found`)
    if (this.#kept.size >= this.#sessionsMax) {
      const why = `Too many sessions. Maximum: ${this.#sessionsMax}`
      throw exception('TOO_MANY_SIMULTANEOUS_QUERIES', why)
    }
    const opened: Kept = { connection: this.#pool.open(), isBusy: true, timer: undefined }
    this.#kept.set(id, opened)
    return opened
  }

  #expire(id: string): void {
    const kept = this.#kept.get(id)
    if (kept === undefined) return
    clearTimeout(kept.timer)
    this.#kept.delete(id)
    this.#pool.retire(kept.connection)
  }
}

interface Kept {
  readonly connection: Connection
  isBusy: boolean
  timer: NodeJS.Timeout | undefined
}
