/**
 * When records become readable: progress is asked for again and again, so a record counts as readable
 * when the first answer passes it, at most one poll later than it was.
 */

import { setTimeout } from 'node:timers/promises'
import type { ClickHouseClient } from '@clickhouse/client'
import { type LogEntry, select } from './oracle.ts'

interface Sample {
  readonly timeMs: number
  /** The last readable offset by `topic:partition`. */
  readonly last: ReadonlyMap<string, number>
}

export class Readability {
  readonly #clickhouse: ClickHouseClient
  readonly #samples: Sample[] = []
  #isEnding = false
  #running: Promise<void> = Promise.resolve()

  constructor(clickhouse: ClickHouseClient) {
    this.#clickhouse = clickhouse
  }

  start(pollMs: number): void {
    this.#running = this.#run(pollMs)
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#running
  }

  /** Milliseconds from a record's time to its being readable; infinite for one that never was. */
  delays(log: readonly LogEntry[]): number[] {
    return log.map((entry) => {
      const key = `${entry.topic}:${entry.partition}`
      const first = this.#samples.find(({ last }) => (last.get(key) ?? -1) >= entry.offset)
      return first === undefined ? Number.POSITIVE_INFINITY : first.timeMs - entry.timeMs
    })
  }

  async #run(pollMs: number): Promise<void> {
    while (!this.#isEnding) {
      const rows = await select<{ topic: string; partition: number; last: number }>(
        this.#clickhouse,
        'SELECT topic, partition, max(last_offset) AS last FROM ingest_progress GROUP BY ALL',
      )
      const last = new Map(rows.map((row) => [`${row.topic}:${row.partition}`, row.last]))
      this.#samples.push({ timeMs: Date.now(), last })
      await setTimeout(pollMs)
    }
  }
}

export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
