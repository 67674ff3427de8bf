import { afterAll, beforeAll, expect, test } from 'vitest'
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

beforeAll(async () => {
  store = await startApiStore()
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

function sumOfCounts(body: unknown): number {
  const { data } = body as { data: { count: number }[] }
  return data.reduce((sum, row) => sum + row.count, 0)
}
