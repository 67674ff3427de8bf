/**
 * The tracer on OpenTelemetry's SDK: finished spans wait in a queue and leave it in batches, as OTLP
 * over HTTP in JSON.
 *
 * Contract: a span costs its caller no more than a place in the queue. Where the queue is full or the
 * endpoint does not take a batch, spans are dropped and counted, and nothing waits for them.
 * Nothing of an error is kept: what a server says may hold anything.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Span as ApiSpan,
  type Tracer as ApiTracer,
  type Context,
  type HrTime,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { monotonicMs, systemClock } from '../core/clock.ts'
import type { Span, SpanAttributes, SpanOutcome, Tracer } from '../core/trace.ts'
import type { Traces, TracesParts } from './traces.ts'
import { version } from './version.ts'

/** Finished spans that wait, and those of one export, which is under way beside them. */
const waitingSpansMax = 2_048
const batchSpansMax = 512
const flushMsMax = 1_000

export class OpenTelemetry implements Traces {
  readonly tracer: Tracer
  readonly #provider: BasicTracerProvider
  readonly #queue: SpanQueue

  constructor({ log, metrics }: TracesParts) {
    const told = new Set<DropReason>()
    this.#queue = new SpanQueue((reason, spans) => {
      metrics.count('ttpstream_spans_dropped_total', { reason }, spans)
      if (told.has(reason)) return
      told.add(reason)
      log.warn({ reason, spans }, 'spans are dropped; said once, counted in the metrics')
    })
    const own = resourceFromAttributes({ 'service.name': 'ttpstream', 'service.version': version })
    this.#provider = new BasicTracerProvider({
      // What the environment says goes first.
      resource: own.merge(detectResources({ detectors: [envDetector] })),
      spanProcessors: [this.#queue],
    })
    const tracer = this.#provider.getTracer('ttpstream', version)
    this.tracer = {
      start(name, attributes, begunMs) {
        const offsetMs = systemClock.now() - monotonicMs()
        return new SdkSpan({ tracer, context: ROOT_CONTEXT, offsetMs }, name, attributes, begunMs)
      },
    }
  }

  async close(): Promise<void> {
    const deadline = new AbortController()
    const late = sleep(flushMsMax, undefined, { signal: deadline.signal }).catch(() => {})
    // A batch that was not taken has been counted.
    await Promise.race([this.#provider.shutdown().catch(() => {}), late])
    deadline.abort()
    this.#queue.giveUp()
  }
}

type DropReason = 'queue-full' | 'export-failed' | 'stopped'

/** The SDK's batches, with every span accounted for: the SDK tells nobody which it drops. */
class SpanQueue implements SpanProcessor {
  readonly #batches: BatchSpanProcessor
  readonly #exporter = new OTLPTraceExporter()
  readonly #onDropped: (reason: DropReason, spans: number) => void
  #waiting = 0
  /** Handed to the exporter, which has not answered. */
  #sent = 0
  #isClosed = false

  constructor(onDropped: (reason: DropReason, spans: number) => void) {
    this.#onDropped = onDropped
    const exporter: SpanExporter = {
      export: (spans, done) => this.#export(spans, done),
      shutdown: () => this.#exporter.shutdown(),
    }
    this.#batches = new BatchSpanProcessor(exporter, {
      maxQueueSize: waitingSpansMax,
      maxExportBatchSize: batchSpansMax,
    })
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return
    if (this.#isClosed) this.#onDropped('stopped', 1)
    else if (this.#waiting >= waitingSpansMax) this.#onDropped('queue-full', 1)
    else {
      this.#waiting += 1
      this.#batches.onEnd(span)
    }
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown()
  }

  /** What has not been taken by now is dropped. */
  giveUp(): void {
    this.#isClosed = true
    const left = this.#waiting + this.#sent
    if (left > 0) this.#onDropped('stopped', left)
  }

  #export(spans: ReadableSpan[], done: ExportDone): void {
    this.#waiting -= spans.length
    this.#sent += spans.length
    this.#exporter.export(spans, (result) => {
      this.#sent -= spans.length
      if (result.code !== exportSuccess && !this.#isClosed) {
        this.#onDropped('export-failed', spans.length)
      }
      done(result)
    })
  }
}

type ExportDone = Parameters<SpanExporter['export']>[1]

/** As the SDK numbers it, in a package of which this is all we need. */
const exportSuccess = 0

interface SpanBase {
  readonly tracer: ApiTracer
  /** Holds the parent. */
  readonly context: Context
  /** From `monotonicMs` to epoch milliseconds: one for a whole trace, so that its spans do not drift. */
  readonly offsetMs: number
}

class SdkSpan implements Span {
  readonly #base: SpanBase
  readonly #span: ApiSpan

  constructor(base: SpanBase, name: string, attributes?: SpanAttributes, begunMs?: number) {
    this.#base = base
    const startTime = timeOf(base, begunMs)
    this.#span = base.tracer.startSpan(
      name,
      { startTime, kind: kindOf(attributes), attributes: { ...attributes } },
      base.context,
    )
  }

  start(name: string, attributes?: SpanAttributes, begunMs?: number): Span {
    const context = trace.setSpan(this.#base.context, this.#span)
    return new SdkSpan({ ...this.#base, context }, name, attributes, begunMs)
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes({ ...attributes })
  }

  end(outcome: SpanOutcome, endedMs?: number): void {
    this.#span.setAttribute('ttpstream.outcome', outcome)
    if (outcome === 'failed') this.#span.setStatus({ code: SpanStatusCode.ERROR })
    this.#span.end(timeOf(this.#base, endedMs))
  }
}

/** By which a backend tells what a service answers and takes in from what it does within. */
function kindOf(attributes: SpanAttributes = {}): SpanKind {
  if (attributes['http.route'] !== undefined) return SpanKind.SERVER
  if (attributes['messaging.system'] !== undefined) return SpanKind.CONSUMER
  return SpanKind.INTERNAL
}

function timeOf({ offsetMs }: SpanBase, ms = monotonicMs()): HrTime {
  const epochMs = ms + offsetMs
  return [Math.floor(epochMs / 1_000), Math.floor((epochMs % 1_000) * 1e6)]
}
