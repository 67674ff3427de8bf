/**
 * Traces, off unless `TTPSTREAM_TRACES` is on: only then is the SDK loaded. Where they go is told by
 * OpenTelemetry's own environment variables.
 */

import type { ResponseFacts } from '../api/app.ts'
import { monotonicMs } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import type { Log } from '../core/log.ts'
import type { Metrics } from '../core/metrics.ts'
import { noTracer, type Tracer } from '../core/trace.ts'

export interface Traces {
  readonly tracer: Tracer
  /** Exports what is left, for a second at most. */
  close(): Promise<void>
}

export interface TracesParts {
  readonly log: Log
  readonly metrics: Metrics
}

export async function startTraces(config: Config, parts: TracesParts): Promise<Traces> {
  if (!config.flag('TTPSTREAM_TRACES')) return { tracer: noTracer, close: async () => {} }
  const { OpenTelemetry } = await import('./open-telemetry.ts')
  return new OpenTelemetry(parts)
}

/** An answered request as a span. */
export function traceResponse(tracer: Tracer, response: ResponseFacts): void {
  const { method, route, status, seconds, requestId } = response
  const attributes = {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    // A client may name its request itself, after anybody; our own ids are UUIDs.
    ...(uuid.test(requestId) ? { 'ttpstream.request_id': requestId } : {}),
  }
  const span = tracer.start(`${method} ${route}`, attributes, monotonicMs() - seconds * 1_000)
  span.end(status < 500 ? 'done' : 'failed')
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
