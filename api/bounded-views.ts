import type { Parameter, Views } from '../core/clickhouse.ts'
import { TransientError } from '../core/error.ts'

/**
 * A limit on the queries that run at once, so that a burst of requests queues here instead of piling
 * up in ClickHouse. The queue has a limit too: past it a request is told to come back.
 */
export function boundViews(
  views: Views,
  limits: { readonly runningMax: number; readonly waitingMax: number },
): Views {
  const waiting: (() => void)[] = []
  let running = 0

  async function enter(): Promise<void> {
    if (running < limits.runningMax) {
      running++
      return
    }
    if (waiting.length >= limits.waitingMax) {
      throw new TransientError('too-many-queries', 'Too many queries are waiting already.')
    }
    // Whoever leaves hands its place over, so `running` does not change here.
    await new Promise<void>((resolve) => waiting.push(resolve))
  }

  function leave(): void {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }

  return {
    async select<Row>(view: string, parameters?: Readonly<Record<string, Parameter>>) {
      await enter()
      try {
        return await views.select<Row>(view, parameters)
      } finally {
        leave()
      }
    },
  }
}
