import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from './operations-stack.ts'

/** Somebody is forgotten: no table of the database holds the id afterwards, and no replay brings it back. */

let stack: OperationsStack

/** Its rule tags, too; what it counts holds whom the events are about. */
const correlation = `title: Many of them
id: op.correlation
correlation:
  type: event_count
  rules: [op.one]
  group-by: [user, command_text]
  timespan: 1m
  condition: { gte: 100 }
  generate: true
level: low
tags: [attack.t1033]
`

beforeAll(async () => {
  stack = await startOperationsStack()
  stack.writeRule('one.yaml', `${wordRule('op.one', 'T1033', 'whoami')}---\n${correlation}`)
  await stack.startEngine()
}, 60_000)

afterAll(() => stack.close(), 30_000)

/** Every way in which the records of a stream can hold an id. */
async function sendAbout(kind: 'identity_id' | 'attacker_id' | 'user', id: string): Promise<void> {
  const text = `whoami # for ${id}`
  await stack.send('ttp.commands', [
    command(text, { [kind]: id }),
    command('whoami', { identity_id: 'somebody-else', user: 'u2' }),
    command(`ssh ${id}@h2; whoami`, { identity_id: 'somebody-else' }),
    `not json, but ${id} is in it`,
  ])
  await stack.send('ttp.alerts', [
    JSON.stringify({
      alert_id: 'a1',
      raised_at: 1_790_000_000_000,
      technique_ids: ['T1033'],
      users: [id, 'u2'],
    }),
    JSON.stringify({
      alert_id: 'a2',
      raised_at: 1_790_000_000_000,
      src_ips: ['10.9.9.9'],
      users: ['u2'],
    }),
  ])
  await stack.send('ttp.tests', [
    JSON.stringify({ test_id: 't1', state: 'draft', users: [id], name: `as ${id}` }),
  ])
  await stack.send('ttp.catalog', [
    JSON.stringify({ kind: 'identity', id, op: 'put', actor: id, entity: { name: `The ${id}` } }),
  ])
  await stack.finished()
}

/** Tables that hold the text anywhere, asked without any knowledge of their columns. */
async function grep(text: string): Promise<string[]> {
  const tables = await stack.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'`,
  )
  const found: string[] = []
  for (const { name } of tables) {
    const answer = await stack.clickhouse.query({
      query: `SELECT * FROM \`${name}\``,
      format: 'JSONEachRow',
      clickhouse_settings: { asterisk_include_materialized_columns: 1 },
    })
    if ((await answer.text()).toLowerCase().includes(text.toLowerCase())) found.push(name)
  }
  return found.sort()
}

test.each([
  ['identity', 'identity_id', 'actor-7f3a9c'],
  ['attacker', 'attacker_id', '203.0.113.77'],
  ['user', 'user', "CORP\\\\alice.o'neil".replace('\\\\', '\\')],
] as const)(
  'after an erasure of an %s no table holds its id',
  async (option, kind, id) => {
    await sendAbout(kind, id)
    const word = id.split('\\').at(-1) ?? id
    expect(await grep(word)).toEqual(
      expect.arrayContaining([
        'catalog_events',
        'commands',
        'dead_letters',
        'rule_matches',
        'tags',
        'test_events',
      ]),
    )
    const others = await othersCount()
    const dry = await stack.cli('erase', `--${option}`, id, '--dry-run')
    expect(dry.code).toBe(0)
    expect(await grep(word)).not.toEqual([])
    const done = await stack.cli('erase', `--${option}`, id)
    expect(done.err).not.toContain('Still found')
    expect(done.code).toBe(0)
    expect(await grep(word)).toEqual([])
    expect(await othersCount()).toBe(others)
    // What the log still holds is left out; the event of the other one is not.
    const replay = JSON.parse((await stack.cli('replay', '--from', '1h', '--json')).out)
    expect(replay.erased).toBeGreaterThan(0)
    expect(replay.written).toBe(0)
    expect(await grep(word)).toEqual([])
  },
  60_000,
)

test('under a pseudonym the rows and their counts stay', async () => {
  await sendAbout('identity_id', 'actor-pseudo')
  const before = await counts()
  const done = await stack.cli('erase', '--identity', 'actor-pseudo', '--hash')
  expect(done.code).toBe(0)
  expect(await grep('actor-pseudo')).toEqual([])
  expect(await counts()).toEqual(before)
  const [row] = await stack.rows<{ tags: number; entities: number }>(`
    SELECT countIf(startsWith(identity_id, 'erased-')) AS tags,
      (SELECT count() FROM entity_tags WHERE entity_kind = 'identity' AND startsWith(entity_id, 'erased-')) AS entities
    FROM tags`)
  expect(row).toEqual({ tags: 1, entities: 1 })
}, 60_000)

test('one subject at a time, and the catalogue of what was done names nobody', async () => {
  expect((await stack.cli('erase')).code).toBe(3)
  expect((await stack.cli('erase', '--user', 'a', '--identity', 'b')).code).toBe(3)
  const records = await stack.rows<{ entity: string }>(
    `SELECT entity FROM catalog_events WHERE kind = 'erasure'`,
  )
  // An account with a domain is known by two names.
  expect(records).toHaveLength(5)
  for (const { entity } of records) expect(entity).toMatch(/"sha256:[0-9a-f]{64}"/)
})

async function othersCount(): Promise<number> {
  const [row] = await stack.rows<{ n: number }>(
    `SELECT (SELECT count() FROM commands WHERE identity_id = 'somebody-else')
       + (SELECT count() FROM alert_events) + (SELECT count() FROM test_events) AS n`,
  )
  return row?.n ?? -1
}

async function counts() {
  const [row] = await stack.rows<Record<string, number>>(
    `SELECT (SELECT count() FROM commands) AS commands, (SELECT count() FROM tags) AS tags,
       (SELECT count() FROM entity_tags) AS entities, (SELECT count() FROM dead_letters) AS letters`,
  )
  return row
}

test('a view is filled again from its source, and an unknown one is refused with those there are', async () => {
  await stack.stopEngine()
  await stack.clickhouse.command({ query: 'TRUNCATE TABLE tag_days' })
  const filled = await stack.cli('migrate', 'backfill', 'tag_days_from_tags')
  expect(filled.code).toBe(0)
  expect(filled.out).toMatch(/^tag_days: \d+ rows from tag_days_from_tags\n$/)
  const [row] = await stack.rows<{ days: number; tags: number }>(
    'SELECT (SELECT sum(count) FROM tag_days) AS days, (SELECT count() FROM tags) AS tags',
  )
  expect(row?.days).toBe(row?.tags)
  const unknown = await stack.cli('migrate', 'backfill', 'nothing')
  expect(unknown.code).toBe(3)
  expect(unknown.err).toContain('tag_days_from_tags')
}, 60_000)
