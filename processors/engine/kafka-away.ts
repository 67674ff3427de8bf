import { setTimeout } from 'node:timers/promises'
import { messageOf } from '../../core/error.ts'
import type { Log } from '../../core/log.ts'

/** Between two attempts to reach Kafka at the start, after kafkajs's own. */
const pauseMs = 1_000

/**
 * Kafka may be away when a process starts, or go between two questions of the start: repeats `work` for as
 * long as that is so. Resolves to null once `isClosing`; what can never work is thrown.
 */
export async function untilAnswered<T>(
  log: Log,
  isClosing: () => boolean,
  work: () => Promise<T>,
): Promise<T | null> {
  while (!isClosing()) {
    try {
      return await work()
    } catch (cause) {
      if (!isWorthAnotherTry(cause)) throw cause
      log.warn({ error: messageOf(cause) }, 'Kafka does not answer, trying again')
      await setTimeout(pauseMs)
    }
  }
  return null
}

/** kafkajs marks what may go over; the end of its own retries is marked as final, and is not. */
function isWorthAnotherTry(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false
  if (cause.name === 'KafkaJSNumberOfRetriesExceeded') return true
  return 'retriable' in cause && cause.retriable === true
}
