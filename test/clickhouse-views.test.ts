import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClickHouseViews, createClickHouseViews, ViewError } from '../api/clickhouse-views.ts'
import { AssertionError, TransientError } from '../core/error.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'

/** Views are read over the real client and ClickHouse's HTTP interface. */

let folder: string
let server: SpawnedClickHouse
let views: ClickHouseViews

const ddl = [
  'CREATE DATABASE t',
  `CREATE VIEW t.echo AS SELECT {text:String} AS text, {count:UInt32} AS count, {at_s:Float64} AS at_s,
     {texts:Array(String)} AS texts, {is_on:Bool} AS is_on`,
  'CREATE VIEW t.nullable AS SELECT {text:Nullable(String)} AS text',
  `CREATE VIEW t.types AS SELECT toUInt64(9007199254740991) AS big, nan AS not_a_number,
     toDateTime64(1795171267.123, 3, 'UTC') AS at, CAST(NULL AS Nullable(DateTime64(3, 'UTC'))) AS never,
     toDecimal64(1.5, 2) AS dec, true AS flag, toDate('2026-11-20') AS day, '' AS absent`,
  'CREATE VIEW t.many AS SELECT number AS n FROM numbers({rows:UInt64})',
  'CREATE VIEW t.slow AS SELECT sleepEachRow(1) AS s FROM numbers(30) SETTINGS max_block_size = 1',
  `CREATE VIEW t.late AS SELECT throwIf(number = 500, 'late') AS t FROM numbers(600)
     SETTINGS max_block_size = 10`,
]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ttpstream-views-'))
  server = await spawnDevClickHouse({ dataDir: folder, port: 0 })
  const admin = createClient({ url: server.url })
  for (const query of ddl) await admin.command({ query })
  await admin.close()
  views = createClickHouseViews({ ...connection(), queryMsMax: 1_000, rowsMax: 1_000 })
}, 60_000)

afterAll(async () => {
  await views.close()
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

test('values reach a view as they are, whatever characters they hold', async () => {
  const texts = [
    `it's "quoted"`,
    'back\\slash \\N \\t',
    'tab\tnew\nline\r',
    '{x:String}',
    "'; DROP TABLE t --",
    'ünïcode 🦀',
    '',
    'a,b]',
  ]
  for (const text of texts) {
    const [row] = await views.select('echo', {
      text,
      count: 7,
      at_s: 1_795_171_267.123,
      texts,
      is_on: true,
    })
    expect(row).toEqual({ text, count: 7, at_s: 1_795_171_267.123, texts, is_on: true })
  }
  expect(await views.select('nullable', { text: null })).toEqual([{ text: null }])
  expect(await views.select('nullable', { text: '\\N' })).toEqual([{ text: '\\N' }])
})

test('whole seconds and fractions both reach a parameter that is a Float64', async () => {
  for (const at_s of [0, 5, 1.5, 4_102_444_800]) {
    const [row] = await views.select<{ at_s: number }>('echo', {
      text: '',
      count: 0,
      at_s,
      texts: [],
      is_on: false,
    })
    expect(row?.at_s).toBe(at_s)
  }
})

test('rows come with numbers, RFC 3339 times and nulls', async () => {
  expect(await views.select('types')).toEqual([
    {
      big: 9_007_199_254_740_991,
      not_a_number: null,
      at: '2026-11-20T10:41:07.123Z',
      never: null,
      dec: 1.5,
      flag: true,
      day: '2026-11-20',
      absent: '',
    },
  ])
})

test('an answer with more rows than the limit is an error, not a cut list', async () => {
  expect(await views.select('many', { rows: 1_000 })).toHaveLength(1_000)
  await expect(views.select('many', { rows: 1_001 })).rejects.toBeInstanceOf(AssertionError)
  expect(await views.select('many', { rows: 1 })).toEqual([{ n: 0 }])
})

test('a query over its time is stopped and may be tried again', async () => {
  await expect(views.select('slow')).rejects.toMatchObject({
    family: 'transient',
    details: { view: 'slow', code: 'TIMEOUT_EXCEEDED' },
  })
})

test('an error after the first rows is still an error', async () => {
  await expect(views.select('late')).rejects.toMatchObject({
    code: 'FUNCTION_THROW_IF_VALUE_IS_NON_ZERO',
  })
})

test('a view that is not there, or lacks a parameter, is no reason to retry', async () => {
  await expect(views.select('absent')).rejects.toMatchObject({ code: 'UNKNOWN_TABLE' })
  await expect(views.select('many')).rejects.toBeInstanceOf(ViewError)
  await expect(views.select('many', { rows: 1, row: 1 })).rejects.toThrow(
    'many has no parameter row',
  )
})

test('a view that was made anew is asked as it is now, at the latest after it has failed', async () => {
  const admin = createClient({ url: server.url, database: 't' })
  await admin.command({ query: 'CREATE TABLE moved (n UInt8) ENGINE = Memory' })
  await admin.command({ query: 'CREATE VIEW anew AS SELECT n FROM moved' })
  expect(await views.select('anew')).toEqual([])
  await admin.command({ query: 'CREATE OR REPLACE VIEW anew AS SELECT 2 AS n' })
  await admin.command({ query: 'DROP TABLE moved' })
  await expect(views.select('anew')).rejects.toMatchObject({ code: 'UNKNOWN_TABLE' })
  expect(await views.select('anew')).toEqual([{ n: 2 }])
  await admin.command({ query: 'CREATE VIEW later AS SELECT 3 AS n' })
  expect(await views.select('later')).toEqual([{ n: 3 }])
  await admin.close()
})

test('an error names the view and never the values that it was asked with', async () => {
  const failed = await views
    .select('many', { rows: 'mallory@example.org' })
    .catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(ViewError)
  expect(inspect(failed)).toContain('many')
  expect(inspect(failed)).not.toContain('mallory')
})

test('only plain names are ever put into SQL', async () => {
  for (const view of ['many; DROP DATABASE t', 'system.tables', 'Many', '']) {
    await expect(views.select(view), view).rejects.toBeInstanceOf(AssertionError)
  }
  await expect(views.select('many', { 'rows) --': 1 })).rejects.toBeInstanceOf(AssertionError)
  await expect(views.select('many', { rows: Number.NaN })).rejects.toBeInstanceOf(AssertionError)
})

test('a list of any length reaches a view through a proxy that takes short URLs only', async () => {
  // Node's own limit of 16 KiB on a request's head.
  const proxy = createServer((message, response) => {
    const { url: path, method, headers } = message
    const onward = request(new URL(path ?? '/', server.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    message.pipe(onward)
  })
  const near = createClickHouseViews({ ...connection(), url: await listen(proxy) })
  const texts = Array.from({ length: 2_000 }, (_, n) => `it's ${n}: ${'x'.repeat(40)}`)
  const [row] = await near.select('echo', { text: 'a', count: 1, at_s: 0, texts, is_on: true })
  expect(row).toMatchObject({ texts })
  await near.close()
  await new Promise((resolve) => proxy.close(resolve))
})

test('a server that refuses, hangs up, answers nothing or sits behind a broken gateway is transient', async () => {
  const gateway = createServer((message, response) => {
    if (message.url?.includes('database=hangs') === true) message.socket.destroy()
    else if (message.url?.includes('database=mute') === true) response.writeHead(431).end()
    // A view without rows has columns.
    else if (message.url?.includes('database=empty') === true) response.writeHead(200).end()
    else response.writeHead(502).end('<html><h1>502 Bad Gateway</h1></html>')
  })
  const url = await listen(gateway)
  for (const database of ['bad', 'hangs', 'mute', 'empty']) {
    const broken = createClickHouseViews({ ...connection(), url, database })
    await expect(broken.select('types'), database).rejects.toBeInstanceOf(TransientError)
    await broken.close()
  }
  await new Promise((resolve) => gateway.close(resolve))
  const refused = createClickHouseViews({ ...connection(), url })
  await expect(refused.select('types')).rejects.toBeInstanceOf(TransientError)
  await refused.close()
})

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

function connection() {
  return { url: server.url, database: 't', username: 'default', password: '' }
}
