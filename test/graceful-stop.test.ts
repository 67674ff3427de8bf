import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'

let stack: OperationsStack

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami'))
}, 60_000)

afterAll(() => stack.close(), 30_000)

/** What a supervisor waits before it kills; an engine takes 10 s at most, and a busy machine some. */
const patienceMs = 25_000

test.each([
  ['Kafka', true, false],
  ['ClickHouse', false, true],
  ['both', true, true],
])(
  'asked to stop while %s answers nothing, a worker ends by itself, and nothing is lost',
  {
    timeout: 120_000,
  },
  async (_, isKafkaFrozen, isClickHouseFrozen) => {
    await stack.startEngine()
    const before = await counted()
    await stack.send('ttp.commands', [command('whoami')])
    await stack.finished()
    stack.freezeKafka(isKafkaFrozen)
    stack.freezeClickHouse(isClickHouseFrozen)
    if (!isKafkaFrozen) await stack.send('ttp.commands', [command('whoami')])
    const begunMs = performance.now()
    await stack.stopEngine()
    expect(performance.now() - begunMs).toBeLessThan(patienceMs)
    stack.freezeKafka(false)
    stack.freezeClickHouse(false)
    if (isKafkaFrozen) await stack.send('ttp.commands', [command('whoami')])
    await stack.startEngine()
    await stack.finished()
    await stack.stopEngine()
    expect(await counted()).toBe(before + 2)
  },
)

test.each([
  ['Kafka', true, false],
  ['ClickHouse', false, true],
])(
  'asked to stop while it starts and %s answers nothing, a worker ends at once',
  { timeout: 120_000 },
  async (_, isKafkaFrozen, isClickHouseFrozen) => {
    stack.freezeKafka(isKafkaFrozen)
    stack.freezeClickHouse(isClickHouseFrozen)
    await stack.beginEngine()
    const begunMs = performance.now()
    await stack.stopEngine()
    // Less than what any question to a server may take.
    expect(performance.now() - begunMs).toBeLessThan(8_000)
    stack.freezeKafka(false)
    stack.freezeClickHouse(false)
  },
)

async function counted(): Promise<number> {
  const [row] = await stack.rows<{ tags: number }>('SELECT count() AS tags FROM tags')
  return row?.tags ?? 0
}
