import { messageOf } from '../core/error.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import type { Correlator } from '../processors/correlate.ts'
import type { RunnableCorrelation } from '../rules/correlated-rule.ts'

/** Runs the correlations from time to time, one pass at a time, while this worker is the one that should. */
export interface CorrelationJobOptions {
  readonly correlator: Correlator
  readonly correlations: () => readonly RunnableCorrelation[]
  readonly isHolder: () => boolean
  /** Between two passes; 0: never. */
  readonly intervalMs: number
  readonly log: Log
  readonly metrics: Metrics
}

export function startCorrelations(options: CorrelationJobOptions): { stop(): void } {
  const { correlator, correlations, isHolder, intervalMs, log, metrics } = options
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const schedule = () => {
    if (isStopped || intervalMs === 0) return
    timer = setTimeout(() => void pass(), intervalMs)
    timer.unref()
  }
  const pass = async () => {
    try {
      if (isHolder()) {
        const alerts = await correlator.run(correlations())
        if (alerts > 0) log.info({ alerts }, 'correlations published')
        metrics.count('ttpstream_correlation_passes_total', { outcome: 'done' })
      }
    } catch (cause) {
      // The next pass looks at all of it again.
      log.warn({ error: messageOf(cause) }, 'correlations not run')
      metrics.count('ttpstream_correlation_passes_total', { outcome: 'failed' })
    }
    schedule()
  }
  schedule()
  return {
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
