import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClickHouseViews } from '../api/clickhouse-views.ts'
import { parseArguments } from '../cli/command.ts'
import { replay as command } from '../cli/commands/replay.ts'
import { createProcessors, createPublisher } from '../cli/processors.ts'
import { planReplay } from '../cli/replay-ranges.ts'
import { loadRules } from '../cli/rules-input.ts'
import { systemClock } from '../core/clock.ts'
import { readConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { readRange } from '../processors/engine/range-reader.ts'
import { type ReplayParts, replayPartition } from '../processors/engine/replay.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import { ClickHouseTagVersions, type TagVersions } from '../processors/engine/tag-versions.ts'
import { Erasures } from '../processors/erasures.ts'
import { compileRules } from '../rules/compile.ts'
import {
  command as commandRecord,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'
import { countedRollups, heldRollups } from './views/tag-rollups.ts'

/** The version of today in the place of others, by the command, while the engine runs. */

let stack: OperationsStack
/** Between the first records and the later ones of the same day. */
let noonMs = 0

const hourMs = 3_600_000
/** Midnight, so that all happen on one day whenever this runs. */
const day0 = (Math.floor(Date.now() / (24 * hourMs)) - 1) * 24 * hourMs
const texts = ['whoami', 'ls', 'ps', 'ps; ls', 'whoami; id', 'pwd', 'id']

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami|ls'))
  stack.writeRule('two.yaml', wordRule('op.two', 'T1057', 'ps'))
  stack.writeRule('gone.yaml', wordRule('op.gone', 'T1083', 'id'))
  await stack.startEngine()
  await sendAll(0)
  noonMs = Date.now()
  await setTimeout(5)
  await sendAll(1)
  await stack.finished()
}, 240_000)

afterAll(() => stack.close(), 30_000)

/** Event times go on from hour to hour, so the second half lies within days of the first. */
async function sendAll(half: number): Promise<void> {
  for (const partition of [0, 1]) {
    const values = texts.map((text, place) => {
      const time = day0 + ((place + half * 3) * hourMs) / 2 + partition * 1_000
      return commandRecord(text, {
        event_time: new Date(time).toISOString(),
        session_id: `s${place % 2}`,
        attacker_id: '203.0.113.9',
      })
    })
    await stack.send('ttp.commands', values, partition)
  }
}

/** The command in this process, as the CLI's own runs it: a process of its own takes seconds to start. */
async function replay(...words: string[]) {
  Object.assign(process.env, stack.environment)
  let out = ''
  const signal = new AbortController().signal
  const io = { out: (text: string) => (out += text), err: () => {}, signal }
  const args = parseArguments(command, ['--from', '1h', '--json', ...words])
  expect(await command.run(args, io)).toBe(0)
  return JSON.parse(out)
}

interface RuleCount {
  readonly rule: string
  readonly standing: number
  readonly superseded: number
}

/** Tags by rule and declared version; the rollups must agree with them to the row. */
async function tags(): Promise<Record<string, [number, number]>> {
  expect(await heldRollups(stack.clickhouse)).toEqual(await countedRollups(stack.clickhouse))
  const rows = await stack.rows<RuleCount>(`
    SELECT rule_id || ' ' || splitByChar('~', rule_version)[1] AS rule,
      countIf(NOT is_superseded) AS standing, countIf(is_superseded) AS superseded
    FROM tags GROUP BY rule ORDER BY rule`)
  return Object.fromEntries(rows.map((row) => [row.rule, [row.standing, row.superseded]]))
}

async function api<Body>(path: string): Promise<Body> {
  const answer = await fetch(`${stack.api}/api/v1/ttp/${path}`)
  expect(answer.status, path).toBe(200)
  // Checked: the tests compare what they use of it.
  return (await answer.json()) as Body
}

interface Counts {
  readonly data: readonly { readonly technique_id: string; readonly count: number }[]
}

async function counts(path: string): Promise<Record<string, number>> {
  const { data } = await api<Counts>(path)
  return Object.fromEntries(data.map((row) => [row.technique_id, row.count]))
}

async function published(): Promise<number> {
  const admin = stack.kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets('ttp.tags').finally(() => admin.disconnect())
  return offsets.reduce((sum, { high }) => sum + Number(high), 0)
}

test('the version of today takes the place of another, in half a day at first', async () => {
  expect(await tags()).toEqual({ 'op.gone 1': [8, 0], 'op.one 1': [16, 0], 'op.two 1': [8, 0] })
  stack.writeRule('one.yaml', wordRule('op.one', 'T1016', 'whoami|pwd', 2))
  stack.writeRule('two.yaml', wordRule('op.two', 'T1057', 'nothing such', 2))
  rmSync(join(stack.rules, 'gone.yaml'))
  const half = ['--to', new Date(noonMs).toISOString(), '--retag']
  const expected = {
    ...{ records: 14, events: 14, tags: 6, held: 0, written: 6, superseded: 12, reinstated: 0 },
    written_by_rule: { 'op.one': 6 },
    superseded_by_rule: { 'op.one': 8, 'op.two': 4 },
  }
  const dry = await stack.cli('replay', '--from', '1h', ...half, '--dry-run')
  expect(dry.out).toContain(
    '12 of other versions would be superseded\n         8  op.one\n         4  op.two\n',
  )
  expect(await tags()).toMatchObject({ 'op.one 1': [16, 0] })
  const before = await published()
  expect(await replay(...half)).toMatchObject(expected)
  expect(await published()).toBe(before + 6)
  const after = {
    ...{ 'op.gone 1': [8, 0], 'op.one 1': [8, 8], 'op.one 2': [6, 0], 'op.two 1': [4, 4] },
  }
  expect(await tags()).toEqual(after)
  expect(await replay(...half)).toMatchObject({ held: 6, written: 0, superseded: 0 })
  // What was superseded is held, as any version is: nothing comes of a replay that does not retag.
  expect(await replay('--to', new Date(noonMs).toISOString())).toMatchObject({ written: 0 })
  expect(await tags()).toEqual(after)
}, 240_000)

test('the API counts what stands, and all versions when asked', async () => {
  const standing = { T1083: 8, T1033: 8, T1016: 6, T1057: 4 }
  const all = { T1083: 8, T1033: 16, T1016: 6, T1057: 8 }
  for (const path of ['techniques', 'by-attacker/203.0.113.9']) {
    expect(await counts(path), path).toEqual(standing)
    expect(await counts(`${path}?versions=all`), path).toEqual(all)
  }
  const sessions = await Promise.all(['s0', 's1'].map((id) => counts(`by-session/${id}`)))
  expect(sessions.map((row) => row['T1033'])).toEqual([4, 4])
  type Layer = { techniques: { techniqueID: string; score?: number }[] }
  for (const [versions, score] of [
    ['current', 4],
    ['all', 8],
  ] as const) {
    const layer = await api<Layer>(`export/navigator?score=count&versions=${versions}`)
    expect(layer.techniques.find((one) => one.techniqueID === 'T1057')?.score).toBe(score)
  }
  type Tags = { data: { rule_id: string; superseded_at: string | null }[] }
  const listed = await api<Tags>('tags?rule=op.two')
  expect(listed.data.map((tag) => tag.superseded_at)).toEqual([null, null, null, null])
  const whole = await api<Tags>('tags?rule=op.two&versions=all')
  expect(whole.data.filter((tag) => tag.superseded_at !== null)).toHaveLength(4)
  const refused = await fetch(`${stack.api}/api/v1/ttp/tags?versions=old`)
  expect(refused.status).toBe(400)
})

test('a retag that dies at any of its steps is finished by the next one', async () => {
  for (const [partition, place] of [
    [0, 'change'],
    [0, 'follow'],
    [1, 'followed'],
    [1, 'publish'],
  ] as const) {
    await dieIn(partition, place)
  }
  await replay('--retag')
  const after = {
    'op.gone 1': [8, 0],
    'op.one 1': [0, 16],
    'op.one 2': [12, 0],
    'op.two 1': [0, 8],
  }
  expect(await tags()).toEqual(after)
  expect(await replay('--retag')).toMatchObject({ written: 0, superseded: 0, reinstated: 0 })
  expect(await tags()).toEqual(after)
}, 240_000)

test('a rule that is as it was has its tags again, and none twice', async () => {
  stack.writeRule('one.yaml', wordRule('op.one', 'T1033', 'whoami|ls'))
  const counts = { tags: 16, held: 0, written: 0, superseded: 12, reinstated: 16 }
  expect(await replay('--retag')).toMatchObject(counts)
  const after = {
    'op.gone 1': [8, 0],
    'op.one 1': [16, 0],
    'op.one 2': [0, 12],
    'op.two 1': [0, 8],
  }
  expect(await tags()).toEqual(after)
  expect(await replay('--retag')).toMatchObject({ held: 16, superseded: 0, reinstated: 0 })
}, 240_000)

test('a rule that may not tag now leaves its tags as they are', async () => {
  stack.writeRule('one.yaml', wordRule('op.one', 'T1016', 'whoami|pwd', 2))
  const state = { kind: 'rule_state', id: 'op.one', op: 'put', actor: 'a' }
  const disabled = { ...state, entity: { rule_id: 'op.one', state: 'disabled' } }
  await stack.send('ttp.catalog', [JSON.stringify(disabled)])
  await stack.finished()
  expect(await replay('--retag')).toMatchObject({ tags: 0, superseded: 0, reinstated: 0 })
  await stack.send('ttp.catalog', [JSON.stringify({ ...state, op: 'delete' })])
  await stack.finished()
  expect(await replay('--retag')).toMatchObject({ superseded: 16, reinstated: 12 })
}, 240_000)

test('what stands is what a new database holds that took the same records by the same rules', async () => {
  stack.writeRule('gone.yaml', wordRule('op.gone', 'T1083', 'id'))
  await replay('--retag')
  await stack.stopEngine()
  stack.set('TTPSTREAM_CLICKHOUSE_DATABASE', 'fresh')
  stack.set('TTPSTREAM_KAFKA_GROUP', 'fresh')
  await stack.startEngine()
  const url = stack.environment['TTPSTREAM_CLICKHOUSE_URL'] ?? ''
  const fresh = createClient({ url, database: 'fresh' })
  const query = `SELECT toUInt32(sum(last_offset - offset + 1)) AS records
    FROM ingest_progress WHERE topic = 'ttp.commands'`
  const end = Date.now() + 90_000
  for (let records = 0; records !== 28; await setTimeout(50)) {
    expect(Date.now()).toBeLessThan(end)
    const answer = await fresh.query({ query, format: 'JSONEachRow' })
    records = (await answer.json<{ records: number }>())[0]?.records ?? 0
  }
  const [made, retagged] = await Promise.all([fresh, stack.clickhouse].map(standing))
  expect(retagged).toEqual(made)
  // A day, a month and both rules; and entities, tag by tag.
  expect(made?.map((rows) => rows.length)).toEqual([2, 2, expect.any(Number)])
  expect(made?.[2]?.length).toBeGreaterThan(4)
  await fresh.close()
}, 240_000)

/** Rollups of the tags that stand, without what names the database's own log. */
async function standing(client: OperationsStack['clickhouse']): Promise<unknown[][]> {
  const columns = 'EXCEPT (is_superseded)'
  const questions = [
    `SELECT * ${columns} FROM tag_days FINAL WHERE NOT is_superseded ORDER BY ALL`,
    `SELECT * ${columns} FROM tag_months FINAL WHERE NOT is_superseded ORDER BY ALL`,
    `SELECT * EXCEPT (is_superseded, digest) FROM entity_tags WHERE NOT is_superseded ORDER BY ALL`,
  ]
  return Promise.all(
    questions.map(async (query) => (await client.query({ query, format: 'JSONEachRow' })).json()),
  )
}

type Place = 'change' | 'follow' | 'followed' | 'publish'

/** Retags one partition in this process until a place where it ends as if it were killed. */
async function dieIn(partition: number, place: Place): Promise<void> {
  const config = readConfig(stack.environment)
  const { kafka } = stack
  const group = 'ttpstream-replay'
  const plans = await planReplay(kafka, {
    ...{ topic: 'ttp.commands', groupId: 'ttpstream', replayGroupId: group },
    ...{ fromMs: Date.now() - hourMs, toMs: Date.now() },
  })
  const plan = plans[partition]
  const processor = createProcessors(config).get('ttp.commands')
  if (plan === undefined || processor === undefined) throw new Error('nothing to retag')
  const views = createClickHouseViews({
    ...{ url: config.text('TTPSTREAM_CLICKHOUSE_URL'), database: 'ttpstream' },
    ...{ username: 'default', password: '' },
  })
  const real = new ClickHouseTagVersions(stack.clickhouse)
  const dies = (here: Place) => {
    if (here === place) throw new Error('killed')
  }
  const versions: TagVersions = {
    of: (range) => real.of(range),
    settled: () => real.settled(),
    tidy: () => real.tidy(),
    async change(...change) {
      dies('change')
      await real.change(...change)
    },
    async follow(...follow) {
      dies('follow')
      await real.follow(...follow)
      dies('followed')
    },
  }
  const parts: ReplayParts = {
    ...{ store: new ClickHouseStore(stack.clickhouse), versions, views, processor },
    sink: { send: async () => dies('publish'), close: async () => {} },
    publish: createPublisher(config),
    rules: { revision: compileRules(loadRules([stack.rules])), states: new Map() },
    ...{ erasures: new Erasures(), clock: systemClock, log: silentLog },
    signal: new AbortController().signal,
    ...{ isDryRun: false, isRetag: true },
    read: (range, take) =>
      readRange(kafka, range, { groupId: group, batchBytesMax: 1 << 26, isAlone: true }, take),
    onProgress: () => {},
  }
  await expect(replayPartition(parts, plan.range, plan.unfinished)).rejects.toThrow('killed')
  await views.close()
}
