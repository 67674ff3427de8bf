/**
 * Runs the daily run when somebody asks for it: a request comes over the catalog like any change, and
 * so does its answer.
 *
 * Contract:
 * - A request is answered by the worker that has the duties; one that was asked of a worker that died
 *   is answered by whoever has them next.
 * - A run sees everything that stood on the catalog before the request.
 * - Requests that wait together are answered by one run. A run that fails is run again.
 */

import { setTimeout as pause } from 'node:timers/promises'
import type { Views } from '../core/clickhouse.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf, TransientError } from '../core/error.ts'
import type { LogRecord, OutRecord } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import { decayActor } from '../processors/decay.ts'
import { catalogTime, parseCatalog } from '../schemas/catalog.ts'
import type { DecayResult } from './decay-run.ts'

export interface DecayRequestsOptions {
  readonly topic: string
  readonly views: Views
  readonly run: () => Promise<DecayResult>
  readonly send: (records: readonly OutRecord[]) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

const retryMs = 2_000
const pollMs = 50
/** How long the engine may take to write what the catalog held when the request came. */
const writtenMsMax = 30_000

export class DecayRequests {
  readonly #options: DecayRequestsOptions
  /** Request id → its offset. */
  readonly #unanswered = new Map<string, number>()
  #isHolder: () => boolean = () => false
  #isCaughtUp = false
  #isRunning = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: DecayRequestsOptions) {
    this.#options = options
  }

  /** Takes a record of the catalog, in log order. */
  take(record: LogRecord): void {
    const change = changeOf(record)
    if (change === null) return
    if (change.kind === 'decay_run') this.#unanswered.delete(change.id)
    else this.#unanswered.set(change.id, record.offset)
  }

  /** All that the catalog held has been taken: what has no answer now has none. */
  caughtUp(): void {
    this.#isCaughtUp = true
    this.#schedule(0)
  }

  hold(isHolder: () => boolean): void {
    this.#isHolder = isHolder
    this.#schedule(0)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #schedule(waitMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosed || !this.#isCaughtUp || this.#isRunning) return
    if (this.#unanswered.size === 0) return
    this.#timer = setTimeout(() => void this.#answer(), waitMs)
    this.#timer.unref()
  }

  async #answer(): Promise<void> {
    if (this.#isRunning || this.#unanswered.size === 0 || !this.#isHolder()) return
    const { run, send, clock, log, topic } = this.#options
    const requests = [...this.#unanswered.keys()]
    this.#isRunning = true
    let waitMs = 0
    try {
      await this.#untilWritten(Math.max(...this.#unanswered.values()))
      const result = await run()
      const time = new Date(clock.now()).toISOString()
      await send(
        requests.map((id) => {
          const value = JSON.stringify(answer(id, time, result))
          return { topic, key: `decay_run:${id}`, value }
        }),
      )
      for (const id of requests) this.#unanswered.delete(id)
    } catch (cause) {
      log.warn(
        { error: messageOf(cause) },
        'a decay run that was asked for failed; it is tried again',
      )
      waitMs = retryMs
    } finally {
      this.#isRunning = false
      this.#schedule(waitMs)
    }
  }

  async #untilWritten(offset: number): Promise<void> {
    const { views, topic } = this.#options
    const deadline = AbortSignal.timeout(writtenMsMax)
    while (!deadline.aborted && !this.#isClosed) {
      const at = { topic, partition: 0 }
      const [newest] = await views.select<{ readonly last: number }>('progress_newest', at)
      if (newest !== undefined && newest.last >= offset) return
      await pause(pollMs)
    }
    throw new TransientError(
      'catalog-behind',
      `the engine has not written ${topic} up to ${offset}`,
    )
  }
}

function answer(id: string, event_time: string, result: DecayResult) {
  const { began, ended, opened, snapshot, records } = result
  const day = snapshot?.['date']
  const entity = {
    began,
    ended,
    opened,
    records,
    ...(typeof day === 'string' ? { snapshot_date: day } : {}),
  }
  return { kind: 'decay_run', id, op: 'put', event_time, actor: decayActor, entity }
}

function changeOf(record: LogRecord) {
  if (record.value === null) return null
  const text = Buffer.from(record.value).toString('utf8')
  if (!/"decay_(?:request|run)"/.test(text)) return null
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch {
    return null
  }
  const eventTimeMs = catalogTime(input) ?? record.timestampMs
  const change = parseCatalog(input, { eventTimeMs, validityDays: 0 })
  if (!change.ok) return null
  const { kind } = change.value
  return kind === 'decay_request' || kind === 'decay_run' ? change.value : null
}
