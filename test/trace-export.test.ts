/** What becomes of spans on their way out, where the endpoint takes them and where it does not. */

import { createRequire } from 'node:module'
import { afterEach, expect, test, vi } from 'vitest'
import { startTraces, type Traces, traceResponse } from '../cli/traces.ts'
import { monotonicMs } from '../core/clock.ts'
import { readConfig } from '../core/config.ts'
import { LeaseLost } from '../core/kafka.ts'
import { type Log, silentLog } from '../core/log.ts'
import { createMetrics } from '../core/metrics.ts'
import { inSpan, noTracer } from '../core/trace.ts'
import { until } from './delivery/until.ts'
import { OtlpReceiver, type ReceiverMood } from './otlp-receiver.ts'

const metrics = createMetrics()
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

test('without the setting there is no tracer and no SDK, whatever the environment says', async () => {
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1')
  const traces = await startTraces(readConfig({}), { log: silentLog, metrics })
  expect(traces.tracer).toBe(noTracer)
  await traces.close()
  expect(sdkFiles()).toEqual([])
})

test('what is left is exported at the end: parents and children, times, outcomes', async () => {
  const { traces, receiver } = await tracing('well')
  expect(sdkFiles()).not.toEqual([])
  const block = traces.tracer.start('block', { 'ttpstream.first_offset': 7 }, monotonicMs() - 1_000)
  await inSpan(block.start('cut'), async () => {})
  await inSpan(block.start('intent'), () => Promise.reject(new LeaseLost('lost'))).catch(() => {})
  await inSpan(block.start('publish'), () => Promise.reject(new Error('a secret'))).catch(() => {})
  block.set({ 'ttpstream.tags': 2 })
  block.end('recovered')
  traces.tracer.start('block').end('done')
  await traces.close()
  const [cut, intent, publish, parent, other] = receiver.spans
  expect(parent).toMatchObject({
    name: 'block',
    attributes: {
      'ttpstream.first_offset': 7,
      'ttpstream.tags': 2,
      'ttpstream.outcome': 'recovered',
    },
    status: { code: 0 },
  })
  for (const child of [cut, intent, publish]) {
    expect(child).toMatchObject({ traceId: parent?.traceId, parentSpanId: parent?.spanId })
    expect(child?.startTimeUnixNano).toBeGreaterThan(parent?.startTimeUnixNano ?? 0n)
  }
  expect(cut).toMatchObject({ attributes: { 'ttpstream.outcome': 'done' }, status: { code: 0 } })
  expect(intent).toMatchObject({ attributes: { 'ttpstream.outcome': 'lease-lost' } })
  expect(publish).toMatchObject({
    attributes: { 'ttpstream.outcome': 'failed' },
    status: { code: 2 },
  })
  const tookNs = (parent?.endTimeUnixNano ?? 0n) - (parent?.startTimeUnixNano ?? 0n)
  expect(tookNs).toBeGreaterThan(1_000_000_000n)
  expect(other?.parentSpanId).toBeUndefined()
  expect(other?.traceId).not.toBe(parent?.traceId)
  expect(receiver.resources[0]).toMatchObject({ 'service.name': 'ttpstream' })
  expect(receiver.bodies.join()).not.toContain('secret')
})

test('a request is a span of its route, and a request id that a client made up is left out', async () => {
  const { traces, receiver } = await tracing('well')
  const response = { method: 'GET', route: '/api/v1/assets/{id}', status: 200, seconds: 0.25 }
  const requestId = '0b2f4c1e-6d1c-4f0e-9c55-0b7b3a9f2d10'
  traceResponse(traces.tracer, { ...response, requestId })
  traceResponse(traces.tracer, { ...response, status: 503, requestId: 'alice' })
  await traces.close()
  const [answered, failed] = receiver.spans
  expect(answered).toMatchObject({
    name: 'GET /api/v1/assets/{id}',
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/api/v1/assets/{id}',
      'http.response.status_code': 200,
      'ttpstream.request_id': requestId,
    },
  })
  expect(failed).toMatchObject({ status: { code: 2 } })
  expect(failed?.attributes).not.toHaveProperty('ttpstream.request_id')
  expect(receiver.bodies.join()).not.toContain('alice')
})

test('an endpoint that never answers holds up nobody: the queue fills, the rest is dropped and counted', async () => {
  const { traces, receiver, lines, dropped } = await tracing('mute')
  for (let count = 0; count < 10_000; count += 1) traces.tracer.start('block').end('done')
  await until('the first batch', () => receiver.bodies.length === 1)
  expect(await dropped('queue-full')).toBe(10_000 - 512 - 2_048)
  // It waits for what is under way, but not for long.
  await traces.close()
  expect(await dropped('stopped')).toBe(512 + 2_048)
  traces.tracer.start('block').end('done')
  expect(await dropped('stopped')).toBe(512 + 2_048 + 1)
  expect(lines).toEqual([{ reason: 'queue-full', spans: 1 }, expect.anything()])
})

test('spans that the endpoint refuses are counted, and what it says is told to nobody', async () => {
  const { traces, receiver, lines, dropped } = await tracing('refusing')
  for (const _ of [1, 2]) traces.tracer.start('block').end('done')
  await traces.close()
  expect(receiver.bodies).toHaveLength(1)
  expect(await dropped('export-failed')).toBe(2)
  expect(lines).toEqual([{ reason: 'export-failed', spans: 2 }])
})

/** What this process has loaded of the SDK. */
function sdkFiles(): string[] {
  const files = Object.keys(createRequire(import.meta.url).cache)
  return files.filter((file) => file.includes('@opentelemetry/sdk-trace'))
}

interface Tracing {
  readonly traces: Traces
  readonly receiver: OtlpReceiver
  /** The fields of what was logged. */
  readonly lines: readonly object[]
  dropped(reason: string): Promise<number>
}

async function tracing(mood: ReceiverMood): Promise<Tracing> {
  const receiver = await OtlpReceiver.start(mood)
  cleanups.push(() => receiver.close())
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url)
  const lines: object[] = []
  const keep = (fields: object) => {
    lines.push(fields)
  }
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep }
  const own = createMetrics()
  const traces = await startTraces(readConfig({ TTPSTREAM_TRACES: 'true' }), { log, metrics: own })
  const dropped = async (reason: string) => {
    const line = new RegExp(`^ttpstream_spans_dropped_total{reason="${reason}"} (\\d+)$`, 'm')
    return Number(line.exec(await own.text())?.[1] ?? 0)
  }
  return { traces, receiver, lines, dropped }
}
