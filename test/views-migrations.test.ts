import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { migrateDatabase, sqlServer } from '../cli/migrate-database.ts'
import { migrate } from '../core/migrations.ts'
import { readSqlFiles } from '../core/sql-files.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import { sampleAlerts } from './views/alert-histories.ts'
import { sampleCatalog } from './views/catalog-histories.ts'
import { sampleActors, sampleTags } from './views/tag-histories.ts'
import { sampleTests } from './views/test-histories.ts'

/** A database from before each migration comes to the state of one that was made today. */

const catalog = [...sampleCatalog(1), ...sampleActors(1, 24)]
const views = fileURLToPath(new URL('../views', import.meta.url))
let folder: string
let server: SpawnedClickHouse

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttpstream-migrations-'))
  server = await spawnDevClickHouse({ dataDir: join(folder, 'data'), port: 0 })
}, 60_000)
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** What 0001 changes, as it was; what later ones add is not there, nor are reads, which need all. */
const before = {
  'rollups/entity_tags.sql': `CREATE TABLE IF NOT EXISTS entity_tags
(
    entity_kind LowCardinality(String) COMMENT 'identity, attacker or session',
    entity_id String COMMENT 'Id of the entity within its kind' CODEC(ZSTD(1)),
    event_time DateTime64(3, 'UTC') COMMENT 'When the event happened, UTC' CODEC(Delta, ZSTD(1)),
    technique_id LowCardinality(String) COMMENT 'ATT&CK technique, the parent: Tnnnn',
    sub_technique_id LowCardinality(String) COMMENT 'Full id of the sub-technique, empty if none',
    tactic LowCardinality(String) COMMENT 'ATT&CK tactic id',
    confidence Float64 COMMENT 'How sure the rule is, 0.3 to 1' CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (entity_kind, entity_id, event_time)
SETTINGS non_replicated_deduplication_window = 72000, merge_selector_base = 20, index_granularity = 1024
COMMENT 'Tags by the identity, attacker and session they are anchored to';
`,
  'rollups/entity_tags_from_tags.sql': `-- after: entity_tags
CREATE MATERIALIZED VIEW IF NOT EXISTS entity_tags_from_tags TO entity_tags AS
SELECT entity.1 AS entity_kind, entity.2 AS entity_id, event_time, technique_id, sub_technique_id, tactic, confidence
FROM tags
ARRAY JOIN arrayFilter(
    anchor -> anchor.2 != '',
    [('identity', identity_id), ('attacker', attacker_id), ('session', session_id)]) AS entity;
`,
}

const added0003 = ['rollups/tag_months.sql', 'rollups/tag_months_from_tags.sql']
const added0004 = [
  'alert_changes',
  'alert_changes_from_alerts',
  'alert_changes_from_catalog',
  'alert_spans',
  'alert_buckets_behind',
  'alert_spans_folded',
  'alert_spans_refreshed',
].map((name) => `rollups/${name}.sql`)

const added0018 = ['rollups/link_events.sql', 'rollups/link_events_from_catalog.sql']

const spans = ['rollups/validation_spans.sql', 'rollups/test_spans.sql']

const changed0005 = ['tables/tags.sql', 'rollups/tag_days.sql', 'rollups/tag_days_from_tags.sql']

/** As it was before 0005, 0006, 0016 and 0017. */
function asBefore0005(text: string): string {
  return text
    .replace(/, index_granularity = 1024,\n.*\n.*on_partition_only = true$/m, '')
    .replaceAll(/^PRIMARY KEY .*\n/gm, '')
    .replaceAll(/^ {4}(is_superseded|retagged_time) .*\n/gm, '')
    .replace(/^ {4}listed [^;]* CODEC\(ZSTD\(1\)\),\n(?= {4}INDEX)/m, '')
    .replaceAll(/,\n {4}is_superseded\n/g, '\n')
    .replaceAll(', is_superseded', '')
    .replaceAll(/,\n\)/g, '\n)')
}

test('a database with tags from before 0001 answers as if it had been made today', async () => {
  const old = join(folder, 'views')
  await cp(views, old, { recursive: true })
  for (const added of [
    'migrations',
    'reads',
    'v1',
    ...added0003,
    ...added0004,
    ...added0018,
    ...spans,
  ]) {
    await rm(join(old, added), { recursive: true })
  }
  for (const [path, text] of Object.entries(before)) await writeFile(join(old, path), text)
  for (const path of changed0005) {
    await writeFile(join(old, path), asBefore0005(await readFile(join(old, path), 'utf8')))
  }
  const aged = createClient({ url: server.url })
  await sqlServer(aged).command('CREATE DATABASE aged ENGINE = Atomic')
  await aged.close()
  const client = createClient({ url: server.url, database: 'aged' })
  await migrate(sqlServer(client), await readSqlFiles(old), { version: '0' })
  await sqlServer(client).command('CREATE VIEW lifecycle_dashboard AS SELECT 1')
  const tags = sampleTags(1, 400)
  const alerts = sampleAlerts(1, 60)
  await migrateDatabase({ url: server.url, database: 'made' })
  const made = createClient({ url: server.url, database: 'made' })
  const whole = new ClickHouseStore(made)
  await whole.insert('tags', tags, 'all')
  await whole.insert('alert_events', alerts, 'all')
  await whole.insert('catalog_events', catalog, 'all')
  await whole.insert('test_events', sampleTests(1, 40), 'all')
  const store = new ClickHouseStore(client)
  await store.insert('tags', tags.slice(0, 300), 'before')
  await store.insert('alert_events', alerts.slice(0, 70), 'before')
  // The engine of then made no spans of it.
  for (const table of ['catalog_events', 'test_events']) {
    await sqlServer(client).command(`INSERT INTO ${table} SELECT * FROM made.${table}`)
  }
  await migrateDatabase({ url: server.url, database: 'aged' })
  await store.insert('tags', tags.slice(300), 'after')
  await store.insert('alert_events', alerts.slice(70), 'after')
  const [rows, expected] = await Promise.all([client, made].map(contents))
  expect(rows).toEqual(expected)
  expect(expected?.rows.length).toBeGreaterThan(400)
  expect(expected?.changes.length).toBeGreaterThan(alerts.length)
  expect(expected?.alerts.length).toBeGreaterThan(0)
  expect(expected?.spans.length).toBeGreaterThan(0)
  expect(expected?.tests.length).toBeGreaterThan(40)
  expect(expected?.links.length).toBeGreaterThan(0)
  expect(await sqlServer(client).query("SHOW TABLES LIKE 'lifecycle_dashboard'")).toEqual([])
  expect(await settingsOfTags(client)).toMatch(/= 8192, min_compress_block_size = 8192.*= 86400/)
  expect(await settingsOfTags(made)).toMatch(/= 1024, min_compress_block_size = 8192.*= 86400/)
  await client.close()
  await made.close()
}, 60_000)

async function settingsOfTags(client: ReturnType<typeof createClient>): Promise<string> {
  const [table] = await sqlServer(client).query<{ engine_full: string }>(
    "SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = 'tags'",
  )
  return table?.engine_full ?? ''
}

async function contents(client: ReturnType<typeof createClient>) {
  const server = sqlServer(client)
  return {
    tags: await server.query('SELECT *, listed FROM tags ORDER BY ALL'),
    rows: await server.query('SELECT * FROM entity_tags ORDER BY ALL'),
    changes: await server.query('SELECT *, version FROM alert_changes ORDER BY ALL'),
    alerts: await server.query(
      'SELECT * FROM alerts_at(at_s = 4e9, since_s = 0) ORDER BY alert_id',
    ),
    spans: await server.query(
      'SELECT * EXCEPT (generation) FROM validation_spans FINAL ORDER BY validation_id',
    ),
    links: await server.query('SELECT *, version FROM link_events ORDER BY ALL'),
    tests: await server.query('SELECT * FROM test_spans FINAL ORDER BY ALL'),
    days: await server.query('SELECT * FROM tag_days FINAL ORDER BY ALL'),
    months: await server.query('SELECT * FROM tag_months FINAL ORDER BY ALL'),
    columns: await server.query(
      `SELECT table, name, type, default_expression, comment, compression_codec FROM system.columns
       WHERE database = currentDatabase() AND table NOT LIKE '.inner%' ORDER BY table, position`,
    ),
    tables: await server.query(
      `SELECT name, engine, sorting_key, primary_key, partition_key,
         replaceAll(as_select, currentDatabase() || '.', '') AS as_select
       FROM system.tables
       WHERE database = currentDatabase() AND engine NOT IN ('View', 'Memory') ORDER BY name`,
    ),
  }
}
