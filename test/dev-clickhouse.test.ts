import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@clickhouse/client'
import { afterEach, expect, test, vi } from 'vitest'
import { decodeBlocks, encodeBlock } from '../dev/clickhouse/compressed-blocks.ts'
import type { MainOptions } from '../dev/clickhouse/main.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { spoolFolder } from '../dev/clickhouse/spool.ts'

/** What only the dev server has to hold, beyond what it shares with a real one. */

const folders: string[] = []
const servers: SpawnedClickHouse[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dev-clickhouse-'))
  folders.push(folder)
  return folder
}

async function start(dataDir: string, options: Partial<MainOptions> = {}) {
  const server = await spawnDevClickHouse({ dataDir, port: 0, ...options })
  servers.push(server)
  return server
}

const post = (server: SpawnedClickHouse, body: string | Uint8Array, query = '') =>
  fetch(`${server.url}/?${query}`, { method: 'POST', body })
const ask = async (server: SpawnedClickHouse, sql: string) => {
  const answer = await post(server, sql)
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text.trim()
}

const window = 'SETTINGS non_replicated_deduplication_window = 1000'
const schema = [
  'CREATE DATABASE d ENGINE = Atomic',
  `CREATE TABLE d.source (id UInt64) ENGINE = MergeTree ORDER BY id ${window}`,
  `CREATE TABLE d.target (n UInt64) ENGINE = SummingMergeTree ORDER BY tuple() ${window}`,
  'CREATE MATERIALIZED VIEW d.filler TO d.target AS SELECT count() AS n FROM d.source',
]
const rowsPerBlock = 500
const totals = 'SELECT (SELECT count() FROM d.source), (SELECT sum(n) FROM d.target)'

test('after kill -9 in the middle of inserts, repeating the tokens gives every row once, in views too', async () => {
  const dataDir = await newFolder()
  let server = await start(dataDir)
  for (const sql of schema) await ask(server, sql)
  const insert = (block: number) => {
    const rows = Array.from({ length: rowsPerBlock }, (_, index) => block * rowsPerBlock + index)
    const query = new URLSearchParams({
      query: 'INSERT INTO d.source (id) FORMAT TSV',
      insert_deduplication_token: `block ${block}`,
      async_insert: '0',
      deduplicate_blocks_in_dependent_materialized_views: '1',
    })
    return post(server, rows.join('\n'), query.toString())
  }
  let acknowledged = 0
  for (let round = 1; round <= 3; round += 1) {
    const blocks = round * 12
    const killAfter = round * 3
    let reached = () => {}
    const whenReached = new Promise<void>((resolve) => {
      reached = resolve
    })
    const inserting = (async () => {
      for (let block = 0; block < blocks; block += 1) {
        if ((await insert(block)).ok) acknowledged = Math.max(acknowledged, block + 1)
        if (block === killAfter) reached()
      }
    })().catch(() => 'killed')
    await whenReached
    // The next block is being inserted by now; a few round trips vary how far it has come.
    for (let trips = 0; trips < round; trips += 1) await fetch(`${server.url}/ping`)
    await server.kill('SIGKILL')
    await inserting
    servers.length = 0
    server = await start(dataDir)
    const [source] = (await ask(server, totals)).split('\t').map(Number)
    expect(source).toBeGreaterThanOrEqual(acknowledged * rowsPerBlock)
    for (let block = 0; block < blocks; block += 1) expect((await insert(block)).status).toBe(200)
    const all = blocks * rowsPerBlock
    expect(await ask(server, totals)).toBe(`${all}\t${all}`)
  }
})

test('a data folder that is in use is refused, and its user is not disturbed', async () => {
  const dataDir = await newFolder()
  const first = await start(dataDir)
  await expect(spawnDevClickHouse({ dataDir, port: 0 })).rejects.toThrow(
    'is another process using it?',
  )
  expect(await ask(first, 'SELECT 1')).toBe('1')
})

test('a request target that is no URL is refused, and the server goes on', async () => {
  const server = await start(await newFolder())
  expect((await fetch(`${server.url}//`)).status).toBe(400)
  expect(await ask(server, 'SELECT 1')).toBe('1')
})

test('queries whose clients hung up while they waited hold up nobody', async () => {
  const server = await start(await newFolder(), { sessionsMax: 1 })
  const [long, waiting] = [new AbortController(), new AbortController()]
  const send = (sql: string, { signal }: AbortController) =>
    fetch(`${server.url}/`, { method: 'POST', body: sql, signal }).catch(() => 'hung up')
  const running = [send('SELECT count() FROM system.numbers', long)]
  // As many as may wait; past them a query is refused.
  for (let count = 0; count < 256; count += 1) running.push(send('SELECT 1', waiting))
  const one = () =>
    Promise.race([post(server, 'SELECT 2').then(({ status }) => status), sleep(500, 'waits')])
  await vi.waitUntil(async () => (await one()) === 500, 20_000)
  waiting.abort()
  await vi.waitUntil(async () => (await one()) === 'waits', 20_000)
  const last = ask(server, 'SELECT 3')
  long.abort()
  expect(await last).toBe('3')
  await Promise.all(running)
})

test('with users configured, only their passwords open it', async () => {
  const server = await start(await newFolder(), { users: { analyst: 'sesame' } })
  const client = (username: string, password: string) =>
    createClient({ url: server.url, username, password, log: { level: 127 } })
  const known = client('analyst', 'sesame')
  const rows = await known.query({ query: 'SELECT 1 AS x', format: 'JSONEachRow' })
  expect(await rows.json()).toEqual([{ x: 1 }])
  await known.close()
  for (const [user, password] of [
    ['analyst', 'wrong'],
    ['default', ''],
    ['toString', ''],
  ] as const) {
    const unknown = client(user, password)
    const query = unknown.query({ query: 'SELECT 1', format: 'JSONEachRow' })
    await expect(query).rejects.toMatchObject({ code: '516', type: 'AUTHENTICATION_FAILED' })
    await unknown.close()
  }
  const byHeader = { 'X-ClickHouse-User': 'analyst', 'X-ClickHouse-Key': 'sesame' }
  expect((await fetch(`${server.url}/?query=SELECT+1`, { headers: byHeader })).status).toBe(200)
  expect((await fetch(`${server.url}/?query=SELECT+1&user=analyst&password=sesame`)).status).toBe(
    200,
  )
  expect((await fetch(`${server.url}/?query=SELECT+1`)).status).toBe(403)
  expect((await fetch(`${server.url}/ping`)).status).toBe(200)
})

test.each([
  [
    'a body',
    { bodyBytesMax: 500_000 },
    413,
    'Code: 229. DB::Exception: The body is larger than 500000 bytes',
  ],
  [
    'the spool',
    { spoolBytesMax: 500_000 },
    500,
    'Code: 243. DB::Exception: The spool of 500000 bytes is full',
  ],
])(
  '%s is bounded: what is too large leaves no row, and what fits goes on',
  async (_, limits, status, text) => {
    const server = await start(await newFolder(), limits)
    await ask(server, 'CREATE DATABASE d ENGINE = Atomic')
    await ask(server, 'CREATE TABLE d.t (s String) ENGINE = MergeTree ORDER BY s')
    const insert = (bytes: number) =>
      post(server, 'x'.repeat(bytes), 'query=INSERT+INTO+d.t+FORMAT+LineAsString')
    const refused = await insert(600_000)
    expect([refused.status, await refused.text()]).toEqual([status, expect.stringContaining(text)])
    expect(await ask(server, 'SELECT count() FROM d.t')).toBe('0')
    expect((await insert(400_000)).status).toBe(200)
    expect((await insert(400_000)).status).toBe(200)
    expect(await ask(server, 'SELECT count() FROM d.t')).toBe('2')
  },
)

test('a result that is wanted whole is bounded, and one that is streamed is not', async () => {
  const server = await start(await newFolder(), { resultBytesMax: 1_000_000 })
  const endless = 'SELECT number FROM numbers(1000000000000) FORMAT JSON'
  const refused = await post(server, endless, 'wait_end_of_query=1')
  expect(await refused.text()).toContain(
    'Code: 243. DB::Exception: The result is larger than 1000000 bytes',
  )
  const streamed = await post(server, 'SELECT number FROM numbers(1000000) FORMAT RowBinary')
  expect((await streamed.arrayBuffer()).byteLength).toBe(8_000_000)
  const withHead = await post(server, 'SELECT number FROM numbers(1000000) FORMAT JSONCompact')
  expect(((await withHead.json()) as { data: unknown[] }).data).toHaveLength(1_000_000)
  const running =
    "SELECT count() FROM system.processes WHERE query LIKE '%FORMAT JSON%' AND query NOT LIKE '%processes%'"
  expect(await ask(server, running)).toBe('0')
})

test('a query is answered while another one is being planned', async () => {
  const server = await start(await newFolder())
  // A scalar subquery runs while the query around it is planned.
  const slow = ask(server, 'SELECT (SELECT max(sleepEachRow(0.5)) FROM numbers(2)) AS planned')
  const running =
    "SELECT count() FROM system.processes WHERE query LIKE '%AS planned%' AND query NOT LIKE '%processes%'"
  const seen = vi.waitUntil(async () => (await ask(server, running)) === '1').then(() => 'seen')
  expect(await Promise.race([slow, seen])).toBe('seen')
  expect(await slow).toBe('0')
})

test('queries beyond the slots wait for one', async () => {
  const server = await start(await newFolder(), { sessionsMax: 2 })
  const queries = Array.from({ length: 10 }, (_, index) =>
    ask(server, `SELECT ${index}, sleep(0.05)`),
  )
  expect(await Promise.all(queries)).toEqual(
    Array.from({ length: 10 }, (_, index) => `${index}\t0`),
  )
})

test("ClickHouse's own compressed blocks are read and written", async () => {
  const server = await start(await newFolder())
  const body = encodeBlock(Buffer.from('SELECT number FROM numbers(100000) FORMAT TSV'))
  const answer = await post(server, body, 'compress=1&decompress=1')
  const blocks = Readable.from([Buffer.from(await answer.arrayBuffer())])
  const text = Buffer.concat(await Readable.from(decodeBlocks(blocks)).toArray()).toString()
  expect(text).toBe(Array.from({ length: 100_000 }, (_, index) => `${index}\n`).join(''))
  body.writeUInt8(body.readUInt8(30) ^ 1, 30)
  const refused = await post(server, body, 'decompress=1')
  expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('checksum')])
})

test('it closes in good order: a running query is answered, and nothing is left in the spool', async () => {
  const dataDir = await newFolder()
  const server = await start(dataDir)
  const running = ask(server, 'SELECT sleep(0.5)')
  const count = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep%'"
  for (let poll = 0; poll < 100 && (await ask(server, count)) === '0'; poll += 1) await sleep(10)
  await server.close()
  servers.length = 0
  expect(await running).toBe('0')
  expect(existsSync(spoolFolder(dataDir))).toBe(false)
})

test('it ends when the process that started it is killed', async () => {
  const dataDir = await newFolder()
  const module = new URL('../dev/clickhouse/spawn.ts', import.meta.url).href
  const options = JSON.stringify({ dataDir, port: 0 })
  const program = `import { spawnDevClickHouse } from '${module}'
    console.log((await spawnDevClickHouse(${options})).pid)`
  const parent = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(chunk.toString())
  parent.kill('SIGKILL')
  const isAlive = () => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  for (let poll = 0; poll < 100 && isAlive(); poll += 1) await sleep(50)
  expect(isAlive()).toBe(false)
})
