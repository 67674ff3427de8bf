import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateDatabase } from '../cli/migrate-database.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import type { Row } from '../schemas/table.ts'

let clickhouse: SpawnedClickHouse
let client: ClickHouseClient
let store: ClickHouseStore
const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-store-'))

beforeAll(async () => {
  clickhouse = await spawnDevClickHouse({ dataDir, port: 0 })
  await migrateDatabase({ url: clickhouse.url, database: 'ttpstream' })
  client = createClient({ url: clickhouse.url, database: 'ttpstream' })
  store = new ClickHouseStore(client)
}, 60_000)

afterAll(async () => {
  await client.close()
  await clickhouse.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const timeMs = Date.UTC(2026, 10, 20, 10, 41, 7, 123)

function tag(offset: number): Row<'tags'> {
  return {
    log: 'log-1',
    topic: 'ttp.commands',
    partition: 1,
    offset,
    ingest_time: timeMs,
    tag_id: `00112233-4455-5677-8899-${String(offset).padStart(12, '0')}`,
    source_kind: 'command',
    source_id: 'é — “quoted” \\ \n end',
    event_time: Date.UTC(1970, 0, 1, 0, 0, 0, 1),
    tagged_time: timeMs,
    identity_id: 'actor-1',
    attacker_id: '2001:db8::1',
    session_id: '',
    host: 'h'.repeat(300),
    user: '💥',
    decoy: '',
    tactic: 'TA0002',
    tactics: ['TA0002', 'TA0011'],
    technique_id: 'T1059',
    sub_technique_id: 'T1059.004',
    confidence: 0.85,
    severity: 'high',
    rule_id: 'r1',
    rule_version: '1~aabbccdd',
    rule_hash: 'f'.repeat(64),
    evidence: JSON.stringify({ command_text: 'x'.repeat(70_000) }),
    attack_release: '18.1',
    in_release: true,
  }
}

const range = { log: 'log-1', topic: 'ttp.commands', partition: 1, first: 10, last: 19 }

test('rows come back from ClickHouse as they went in, for every type of column', async () => {
  const rows = [tag(10), tag(19)]
  await store.insert('tags', rows, 'token-a')
  expect(await store.rowsOf('tags', range)).toEqual(rows)
  const record: Row<'test_events'> = {
    ...{ log: 'log-1', topic: 'ttp.tests', partition: 0, offset: 3, ingest_time: timeMs },
    ...{ record_time: timeMs, event_time: timeMs, is_time_capped: false, is_time_estimated: true },
    ...{
      test_id: 't-1',
      round: 2,
      exercise: null,
      name: '',
      procedure_id: null,
      technique_id: 'T1003',
    },
    ...{
      platform: null,
      red_team: null,
      blue_team: 'blue',
      hosts: [],
      targets: ['dc1'],
      users: [],
    },
    ...{ state: 'validated', executed: true, outcome: null, detection_result: null },
    ...{ red_started_at: timeMs, red_ended_at: null, red_paused_seconds: 0, blue_started_at: null },
    ...{ blue_work_started_at: null, blue_paused_seconds: null, red_validation_status: null },
    ...{ red_validated_at: null, blue_validation_status: null, blue_validated_at: null },
    ...{
      detection_ids: ['d1', 'd2'],
      detection_asset_ids: ['a', ''],
      detection_alert_ids: ['', ''],
    },
    ...{ detection_triggered: [true, null], cleared: ['state'], raw: '{}' },
  }
  await store.insert('test_events', [record], 'token-b')
  const at = { log: 'log-1', topic: 'ttp.tests', partition: 0, first: 0, last: 9 }
  expect(await store.rowsOf('test_events', at)).toEqual([record])
})

test('a token that was seen is dropped, in the table and in the views behind it', async () => {
  const rows = [tag(30), tag(31)]
  for (let times = 0; times < 3; times += 1) await store.insert('tags', rows, 'token-c')
  expect(await store.rowsOf('tags', { ...range, first: 30, last: 39 })).toHaveLength(2)
  const answer = await client.query({
    query: `SELECT count() AS n FROM entity_tags WHERE entity_kind = 'identity'`,
    format: 'JSONEachRow',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  expect(await answer.json()).toEqual([{ n: 4 }])
})

test('a block’s progress is found by its end, and the newest of a partition by its time', async () => {
  const progress = (offset: number, last: number, at: number): Row<'ingest_progress'> => ({
    ...{ log: 'log-1', topic: 'p', partition: 0, offset, ingest_time: at, last_offset: last },
    ...{ store: 's', revision: 'r', crc: 4_294_967_295, records: 10, events: 8, dead_letters: 1 },
    ...{ deletions: 1, tags: 3, dropped: '{"below_floor":1}' },
  })
  await store.insert('ingest_progress', [progress(0, 9, timeMs)], 'p1')
  await store.insert('ingest_progress', [progress(10, 19, timeMs + 1)], 'p2')
  const at = { topic: 'p', partition: 0 }
  const expected = { log: 'log-1', first: 0, last: 9, records: 10, crc: 4_294_967_295 }
  expect(await store.progressEnding(at, 'log-1', 9)).toEqual(expected)
  expect(await store.progressEnding(at, 'log-1', 8)).toBeNull()
  expect(await store.newestProgress(at)).toMatchObject({ first: 10, last: 19 })
  expect(await store.newestProgress({ topic: 'none', partition: 0 })).toBeNull()
})

test('the store has one id, the same after another migration', async () => {
  const id = await store.id()
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  const again = await migrateDatabase({ url: clickhouse.url, database: 'ttpstream' })
  expect(again).toEqual([])
  expect(await store.id()).toBe(id)
})

test('a server that cannot be reached is transient, a table that is not there is final', async () => {
  const nowhere = createClient({ url: 'http://127.0.0.1:1', request_timeout: 1_000 })
  await expect(new ClickHouseStore(nowhere).id()).rejects.toMatchObject({ family: 'transient' })
  await nowhere.close()
  const empty = createClient({ url: clickhouse.url, database: 'default' })
  await expect(new ClickHouseStore(empty).id()).rejects.not.toMatchObject({ family: 'transient' })
  await empty.close()
})
