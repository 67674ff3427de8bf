/**
 * The seam to tracing: what the engine needs of it, and no more. Off, every span is `noSpan`.
 *
 * Contract: a span tells where, when and how much, never what a record or a request says. So the
 * attributes are a closed list: ids of ours, positions, counts, names of topics and tables.
 */

import { LeaseLost } from './kafka.ts'

export interface SpanAttributes {
  readonly 'messaging.system'?: 'kafka'
  /** The topic. */
  readonly 'messaging.destination.name'?: string
  readonly 'messaging.destination.partition.id'?: string
  /** Records of the block. */
  readonly 'messaging.batch.message_count'?: number
  /** `log:topic:partition:first-last`, with which the tokens of the block's inserts begin. */
  readonly 'ttpstream.block'?: string
  readonly 'ttpstream.first_offset'?: number
  readonly 'ttpstream.last_offset'?: number
  readonly 'ttpstream.revision'?: string
  readonly 'ttpstream.tags'?: number
  /** Rows of an insert. */
  readonly 'ttpstream.rows'?: number
  readonly 'http.request.method'?: string
  /** The route's pattern, never the path. */
  readonly 'http.route'?: string
  readonly 'http.response.status_code'?: number
  readonly 'ttpstream.request_id'?: string
}

/** `recovered`: a block that an earlier holder of the partition began, done by this one. */
export type SpanOutcome = 'done' | 'recovered' | 'lease-lost' | 'failed'

/** Times are those of `monotonicMs`; without one, now. */
export interface Tracer {
  start(name: string, attributes?: SpanAttributes, begunMs?: number): Span
}

/** What a span starts is its child. Nothing is exported of a span before its end, which comes once. */
export interface Span extends Tracer {
  set(attributes: SpanAttributes): void
  end(outcome: SpanOutcome, endedMs?: number): void
}

export const noSpan: Span = { start: () => noSpan, set: () => {}, end: () => {} }

export const noTracer: Tracer = noSpan

/** Does `work`, and ends `span` with what became of it: `done`, unless it throws. */
export async function inSpan<T>(
  span: Span,
  work: (span: Span) => Promise<T>,
  done: SpanOutcome = 'done',
): Promise<T> {
  try {
    const result = await work(span)
    span.end(done)
    return result
  } catch (cause) {
    span.end(cause instanceof LeaseLost ? 'lease-lost' : 'failed')
    throw cause
  }
}
