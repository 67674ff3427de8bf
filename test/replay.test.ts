import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClickHouseViews } from '../api/clickhouse-views.ts'
import { createProcessors, createPublisher } from '../cli/processors.ts'
import { planReplay } from '../cli/replay-ranges.ts'
import { loadRules } from '../cli/rules-input.ts'
import { systemClock } from '../core/clock.ts'
import { readConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { readRange } from '../processors/engine/range-reader.ts'
import { type ReplayParts, replayPartition } from '../processors/engine/replay.ts'
import { ClickHouseStore, type Store } from '../processors/engine/store.ts'
import { ClickHouseTagVersions } from '../processors/engine/tag-versions.ts'
import { Erasures } from '../processors/erasures.ts'
import { compileRules } from '../rules/compile.ts'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'

/** Old records through today's rules, while the engine runs. */

let stack: OperationsStack

const correlation = `title: Many logins
id: op.correlation
correlation:
  type: event_count
  rules: [op.login]
  group-by: [host]
  timespan: 1m
  condition: { gte: 100 }
level: low
tags: [attack.t1110]
`

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami'))
  await stack.startEngine()
  await stack.send(
    'ttp.commands',
    ['whoami', 'ps', 'ps; whoami', 'ls'].map((text) => command(text)),
  )
  await stack.send(
    'ttp.commands',
    ['ps', '!', 'whoami'].map((text) => command(text)),
    1,
  )
  await stack.finished()
}, 60_000)

afterAll(() => stack.close(), 30_000)

async function replay(...words: string[]) {
  const { code, out, err } = await stack.cli('replay', '--from', '1h', '--json', ...words)
  if (code !== 0) throw new Error(err)
  return JSON.parse(out)
}

/** Tags in the table, in both rollups and on the topic: they must agree. */
async function tagCounts() {
  const [row] = await stack.rows<Record<string, number>>(`
    SELECT count() AS tags, uniqExact(tag_id) AS ids,
      (SELECT sum(count) FROM tag_days) AS days,
      (SELECT count() FROM entity_tags WHERE entity_kind = 'session') AS entities
    FROM tags`)
  return row
}

test('a new rule tags what was there before it, once, in every table and view', async () => {
  expect(await tagCounts()).toEqual({ tags: 3, ids: 3, days: 3, entities: 3 })
  stack.writeRule('two.yaml', wordRule('op.two', 'T1057', 'ps'))
  const counts = { records: 7, events: 7, tags: 6, held: 3, erased: 0 }
  const dry = await replay('--dry-run')
  expect(dry).toMatchObject({ ...counts, written: 3, written_by_rule: { 'op.two': 3 } })
  expect(await tagCounts()).toMatchObject({ tags: 3 })
  expect(await replay()).toMatchObject({ ...counts, written: 3 })
  expect(await tagCounts()).toEqual({ tags: 6, ids: 6, days: 6, entities: 6 })
  expect(await replay()).toMatchObject({ tags: 6, held: 6, written: 0 })
  const times = await stack.rows<{ rule_id: string; before: number }>(
    `SELECT rule_id, countIf(tagged_time = ingest_time) AS before FROM tags GROUP BY rule_id ORDER BY rule_id`,
  )
  // A replayed tag keeps the time at which its record was taken in.
  expect(times).toEqual([
    { rule_id: 'op.one', before: 3 },
    { rule_id: 'op.two', before: 0 },
  ])
})

test('a record that a rule has tagged in any version is not tagged by another version', async () => {
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami|ls', 2))
  expect(await replay()).toMatchObject({ tags: 7, held: 6, written: 1 })
  expect(await tagCounts()).toEqual({ tags: 7, ids: 7, days: 7, entities: 7 })
})

test('a correlation that is new counts what was there before it, once', async () => {
  const rule = wordRule('op.login', 'T1110', 'ls').replace('TA0007', 'TA0006')
  stack.writeRule('login.yaml', `${rule}---\n${correlation}`)
  const matches = () => {
    return stack.rows<{ rule_id: string; offset: number; fields: string; isNew: number }>(
      `SELECT rule_id, offset, field_values[1] AS fields, ingest_time > (SELECT max(ingest_time) FROM commands) AS isNew
       FROM rule_matches ORDER BY offset`,
    )
  }
  expect(await replay('--dry-run')).toMatchObject({ matches: 1, written: 0 })
  expect(await matches()).toEqual([])
  expect(await replay()).toMatchObject({ matches: 1, written: 0 })
  expect(await matches()).toEqual([{ rule_id: 'op.login', offset: 3, fields: 'h1', isNew: 1 }])
  expect(await replay()).toMatchObject({ matches: 0 })
  expect(await matches()).toHaveLength(1)
}, 60_000)

test('a second replay is refused while one runs', async () => {
  const consumer = stack.kafka.consumer({ groupId: 'ttpstream-replay' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'ttp.alerts' })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({ eachMessage: async () => {} })
  await joined
  const refused = await stack.cli('replay', '--from', '1h')
  await consumer.disconnect()
  expect(refused.code).toBe(3)
  expect(refused.err).toContain('one replay runs at a time')
}, 60_000)

test('a replay that dies before or after its insert is finished by the next, under its own token', async () => {
  stack.writeRule('three.yaml', wordRule('op.three', 'T1083', '!|ls'))
  const before = (await tagCounts())?.['tags'] ?? 0
  const late: Parameters<Store['insert']>[] = []
  for (const place of ['insert', 'publish'] as const) {
    await dieIn(place, late)
  }
  expect(await tagCounts()).toMatchObject({ tags: before + 1 })
  expect(await replay()).toMatchObject({ written: 1 })
  const after = { tags: before + 2, ids: before + 2, days: before + 2, entities: before + 2 }
  expect(await tagCounts()).toEqual(after)
  // The dead one was only frozen, and its inserts arrive at last.
  const store = new ClickHouseStore(stack.clickhouse)
  for (const insert of late) await store.insert(...insert)
  expect(await tagCounts()).toEqual(after)
  expect(await replay()).toMatchObject({ written: 0 })
})

/** Runs a replay of one partition in this process that ends at a place as if it were killed there. */
async function dieIn(
  place: 'insert' | 'publish',
  late: Parameters<Store['insert']>[],
): Promise<void> {
  const config = readConfig(stack.environment)
  const { kafka } = stack
  const group = 'ttpstream-replay'
  const plans = await planReplay(kafka, {
    topic: 'ttp.commands',
    groupId: 'ttpstream',
    replayGroupId: group,
    fromMs: Date.now() - 3_600_000,
    toMs: Date.now(),
  })
  const plan = plans[place === 'insert' ? 0 : 1]
  const processor = createProcessors(config).get('ttp.commands')
  if (plan === undefined || processor === undefined) throw new Error('nothing to replay')
  const real = new ClickHouseStore(stack.clickhouse)
  const views = createClickHouseViews({
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    database: 'ttpstream',
    username: 'default',
    password: '',
  })
  const parts: ReplayParts = {
    isRetag: false,
    versions: new ClickHouseTagVersions(stack.clickhouse),
    store: {
      ...{ id: () => real.id(), newestProgress: (at) => real.newestProgress(at) },
      progressEnding: (at, log, last) => real.progressEnding(at, log, last),
      rowsOf: (name, range) => real.rowsOf(name, range),
      merges: (at) => real.merges(at),
      async insert(name, rows, token) {
        late.push([name, rows, token])
        if (place === 'insert') throw new Error('killed')
        await real.insert(name, rows, token)
      },
    },
    views,
    sink: {
      send: async () => {
        throw new Error('killed')
      },
      close: async () => {},
    },
    publish: createPublisher(config),
    processor,
    rules: { revision: compileRules(loadRules([stack.rules])), states: new Map() },
    erasures: new Erasures(),
    clock: systemClock,
    log: silentLog,
    signal: new AbortController().signal,
    isDryRun: false,
    read: (range, take) =>
      readRange(kafka, range, { groupId: group, batchBytesMax: 1 << 26, isAlone: true }, take),
    onProgress: () => {},
  }
  await expect(replayPartition(parts, plan.range, plan.unfinished)).rejects.toThrow('killed')
  await views.close()
}
