import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { sqlServer } from '../cli/migrate-database.ts'
import { backfillView } from '../core/backfill.ts'
import { checkDedupWindows } from '../core/dedup-window.ts'
import { ConfigError } from '../core/error.ts'
import { sha256Hex } from '../core/hash.ts'
import { migrate, planMigration, type SqlServer } from '../core/migrations.ts'
import type { SqlFile, SqlFiles } from '../core/sql-files.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'

let dataDir: string
let clickHouse: SpawnedClickHouse
let client: ClickHouseClient
let server: SqlServer
let databases = 0

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'migrations-'))
  clickHouse = await spawnDevClickHouse({ dataDir, port: 0 })
})
afterAll(async () => {
  await client.close()
  await clickHouse.close()
  await rm(dataDir, { recursive: true })
})
beforeEach(async () => {
  await client?.close()
  databases += 1
  const database = `db${databases}`
  const root = createClient({ url: clickHouse.url })
  await root.command({ query: `CREATE DATABASE ${database} ENGINE = Atomic` })
  await root.close()
  client = createClient({ url: clickHouse.url, database, log: { level: 127 } })
  server = sqlServer(client)
})

const file = (path: string, statements: string[], changes: string[] = []): SqlFile => ({
  path,
  // Checked: the tests' paths begin with one of the four folders.
  folder: path.split('/')[0] as SqlFile['folder'],
  statements,
  sha256: sha256Hex(statements.join(';')),
  changes,
})
const filesOf = (...list: SqlFile[]): SqlFiles => ({
  migrations: list.filter(({ folder }) => folder === 'migrations'),
  objects: list.filter(({ folder }) => folder !== 'migrations'),
})
const window = 'SETTINGS non_replicated_deduplication_window = 10'
const table = (name: string, columns = 'a UInt8', settings = window) =>
  file(`tables/${name}.sql`, [
    `CREATE TABLE IF NOT EXISTS ${name} (${columns}) ENGINE = MergeTree ORDER BY a ${settings}`,
  ])
const read = (name: string, select: string) =>
  file(`reads/${name}.sql`, [`CREATE OR REPLACE VIEW ${name} AS ${select}`])
const run = async (...list: SqlFile[]) =>
  (await migrate(server, filesOf(...list), { version: '1.2.3' })).map(
    (step) => `${step.action} ${step.file.path}`,
  )

test('a new database gets everything once, and the second run has nothing to do', async () => {
  const all = [table('t'), read('v', 'SELECT a FROM t')]
  expect(await run(...all)).toEqual(['create tables/t.sql', 'create reads/v.sql'])
  expect(await run(...all)).toEqual([])
  const rows = await server.query<{ file: string; version: string }>(
    'SELECT file, version FROM schema_migrations ORDER BY file',
  )
  expect(rows).toEqual([
    { file: 'reads/v.sql', version: '1.2.3' },
    { file: 'tables/t.sql', version: '1.2.3' },
  ])
})

test('a plan does nothing', async () => {
  const steps = await planMigration(server, filesOf(table('t')))
  expect(steps.map((step) => step.action)).toEqual(['create'])
  expect(
    await server.query('SELECT name FROM system.tables WHERE database = currentDatabase()'),
  ).toEqual([])
})

test('a table whose file changed is refused, with what to do', async () => {
  await run(table('t'))
  const changed = table('t', 'a UInt8, b UInt8')
  const error = await run(changed).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  expect(String(error)).toMatch(/tables\/t\.sql changed .* add views\/migrations\/NNNN-name\.sql/)
})

test('a migration leads an existing table to its changed file, once', async () => {
  await run(table('t'), read('v', 'SELECT * FROM t'))
  const changed = table('t', 'a UInt8, b UInt8')
  const migration = file(
    'migrations/0001-b.sql',
    ['ALTER TABLE t ADD COLUMN b UInt8'],
    ['tables/t.sql'],
  )
  expect(await run(migration, changed, read('v', 'SELECT * FROM t'))).toEqual([
    'migrate migrations/0001-b.sql',
    'record tables/t.sql',
    'replace reads/v.sql',
  ])
  expect(await run(migration, changed, read('v', 'SELECT * FROM t'))).toEqual([])
  const columns = await server.query(
    "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'v'",
  )
  expect(columns).toEqual([{ name: 'a' }, { name: 'b' }])
})

test('a new database is made in the present state and runs no migration', async () => {
  const migration = file(
    'migrations/0001-b.sql',
    ['ALTER TABLE t ADD COLUMN b UInt8'],
    ['tables/t.sql'],
  )
  const all = [migration, table('t', 'a UInt8, b UInt8')]
  expect(await run(...all)).toEqual(['record migrations/0001-b.sql', 'create tables/t.sql'])
  expect(await run(...all)).toEqual([])
})

test('an applied migration may not be edited', async () => {
  await run(file('migrations/0001-b.sql', ['SELECT 1']), table('t'))
  await expect(run(file('migrations/0001-b.sql', ['SELECT 2']), table('t'))).rejects.toThrow(
    '0001-b.sql was applied',
  )
})

test('when one read changes all are made anew, because they may read each other', async () => {
  await run(table('t'), read('inner', 'SELECT a FROM t'), read('outer', 'SELECT * FROM inner'))
  const steps = await run(
    table('t'),
    read('inner', 'SELECT a, a + 1 AS next FROM t'),
    read('outer', 'SELECT * FROM inner'),
  )
  expect(steps).toEqual(['replace reads/inner.sql', 'replace reads/outer.sql'])
  const columns = await server.query(
    "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'outer'",
  )
  expect(columns).toEqual([{ name: 'a' }, { name: 'next' }])
})

test('a run that failed half-way is continued by the next', async () => {
  await expect(
    run(table('t'), file('tables/u.sql', ['CREATE TABLE u (a Nonsense)'])),
  ).rejects.toThrow('tables/u.sql, statement 1 of 1')
  expect(await run(table('t'), table('u'))).toEqual(['create tables/u.sql'])
})

const view = (name: string, to: string, from: string) =>
  file(`rollups/${name}.sql`, [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${to} AS SELECT a FROM ${from}`,
  ])

test('windows on a table, its view target and the target behind that are accepted', async () => {
  await run(table('t'), table('u'), table('v'), view('m', 'u', 't'), view('n', 'v', 'u'))
  await checkDedupWindows(server, ['t'], { windowMin: 10 })
})

test.each([
  ['the table', { t: '', u: window, v: window }, 't: non_replicated_deduplication_window is 0'],
  ['a view target', { t: window, u: '', v: window }, 'u: non_replicated_deduplication_window is 0'],
  ['a target behind a target', { t: window, u: window, v: '' }, /v: .* \(filled by n\)/],
])('%s without a window is refused by name', async (_, settings, message) => {
  const tables = Object.entries(settings).map(([name, text]) => table(name, 'a UInt8', text))
  await run(...tables, view('m', 'u', 't'), view('n', 'v', 'u'))
  await expect(checkDedupWindows(server, ['t'])).rejects.toThrow(message)
})

test("a view's hidden table, a small window and a missing table are refused", async () => {
  const hidden = file('rollups/h.sql', [
    'CREATE MATERIALIZED VIEW h ENGINE = MergeTree ORDER BY a AS SELECT a FROM t',
  ])
  await run(table('t'), hidden)
  await expect(checkDedupWindows(server, ['t'])).rejects.toThrow(
    /\.inner_id\.[0-9a-f-]{36}: .* \(filled by h\)/,
  )
  await expect(checkDedupWindows(server, ['t'], { windowMin: 11 })).rejects.toThrow(
    'is 10, less than 11',
  )
  await expect(checkDedupWindows(server, ['nowhere'])).rejects.toThrow(
    'nowhere: there is no such table',
  )
})

test('a Null table passes the token on: only the targets behind it need a window', async () => {
  const nothing = file('tables/n.sql', ['CREATE TABLE IF NOT EXISTS n (a UInt8) ENGINE = Null'])
  await run(nothing, table('u'), view('m', 'u', 'n'))
  await checkDedupWindows(server, ['n'])
})

const sumTable = (name: string) =>
  file(`tables/${name}.sql`, [
    `CREATE TABLE IF NOT EXISTS ${name} (a UInt8, n UInt64) ENGINE = SummingMergeTree ORDER BY a ${window}`,
  ])
const countView = (name: string, to: string, from: string) =>
  file(`rollups/${name}.sql`, [
    `CREATE MATERIALIZED VIEW IF NOT EXISTS ${name} TO ${to} AS SELECT count() AS n, a FROM ${from} GROUP BY a`,
  ])
const insertNumbers = (into: string, from: number, count: number) =>
  server.command(`INSERT INTO ${into} SELECT number % 3 FROM numbers(${from}, ${count})`)
const sums = (from: string) =>
  server.query(`SELECT a, toUInt32(sum(n)) AS n FROM ${from} GROUP BY a ORDER BY a`)

test('a view made after the data is filled from it, by column names, and goes on counting', async () => {
  await run(table('s'), sumTable('t'))
  await insertNumbers('s', 0, 9)
  await run(table('s'), sumTable('t'), countView('m', 't', 's'))
  await insertNumbers('s', 9, 3)
  expect(await backfillView(server, 'm')).toEqual({ target: 't', views: ['m'], rows: 3 })
  await insertNumbers('s', 12, 2)
  expect(await sums('t')).toEqual([
    { a: 0, n: 5 },
    { a: 1, n: 5 },
    { a: 2, n: 4 },
  ])
  await checkDedupWindows(server, ['s'])
})

test('a target of two views is filled from both, and filling it again changes nothing', async () => {
  await run(table('s'), table('u'), sumTable('t'))
  await insertNumbers('s', 0, 3)
  await insertNumbers('u', 0, 1)
  await run(
    table('s'),
    table('u'),
    sumTable('t'),
    countView('m', 't', 's'),
    countView('n', 't', 'u'),
  )
  for (const _ of [1, 2]) {
    expect((await backfillView(server, 'm')).views.toSorted()).toEqual(['m', 'n'])
    expect(await sums('t')).toEqual([
      { a: 0, n: 2 },
      { a: 1, n: 1 },
      { a: 2, n: 1 },
    ])
  }
})

test('a backfill during which rows come in changes nothing and says so', async () => {
  await run(table('s'), sumTable('t'), countView('m', 't', 's'))
  await insertNumbers('s', 0, 3)
  const busy: SqlServer = {
    ...server,
    command: async (sql) => {
      await server.command(sql)
      if (sql.startsWith('INSERT INTO `t__backfill`')) await insertNumbers('s', 3, 3)
    },
  }
  await expect(backfillView(busy, 'm')).rejects.toThrow('rows came into s meanwhile')
  expect(await sums('t')).toEqual([
    { a: 0, n: 2 },
    { a: 1, n: 2 },
    { a: 2, n: 2 },
  ])
  expect((await backfillView(server, 'm')).rows).toBe(3)
})

test('what is not a materialized view, or computes itself, cannot be filled', async () => {
  const refreshed =
    'CREATE MATERIALIZED VIEW r REFRESH EVERY 1 YEAR TO t AS SELECT a, toUInt64(1) AS n FROM s'
  await run(table('s'), sumTable('t'), countView('m', 't', 's'), file('rollups/r.sql', [refreshed]))
  await expect(backfillView(server, 's')).rejects.toThrow(
    's is not a materialized view; there are: m, r',
  )
  await expect(backfillView(server, 'r')).rejects.toThrow('SYSTEM REFRESH VIEW r')
})
