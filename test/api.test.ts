import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RuleSummary } from '../api/resource.ts'
import { uuid5 } from '../core/hash.ts'
import type { Row } from '../schemas/table.ts'
import { type ApiStore, startApiStore } from './api-store.ts'

/** Rows in, JSON out: nothing between them is a stand-in. */

let store: ApiStore

const at = (text: string): number => Date.parse(text)
let tagCount = 0

function tag(row: Partial<Row<'tags'>>): Partial<Row<'tags'>> {
  tagCount++
  return {
    log: 'l1',
    topic: 'ttp.commands',
    offset: tagCount,
    tag_id: uuid5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', `tag ${tagCount}`),
    source_kind: 'command',
    source_id: `event-${tagCount}`,
    event_time: at('2026-11-20T10:00:00Z'),
    tactic: 'TA0002',
    tactics: ['TA0002'],
    technique_id: 'T1059',
    confidence: 0.8,
    severity: 'high',
    rule_id: 'r1',
    rule_version: '1~9f86d081',
    attack_release: '18.1',
    in_release: true,
    ...row,
  }
}

function rule(
  id: string,
  language: 'native' | 'sigma',
  version: string,
  technique: string,
): RuleSummary {
  return {
    id,
    name: `Rule ${id}`,
    description: '',
    version,
    language,
    severity: 'high',
    kinds: language === 'native' ? ['command'] : null,
    logsource: language === 'native' ? {} : { product: 'windows' },
    ruleHash: 'a'.repeat(64),
    logicHash: 'b'.repeat(64),
    emits: [
      {
        techniqueId: technique,
        subTechniqueId: technique === '' ? '' : `${technique}.001`,
        tactics: ['TA0002'],
        inRelease: true,
        confidence: 0.8,
      },
    ],
  }
}

beforeAll(async () => {
  store = await startApiStore({
    rules: () => [
      rule('r2', 'sigma', '1~9f86d081', ''),
      rule('r1', 'native', '2~00000000', 'T1059'),
    ],
    ruleStates: () =>
      new Map([
        [
          'r2',
          {
            state: 'clipped',
            confidenceMax: 0.5,
            expiresAtMs: null,
            reason: 'noisy',
            setBy: 'u-12',
            setAtMs: 0,
          },
        ],
      ]),
  })
  await store.insert('tags', [
    tag({ identity_id: 'actor-7', attacker_id: '203.0.113.9', session_id: 's1' }),
    tag({
      identity_id: 'actor-7',
      attacker_id: '203.0.113.9',
      sub_technique_id: 'T1059.001',
      confidence: 0.4,
      event_time: at('2026-11-19T23:59:59.999Z'),
      evidence: '{"command_text":"powershell -enc AAAA","nested":{"a":[1,null]}}',
    }),
    tag({
      attacker_id: '2001:db8::1',
      sub_technique_id: 'T1059.001',
      event_time: at('2026-11-20T12:00:00.123Z'),
      rule_id: 'r2',
    }),
    tag({
      host: 'plc-1',
      technique_id: 'T0843',
      tactic: 'TA0109',
      tactics: ['TA0109'],
      event_time: at('2026-11-18T00:00:00Z'),
    }),
    tag({
      host: 'ws5',
      technique_id: 'T9999',
      in_release: false,
      event_time: at('2026-11-18T00:00:01Z'),
    }),
  ])
}, 60_000)

afterAll(() => store.close())

test('techniques are counted over everyone, named, and in the order of their ids', async () => {
  const { status, body } = await store.send('/api/v1/ttp/techniques')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    total: 4,
    next_cursor: null,
    data: [
      { technique_id: 'T0843', tactic: 'TA0109', count: 1 },
      {
        technique_id: 'T1059',
        technique_name: 'Command and Scripting Interpreter',
        sub_technique_id: null,
        sub_technique_name: null,
        tactic: 'TA0002',
        tactic_name: 'Execution',
        count: 1,
        first_seen: '2026-11-20T10:00:00.000Z',
        last_seen: '2026-11-20T10:00:00.000Z',
        confidence_max: 0.8,
        url: 'https://attack.mitre.org/techniques/T1059/',
      },
      {
        sub_technique_id: 'T1059.001',
        sub_technique_name: 'PowerShell',
        count: 2,
        first_seen: '2026-11-19T23:59:59.999Z',
        last_seen: '2026-11-20T12:00:00.123Z',
        confidence_max: 0.8,
        url: 'https://attack.mitre.org/techniques/T1059/001/',
      },
      { technique_id: 'T9999', technique_name: null, url: null },
    ],
  })
})

test('a range holds its first instant and not its last, to the millisecond', async () => {
  const count = async (query: string): Promise<number> => {
    const { body } = await store.send(`/api/v1/ttp/techniques?${query}`)
    return sumOfCounts(body)
  }
  expect(await count('from=2026-11-20T12:00:00.123Z')).toBe(1)
  expect(await count('from=2026-11-20T12:00:00.124Z')).toBe(0)
  expect(await count('to=2026-11-20T12:00:00.123Z')).toBe(4)
  expect(await count('to=2026-11-20T12:00:00.124Z')).toBe(5)
  expect(await count('from=2026-11-20T00:00:00Z&to=2026-11-20T12:00:00Z')).toBe(1)
  expect(await count('from=2026-11-19T00:00:00Z&to=2026-11-20T00:00:00Z')).toBe(1)
  expect(await count('from=2026-11-21T00:00:00Z&to=2026-11-20T00:00:00Z')).toBe(0)
  expect(await count('min_confidence=0.4')).toBe(5)
  expect(await count('min_confidence=0.5')).toBe(4)
})

test('pages laid end to end are the whole rollup', async () => {
  const whole = await store.send('/api/v1/ttp/techniques')
  const rows: unknown[] = []
  let cursor = ''
  for (let pages = 0; pages < 10; pages++) {
    const { body } = await store.send(`/api/v1/ttp/techniques?limit=1${cursor}`)
    const page = body as { data: unknown[]; next_cursor: string | null }
    rows.push(...page.data)
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  expect(rows).toEqual((whole.body as { data: unknown[] }).data)
})

test.each([
  ['identity', 'actor-7', 2],
  ['attacker', '203.0.113.9', 2],
  ['attacker', '2001:db8::1', 1],
  ['session', 's1', 1],
])('the %s %s has its own tags, an unknown one is 404', async (anchor, id, count) => {
  const path = `/api/v1/ttp/by-${anchor}/${encodeURIComponent(id)}`
  expect(sumOfCounts((await store.send(path)).body)).toBe(count)
  expect(await store.send(`${path}?from=2026-11-21T00:00:00Z`)).toMatchObject({
    status: 200,
    body: { data: [], next_cursor: null, total: 0 },
  })
  expect((await store.send(`${path}x`)).status).toBe(404)
})

test('tags come newest first with their evidence as data', async () => {
  const { body } = await store.send('/api/v1/ttp/tags')
  const { data } = body as { data: { source_id: string; evidence: unknown }[] }
  expect(data.map((row) => row.source_id)).toEqual([
    'event-3',
    'event-1',
    'event-2',
    'event-5',
    'event-4',
  ])
  expect(data[2]).toMatchObject({
    identity_id: 'actor-7',
    host: null,
    sub_technique_name: 'PowerShell',
    evidence: { command_text: 'powershell -enc AAAA', nested: { a: [1, null] } },
  })
  expect(data[0]?.evidence).toEqual({})
})

test.each([
  ['technique=T1059', ['event-3', 'event-1', 'event-2']],
  ['technique=T1059.001', ['event-3', 'event-2']],
  ['identity=actor-7', ['event-1', 'event-2']],
  ['attacker=2001:db8::1', ['event-3']],
  ['session=s1', ['event-1']],
  ['host=plc-1', ['event-4']],
  ['rule=r2', ['event-3']],
  ['min_confidence=0.5&identity=actor-7', ['event-1']],
  ['from=2026-11-20T00:00:00Z&to=2026-11-20T12:00:00Z', ['event-1']],
  ['technique=T1059&attacker=203.0.113.9&rule=r1', ['event-1', 'event-2']],
  ['rule=none', []],
])('tags by %s are %j', async (query, expected) => {
  expect(await sourceIds(query)).toEqual(expected)
})

test('pages of tags neither miss nor repeat, even where times are equal', async () => {
  const times = [1, 1, 1, 2, 2].map((ms) => at('2026-11-10T00:00:00Z') + ms)
  await store.insert(
    'tags',
    times.map((event_time) => tag({ session_id: 'paged', event_time })),
  )
  const whole = await sourceIds('session=paged')
  expect(whole).toHaveLength(5)
  const paged: string[] = []
  let cursor = ''
  for (let pages = 0; pages < 5; pages++) {
    const { body } = await store.send(`/api/v1/ttp/tags?session=paged&limit=2${cursor}`)
    const page = body as { data: { source_id: string }[]; next_cursor: string | null }
    paged.push(...page.data.map((row) => row.source_id))
    if (page.next_cursor === null) break
    cursor = `&cursor=${page.next_cursor}`
  }
  expect(paged).toEqual(whole)
})

test('whatever text a filter or a path holds, the answer is 200, 400 or 404', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom("'", '\\', '\\N', '{x:String}', '%', '%00', '../..', '\u0000', '-- ', '🦀'),
  )
  const names = ['technique', 'identity', 'attacker', 'session', 'host', 'rule', 'from', 'limit']
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names, 'cursor'), text, text, async (name, value, id) => {
      const safe = (raw: string): string => encodeURIComponent(Buffer.from(raw).toString())
      const { status } = await store.send(`/api/v1/ttp/tags?${name}=${safe(value)}`)
      expect([200, 400]).toContain(status)
      const one = await store.send(`/api/v1/ttp/by-identity/${safe(`x${id}`)}`)
      expect([400, 404]).toContain(one.status)
    }),
    { numRuns: 40 },
  )
})

test('rules come with state and hits, of the running version and of all', async () => {
  const { body } = await store.send(
    '/api/v1/ttp/rules?to=2026-11-21T00:00:00Z&from=2026-11-15T00:00:00Z',
  )
  expect(body).toMatchObject({
    total: 2,
    data: [
      {
        id: 'r1',
        version: '2~00000000',
        hits: 4,
        hits_of_version: 0,
        last_hit: '2026-11-20T10:00:00.000Z',
        state: { state: 'enabled', set_at: null },
        techniques: [{ technique_id: 'T1059', sub_technique_id: 'T1059.001' }],
      },
      {
        id: 'r2',
        hits: 1,
        hits_of_version: 1,
        state: { state: 'clipped', confidence_max: 0.5, set_at: '1970-01-01T00:00:00.000Z' },
        techniques: [{ technique_id: null }],
      },
    ],
  })
})

test.each([
  ['language=sigma', ['r2']],
  ['state=clipped', ['r2']],
  ['state=enabled', ['r1']],
  ['technique=T1059', ['r1']],
  ['technique=T1059.001', ['r1']],
  ['technique=T1059.002', []],
  ['limit=1', ['r1']],
])('rules by %s are %j', async (query, expected) => {
  const { body } = await store.send(`/api/v1/ttp/rules?${query}`)
  expect((body as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual(expected)
})

test('one rule is found by its id, and an id that no rule has is 404', async () => {
  expect(await store.send('/api/v1/ttp/rules/r2')).toMatchObject({ body: { id: 'r2', hits: 1 } })
  expect((await store.send('/api/v1/ttp/rules/r3')).status).toBe(404)
})

test('a navigator layer holds what was seen, of everyone, of one, and as of an instant', async () => {
  const techniques = async (query: string): Promise<unknown> => {
    const { body } = await store.send(`/api/v1/ttp/export/navigator?${query}`)
    const drawn = body as { techniques: { techniqueID: string; score?: number }[] }
    return drawn.techniques.map(({ techniqueID, score }) => `${techniqueID} ${score ?? '-'}`)
  }
  expect(await techniques('from=2026-11-15T00:00:00Z')).toEqual(['T1059 80', 'T1059.001 80'])
  expect(await techniques('from=2026-11-15T00:00:00Z&score=count')).toEqual([
    'T1059 1',
    'T1059.001 2',
  ])
  expect(await techniques('identity=actor-7')).toEqual(['T1059 80', 'T1059.001 40'])
  expect(await techniques('session=s1')).toEqual(['T1059 80'])
  const fleetAsOf = 'from=2026-11-15T00:00:00Z&at=2026-11-19T23:59:59.999Z'
  expect(await techniques(fleetAsOf)).toEqual(['T1059 -', 'T1059.001 40'])
  expect(await techniques('domain=ics-attack')).toEqual(['T0843 80'])
  expect((await store.send('/api/v1/ttp/export/navigator?identity=none')).status).toBe(404)
  expect((await store.send('/api/v1/ttp/export/navigator?identity=a&session=b')).status).toBe(400)
})

test('ingest tells what became of every record, and whether it adds up', async () => {
  const block = { log: 'l1', topic: 'ttp.alerts', revision: 'v1', store: 's' }
  await store.insert('ingest_progress', [
    {
      ...block,
      ingest_time: at('2026-11-20T10:00:00Z'),
      offset: 0,
      last_offset: 9,
      records: 10,
      events: 8,
      dead_letters: 1,
      tags: 3,
      dropped: '{"no_anchor":2}',
    },
    {
      ...block,
      ingest_time: at('2026-11-20T10:00:01Z'),
      offset: 10,
      last_offset: 11,
      records: 2,
      events: 1,
      deletions: 1,
      dropped: '{"no_anchor":1,"disabled":5}',
    },
  ])
  const { body } = await store.send('/api/v1/ingest')
  expect(body).toMatchObject({
    adds_up: true,
    data: [
      {
        topic: 'ttp.alerts',
        blocks: 2,
        records: 12,
        events: 9,
        dead_letters: 1,
        deletions: 1,
        missing: 1,
        tags: 3,
        dropped: { no_anchor: 3, disabled: 5 },
        last_offset: 11,
        last_block_time: '2026-11-20T10:00:01.000Z',
        adds_up: true,
      },
    ],
  })
  const gap = { ...block, topic: 'ttp.tests', records: 1, events: 1 }
  await store.insert('ingest_progress', [gap, { ...gap, offset: 5, last_offset: 5 }])
  expect((await store.send('/api/v1/ingest')).body).toMatchObject({ adds_up: false })
})

async function sourceIds(query: string): Promise<string[]> {
  const { body } = await store.send(`/api/v1/ttp/tags?${query}`)
  return (body as { data: { source_id: string }[] }).data.map((row) => row.source_id)
}

function sumOfCounts(body: unknown): number {
  const { data } = body as { data: { count: number }[] }
  return data.reduce((sum, row) => sum + row.count, 0)
}
