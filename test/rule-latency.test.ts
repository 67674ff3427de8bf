import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest'
import { rulesPush } from '../cli/commands/rules-push.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { createKafka } from '../cli/kafka.ts'
import { silentLog } from '../core/log.ts'
import { loadSince } from './other-load.ts'
import { missing, regressionSamples, sigmaFiles } from './sigma/sigma-hq.ts'
import { judgeLatency, WorkerGroup } from './worker-group.ts'

/**
 * How long until three workers, each a process of `ttpstream run` with SigmaHQ's 3,141 rules, have a
 * change in force: by their own clocks, told once the change is in force. The rules' plans are made:
 * every worker has met events.
 */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-rule-latency-'))
const rules = join(folder, 'rules')
const workerCount = 3
const changes = 50
/** The first changes of a process run code that was never run: they take twice as long. */
const warmUps = 5
let stack: DevStack
let group: WorkerGroup

const all = missing === undefined ? sigmaFiles().filter(({ path }) => /^rules\//.test(path)) : []
const files = all.filter(
  ({ text }) => /category: process_creation/.test(text) && /product: windows/.test(text),
)

beforeAll(async () => {
  if (missing !== undefined) return
  for (const { path, text } of all) write(path, text)
  stack = await startDevStack({ dataDir: join(folder, 'data'), hasUsualPorts: false })
  process.env['TTPSTREAM_KAFKA_BROKERS'] = stack.kafka
  // So that each worker has some.
  const admin = createKafka(stack.config, silentLog).admin()
  await admin.connect()
  const topicPartitions = [{ topic: 'ttp.commands', count: 2 * workerCount }]
  await admin.createPartitions({ topicPartitions })
  await admin.disconnect()
}, 60_000)

afterAll(async () => {
  await stack?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test.skipIf(missing !== undefined)(
  'a saved rule is in force on three workers within 100 ms of the save, at p95 of 50',
  (context) =>
    withWorkers({ TTPSTREAM_RULES: rules }, async () => {
      await measure(context, 'save', async (n) => {
        const { id, path, text } = edited(n + warmUps)
        write(path, text)
        return { event: 'reloaded', id }
      })
    }),
)

test.skipIf(missing !== undefined)(
  'a rule, and a state, are in force on three workers within 100 ms of their publication, at p95 of 50',
  async (context) => {
    for (const { path, text } of all) write(path, text)
    const io = { out: () => {}, err: () => {}, signal: new AbortController().signal }
    expect(await rulesPush.run({ options: {}, rest: [rules] }, io)).toBe(0)
    await withWorkers({ TTPSTREAM_RULES: 'log' }, async () => {
      await measure(context, 'state', async (n) => {
        const id = `latency.${n}`
        await publish('rule_state', id, { state: 'disabled', reason: 'latency' })
        return { event: 'state', id }
      })
      await measure(context, 'push', async (n) => {
        const { id, path, text } = edited(n + warmUps)
        await publish('rule', id, { path: `rules/${path}`, content: text })
        return { event: 'reloaded', id }
      })
    })
  },
)

type Told = Readonly<Record<'event' | 'id', string>>

/** Makes one change after another, each when the one before is in force everywhere. */
async function measure(
  context: TestContext,
  what: string,
  change: (n: number) => Promise<Told>,
): Promise<void> {
  let load = loadSince(group.pids)
  const tookMs: number[] = []
  for (let n = -warmUps; n < changes; n += 1) {
    if (n === 0) load = loadSince(group.pids)
    const before = Date.now()
    const { event, id } = await change(n)
    await group.until(`${what} ${n}`, () => group.count(event, id) >= workerCount)
    if (n >= 0) tookMs.push(group.lastAt(id) - before)
    expect(group.count(event, id)).toBe(workerCount)
  }
  judgeLatency(context, what, { tookMs, load: load() })
}

async function withWorkers(
  settings: Readonly<Record<string, string>>,
  use: () => Promise<void>,
): Promise<void> {
  group = await WorkerGroup.start(stack, workerCount, settings)
  try {
    await group.until('readiness', async () => {
      return (await group.statuses()).every((status) => status === 200)
    })
    await meetEvents()
    await use()
  } finally {
    await group.close()
  }
}

/** Until every worker has met events of Windows. */
async function meetEvents(): Promise<void> {
  const events = regressionSamples().flatMap((sample) => sample.events)
  const messages = events.map((event, n) => ({ key: `h${n}`, value: JSON.stringify(event) }))
  await group.producer.send({ topic: 'ttp.commands', acks: -1, messages })
  await group.until('the first events', async () => {
    const texts = await Promise.all(
      group.apis.map(async (api) => (await fetch(`${api}/metrics`)).text()),
    )
    return texts.every((text) => /^ttpstream_match_candidates_total [1-9]/m.test(text))
  })
}

/** The rule of a busy log source, with another alternative. */
function edited(n: number): { id: string; path: string; text: string } {
  const { path, text } = files[n * 7] ?? { path: '', text: '' }
  const more = `    ttp_${n}: { Image: 'c:\\edit-${n}' }\n$1 or ttp_${n}`
  const id = /^id: (\S+)/m.exec(text)?.[1]
  if (id === undefined) throw new Error('too few rules')
  return { id, path, text: text.replace(/^( {4}condition:.*)$/m, more) }
}

function write(path: string, text: string): void {
  const file = join(rules, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

async function publish(kind: string, id: string, entity: object): Promise<void> {
  const value = JSON.stringify({ kind, id, actor: 'test', entity })
  const messages = [{ key: `${kind}:${id}`, value }]
  await group.producer.send({ topic: 'ttp.catalog', acks: -1, messages })
}
