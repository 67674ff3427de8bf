import { setTimeout } from 'node:timers/promises'
import { messageOf, TransientError } from '../../core/error.ts'
import { type Lease, LeaseLost } from '../../core/kafka.ts'
import type { Log } from '../../core/log.ts'

const backoffFirstMs = 100
const backoffMaxMs = 5_000
const sliceMs = 100

export interface RetryOptions {
  readonly lease: Lease
  readonly what: string
  readonly log: Log
  /** Told of every failed try, and with null when it went through at last. */
  readonly onTrouble: (reason: string | null) => void
}

/**
 * Repeats `work` for as long as it throws `TransientError` and the lease is held: 100 ms, then
 * doubled up to 5 s. Throws `LeaseLost` when the lease is gone, and any other error at once.
 */
export async function retryTransient<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  const { lease, what, log, onTrouble } = options
  for (let tries = 0; ; tries += 1) {
    await lease.confirm()
    try {
      const result = await work()
      if (tries > 0) onTrouble(null)
      return result
    } catch (cause) {
      if (!(cause instanceof TransientError)) throw cause
      onTrouble(`${what}: ${cause.message}`)
      log.warn({ what, tries: tries + 1, error: messageOf(cause) }, 'trying again')
      await pause(Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(tries, 10)), lease)
    }
  }
}

/** Sleeps in slices, so that a lost lease ends it soon. */
async function pause(ms: number, lease: Lease): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= sliceMs) {
    if (!lease.isHeld()) throw new LeaseLost('The group has moved on.')
    await setTimeout(Math.min(sliceMs, leftMs))
  }
}
