import type { Clock } from '../../core/clock.ts'
import type { Lease, TopicPartition } from '../../core/kafka.ts'
import type { Metrics } from '../../core/metrics.ts'

/**
 * Tells how far behind each held partition is: with every batch, and from time to time also where
 * none is done, for what stands still is what has to be seen.
 */
export interface LagWatchOptions {
  readonly metrics: Metrics
  readonly clock: Clock
  /** The offset after the last record of each partition of a topic. Whatever it throws is asked again. */
  readonly ends: (topic: string) => Promise<ReadonlyMap<number, number>>
}

interface Held extends TopicPartition {
  readonly lease: Lease
  /** The first offset that is not finished. */
  readonly position: () => number
  /** Kafka's timestamp of the last finished record, epoch milliseconds. */
  finishedMs: number
  /** Since when it has been seen with something to do; null while there is nothing. */
  behindSinceMs: number | null
}

const everyMs = 5_000

export class LagWatch {
  readonly #options: LagWatchOptions
  readonly #held = new Map<string, Held>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: LagWatchOptions) {
    this.#options = options
  }

  start(): void {
    const again = () => {
      if (!this.#isStopped) this.start()
    }
    this.#timer = setTimeout(() => this.#ask().then(again, again), everyMs)
    this.#timer.unref()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** A partition is held until its lease has ended. */
  hold({ topic, partition }: TopicPartition, lease: Lease, position: () => number): void {
    const key = `${topic}:${partition}`
    const fresh = { finishedMs: Number.NEGATIVE_INFINITY, behindSinceMs: null }
    this.#held.set(key, { topic, partition, lease, position, ...fresh })
  }

  /** A batch was done. `finishedMs`: the timestamp of its last record, if there was one. */
  moved({ topic, partition }: TopicPartition, end: number, finishedMs: number | undefined): void {
    const held = this.#held.get(`${topic}:${partition}`)
    if (held === undefined) return
    if (finishedMs !== undefined && finishedMs > 0) held.finishedMs = finishedMs
    this.#tell(held, end)
  }

  async #ask(): Promise<void> {
    for (const [key, { topic, partition, lease }] of this.#held) {
      if (lease.isHeld()) continue
      // Another process tells of it now.
      this.#held.delete(key)
      this.#options.metrics.unset('ttpstream_lag_records', { topic, partition })
      this.#options.metrics.unset('ttpstream_lag_seconds', { topic, partition })
    }
    for (const topic of new Set([...this.#held.values()].map((held) => held.topic))) {
      const ends = await this.#options.ends(topic).catch(() => null)
      for (const held of this.#held.values()) {
        const end = held.topic === topic ? ends?.get(held.partition) : undefined
        if (end !== undefined && held.lease.isHeld()) this.#tell(held, end)
      }
    }
  }

  #tell(held: Held, end: number): void {
    const { metrics, clock } = this.#options
    const { topic, partition } = held
    const records = Math.max(0, end - held.position())
    const nowMs = clock.now()
    held.behindSinceMs = records === 0 ? null : (held.behindSinceMs ?? nowMs)
    const sinceMs = Math.max(held.behindSinceMs ?? nowMs, held.finishedMs)
    metrics.set('ttpstream_lag_records', { topic, partition }, records)
    const seconds = records === 0 ? 0 : Math.max(0, nowMs - sinceMs) / 1000
    metrics.set('ttpstream_lag_seconds', { topic, partition }, seconds)
  }
}
