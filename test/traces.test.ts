/** Traces of a whole worker: a record in, spans out, and nothing of the record in them. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'
import { OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts'

let stack: OperationsStack

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('word.yaml', wordRule('word', 'T1082', 'quetzal'))
  stack.set('TTPSTREAM_TRACES', 'true')
  // What comes before the end of the worker is what fills a batch, which is nothing here.
  stack.set('OTEL_BSP_SCHEDULE_DELAY', '600000')
  stack.set('OTEL_RESOURCE_ATTRIBUTES', 'deployment.environment.name=test')
})

afterAll(() => stack?.close())

/** All that a span of a worker may carry. */
const attributesKnown = new Set([
  'messaging.system',
  'messaging.destination.name',
  'messaging.destination.partition.id',
  'messaging.batch.message_count',
  'ttpstream.block',
  'ttpstream.first_offset',
  'ttpstream.last_offset',
  'ttpstream.revision',
  'ttpstream.tags',
  'ttpstream.rows',
  'ttpstream.outcome',
  'http.request.method',
  'http.route',
  'http.response.status_code',
  'ttpstream.request_id',
])

test('a record’s block and a request are traced, and exported when the worker is stopped', async () => {
  const receiver = await OtlpReceiver.start()
  stack.set('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url)
  await stack.startEngine()
  const personal = {
    host: 'host-of-somebody',
    session_id: 'session-of-somebody',
    user: 'EXAMPLE\\somebody',
    attacker_ip: '203.0.113.99',
  }
  const offset = await stack.send('ttp.commands', [
    command('whoami /quetzal', personal),
    'broken-{record}',
  ])
  await stack.finished()
  const answer = await fetch(`${stack.api}/api/v1/ttp/tags?host=host-of-somebody`, {
    headers: { 'X-Request-Id': 'asked-by-somebody' },
  })
  expect(answer.status).toBe(200)
  expect(JSON.stringify(await answer.json())).toContain('host-of-somebody')
  expect(receiver.bodies).toEqual([])
  await stack.stopEngine()
  const { spans, bodies, resources } = receiver
  await receiver.close()

  const blocks = spans.filter(
    ({ name, attributes }) =>
      name === 'block' && attributes['messaging.destination.name'] === 'ttp.commands',
  )
  const [progress] = await stack.rows<{ log: string; revision: string }>(
    `SELECT toString(log) AS log, revision FROM ingest_progress WHERE topic = 'ttp.commands' AND offset = ${offset}`,
  )
  const block = blocks.find(({ attributes }) => attributes['ttpstream.first_offset'] === offset)
  const last = Number(block?.attributes['ttpstream.last_offset'])
  expect(block?.parentSpanId ?? '').toBe('')
  expect(block?.kind).toBe(5)
  expect(block?.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.destination.name': 'ttp.commands',
    'messaging.destination.partition.id': '0',
    'messaging.batch.message_count': last - offset + 1,
    'ttpstream.block': `${progress?.log}:ttp.commands:0:${offset}-${last}`,
    'ttpstream.first_offset': offset,
    'ttpstream.last_offset': last,
    'ttpstream.revision': progress?.revision,
    'ttpstream.tags': 1,
    'ttpstream.outcome': 'done',
  })
  const children = childrenOf(spans, block)
  expect(children.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'cut',
      'intent',
      'insert commands',
      'insert dead_letters',
      'insert rule_matches',
      'insert tags',
      'publish',
      'insert ingest_progress',
    ]),
  )
  expect(children.every(({ kind }) => kind === 1)).toBe(true)
  const tags = children.find(({ name }) => name === 'insert tags')
  expect(tags?.attributes).toEqual({ 'ttpstream.rows': 1, 'ttpstream.outcome': 'done' })
  expect(blocks.flatMap((of) => childrenOf(spans, of)).map(({ name }) => name)).toContain('commit')

  const asked = spans.find(({ attributes }) => attributes['http.route'] === '/api/v1/ttp/tags')
  expect(asked).toMatchObject({
    name: 'GET /api/v1/ttp/tags',
    kind: 2,
    attributes: { 'http.request.method': 'GET', 'http.response.status_code': 200 },
  })
  expect(resources[0]).toMatchObject({
    'service.name': 'ttpstream',
    'deployment.environment.name': 'test',
  })

  for (const { attributes } of spans) {
    for (const key of Object.keys(attributes)) expect(attributesKnown).toContain(key)
  }
  for (const text of ['somebody', 'whoami', 'quetzal', 'broken', '203.0.113.99', 'EXAMPLE']) {
    expect(bodies.join('\n').toLowerCase()).not.toContain(text.toLowerCase())
  }
})

test('an endpoint that takes a request and never answers keeps no block and no stop waiting', async () => {
  const receiver = await OtlpReceiver.start('mute')
  stack.set('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url)
  stack.set('OTEL_BSP_SCHEDULE_DELAY', '50')
  // Nobody would give up before the test does.
  for (const name of ['OTEL_EXPORTER_OTLP_TIMEOUT', 'OTEL_BSP_EXPORT_TIMEOUT']) {
    stack.set(name, '600000')
  }
  await stack.startEngine()
  for (let round = 0; round < 20; round += 1) {
    await stack.send('ttp.commands', [command(`quetzal ${round}`)])
    await stack.finished()
  }
  const [{ count } = { count: 0 }] = await stack.rows<{ count: number }>(
    "SELECT count() AS count FROM commands WHERE command_text LIKE 'quetzal %'",
  )
  expect(count).toBe(20)
  expect(receiver.bodies).toHaveLength(1)
  // The request is still open when the worker has ended.
  await stack.stopEngine()
  await receiver.close()
})

function childrenOf(
  spans: readonly ReceivedSpan[],
  parent: ReceivedSpan | undefined,
): readonly ReceivedSpan[] {
  return spans.filter(
    ({ traceId, parentSpanId }) => traceId === parent?.traceId && parentSpanId === parent.spanId,
  )
}
