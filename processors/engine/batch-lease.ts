import { setImmediate } from 'node:timers/promises'
import type { EachBatchPayload } from 'kafkajs'
import { type Lease, LeaseLost } from '../../core/kafka.ts'

/** kafkajs calls these a rebalance; they must reach its runner, which then joins again. */
const rejoinTypes = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
])
const commitTriesMax = 5

export interface LeaseClock {
  /** Is the epoch still the one in which the batch was fetched? */
  isCurrent(): boolean
  heartbeatAgeMs(): number
  readonly freshMs: number
}

/** The lease of one batch: ends with its epoch, or when the coordinator cannot be asked about it. */
export class BatchLease implements Lease {
  readonly #payload: EachBatchPayload
  readonly #clock: LeaseClock
  #isLost = false
  /** The error that must reach kafkajs's runner so that it joins again. */
  rejoin: unknown = null

  constructor(payload: EachBatchPayload, clock: LeaseClock) {
    this.#payload = payload
    this.#clock = clock
  }

  /** The epoch holds, though the lease may not: the partition is still ours. */
  isCurrent(): boolean {
    return this.#clock.isCurrent()
  }

  isHeld(): boolean {
    if (!this.#isLost && !this.#clock.isCurrent()) this.#isLost = true
    return !this.#isLost
  }

  /** Keeps the session while a batch takes its time; a refusal ends the lease. */
  beat(): void {
    if (!this.isHeld()) return
    this.#payload.heartbeat().catch((cause: unknown) => this.#lose(cause))
  }

  async confirm(): Promise<void> {
    // The first may be one that is under way since long ago; the second is asked now.
    for (let tries = 0; tries < 2 && this.isHeld() && this.#isStale(); tries += 1) {
      await this.#payload.heartbeat().catch((cause: unknown) => this.#lose(cause))
    }
    if (this.#isStale()) this.#isLost = true
    if (!this.isHeld()) throw new LeaseLost('The group has moved on.')
  }

  async commit(offset: number, metadata: string): Promise<void> {
    const { topic, partition } = this.#payload.batch
    const partitions = [{ partition, offset: String(offset), metadata }]
    for (let tries = 1; ; tries += 1) {
      if (!this.isHeld()) throw new LeaseLost('The group has moved on.')
      try {
        await this.#payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions }] })
        // The next commit must not share this answer's microtasks: a join may be among them.
        await setImmediate()
        return
      } catch (cause) {
        if (tries === commitTriesMax || rejoinTypes.has(typeOf(cause))) this.#lose(cause)
      }
    }
  }

  #isStale(): boolean {
    return this.#clock.heartbeatAgeMs() > this.#clock.freshMs
  }

  #lose(cause: unknown): void {
    this.#isLost = true
    this.rejoin ??= cause
  }
}

function typeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null || !('type' in cause)) return ''
  return String(cause.type)
}
