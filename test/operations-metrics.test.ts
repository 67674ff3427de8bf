import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'

const correlation = `title: Often
id: op.often
correlation:
  type: event_count
  rules: [op.one]
  timespan: 1m
  condition: { gte: 100 }
level: low
tags: [attack.t1033]
`

let stack: OperationsStack

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.set('TTPSTREAM_CORRELATION_MS', '200')
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami'))
  stack.writeRule('often.yaml', correlation)
  await stack.startEngine()
}, 60_000)

afterAll(() => stack.close(), 30_000)

test('metrics tell per source what came and what it lacks, how late it is read, and what the API did', async () => {
  const hourAgo = Date.now() - 3_600_000
  await stack.send('ttp.commands', [
    command('whoami', { event_time: hourAgo, user: 'u1' }),
    command('ls', { event_time: hourAgo }),
    JSON.stringify({ kind: 'made-up-kind', event_time: hourAgo, host: 'h1', x: 1 }),
    JSON.stringify({ nobody: 'knows', this: 'shape' }),
  ])
  await stack.finished()
  await fetch(`${stack.api}/api/v1/ttp/techniques`)
  await fetch(`${stack.api}/nowhere/${'x'.repeat(50)}`)
  const metrics = await stack.metrics()
  const source = 'kind="command"'
  expect(metrics.get(`ttpstream_source_events_total ${source}`)).toBe(2)
  expect(metrics.get(`ttpstream_source_missing_total field="user" ${source}`)).toBe(1)
  expect(metrics.get(`ttpstream_source_missing_total field="attacker" ${source}`)).toBe(2)
  expect(metrics.has(`ttpstream_source_missing_total field="host" ${source}`)).toBe(false)
  expect(metrics.get(`ttpstream_source_clock_skew_seconds ${source}`)).toBeCloseTo(3_600, -2)
  expect(metrics.get(`ttpstream_source_last_event_seconds ${source}`)).toBeCloseTo(
    hourAgo / 1000,
    0,
  )
  // A producer cannot make series without end.
  expect(metrics.get('ttpstream_source_events_total kind="other"')).toBe(1)
  expect([...metrics.keys()].join()).not.toContain('made-up-kind')
  expect(
    metrics.get('ttpstream_dead_letters_total code="unknown-source" topic="ttp.commands"'),
  ).toBe(1)
  expect(metrics.get('ttpstream_lag_records partition="0" topic="ttp.commands"')).toBe(0)
  expect(metrics.get('ttpstream_lag_seconds partition="0" topic="ttp.commands"')).toBeLessThan(20)
  const route = 'route="/api/v1/ttp/techniques"'
  expect(metrics.get(`ttpstream_api_requests_total method="GET" ${route} status="200"`)).toBe(1)
  expect(metrics.get(`ttpstream_api_request_seconds_count ${route}`)).toBe(1)
  expect([...metrics.keys()].join()).not.toContain('xxxx')
})

test('how far behind a partition is shows while nothing moves', { timeout: 60_000 }, async () => {
  await stack.finished()
  const behind = async () => {
    const metrics = await stack.metrics()
    const of = (name: string) => metrics.get(`${name} partition="1" topic="ttp.commands"`)
    return { records: of('ttpstream_lag_records'), seconds: of('ttpstream_lag_seconds') ?? 0 }
  }
  const until = async (holds: (now: Awaited<ReturnType<typeof behind>>) => boolean) => {
    for (let now = await behind(); !holds(now); now = await behind()) await setTimeout(200)
  }
  // Nothing ever came: that is known too.
  await until(({ records }) => records === 0)
  stack.freezeClickHouse(true)
  const lines = Array.from({ length: 30 }, () => command('ls'))
  await stack.send('ttp.commands', lines, 1)
  await until(({ records, seconds }) => records === 30 && seconds > 3)
  stack.freezeClickHouse(false)
  await stack.finished()
  await until(({ records, seconds }) => records === 0 && seconds === 0)
})

test('correlations that cannot be counted show as passes that failed', {
  timeout: 60_000,
}, async () => {
  const passes = async (outcome: string) =>
    (await stack.metrics()).get(`ttpstream_correlation_passes_total outcome="${outcome}"`) ?? 0
  while ((await passes('done')) === 0) await setTimeout(100)
  expect(await passes('failed')).toBe(0)
  await stack.clickhouse.command({ query: 'DROP TABLE rule_matches' })
  while ((await passes('failed')) < 2) await setTimeout(100)
})
