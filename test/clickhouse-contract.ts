import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client'
import { afterAll, beforeAll, expect, test } from 'vitest'

/**
 * What the project takes for granted of ClickHouse's HTTP interface, by the clients that people use:
 * one suite, run against the dev server and against real ones.
 *
 * Every test works in a database of its own name, so that a shared server is left as it was.
 */
export interface ClickHouseUnderTest {
  readonly url: string
  readonly username?: string
  readonly password?: string
  close(): Promise<void>
}

const run = promisify(execFile)
const database = `contract_${process.pid}`
const createSource = `CREATE TABLE source (
    id UInt64, text String, at DateTime64(3, 'UTC'), share Float64, list Array(String), maybe Nullable(String)
  ) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100`
const createTarget = `CREATE TABLE target (bucket UInt8, n UInt64) ENGINE = SummingMergeTree
  ORDER BY bucket SETTINGS non_replicated_deduplication_window = 100`
const createView = `CREATE MATERIALIZED VIEW filler TO target AS
  SELECT toUInt8(id % 2) AS bucket, count() AS n FROM source GROUP BY bucket`
const insertSettings = {
  async_insert: 0,
  deduplicate_blocks_in_dependent_materialized_views: 1,
} as const
const python = join(homedir(), '.cache/ttpstream/clickhouse-connect/bin/python')
const jdbcFolder = join(homedir(), '.cache/ttpstream/clickhouse-jdbc')
const jdbcJars = existsSync(jdbcFolder) ? readdirSync(jdbcFolder) : []
/** How often, and for how long, a server is asked whether something has come about. */
const pollMs = 50
const pollsMax = 200

interface Source {
  readonly id: number
  readonly text: string
  readonly at: string
  readonly share: number
  readonly list: readonly string[]
  readonly maybe: string | null
}

const rowOf = (id: number): Source => ({
  id,
  text: `row ${id} \t\n\\ é 😀`,
  at: '2026-01-02 03:04:05.678',
  share: id / 4,
  list: ['a', `b'${id}`],
  maybe: id % 2 === 0 ? null : 'x',
})
const rowsOf = (count: number) => Array.from({ length: count }, (_, id) => rowOf(id))

export function defineClickHouseContract(open: () => Promise<ClickHouseUnderTest>): void {
  let server: ClickHouseUnderTest
  let client: ClickHouseClient
  /** The address with the database and the credentials, for clients that are not ours. */
  let address: URL

  const rowsFrom = async <T>(query: string, settings: Record<string, string | number> = {}) => {
    const answer = await client.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...settings },
    })
    return answer.json<T>()
  }
  const command = (query: string) => client.command({ query })
  const freshTables = async () => {
    for (const name of ['filler', 'source', 'target']) await command(`DROP TABLE IF EXISTS ${name}`)
    for (const create of [createSource, createTarget, createView]) await command(create)
  }
  const counts = async () => {
    const [row] = await rowsFrom<{ source: number; target: number }>(
      'SELECT (SELECT count() FROM source) AS source, (SELECT sum(n) FROM target) AS target',
    )
    return row
  }
  const post = (body: string | Uint8Array, query = '', headers: Record<string, string> = {}) => {
    const url = new URL(address)
    const credentials = url.searchParams
    return fetch(`${url.origin}/?${credentials}${query}`, { method: 'POST', body, headers })
  }
  const codeOf = async (promise: Promise<unknown>) => {
    const error = await promise.then(() => undefined).catch((thrown: unknown) => thrown)
    return error instanceof ClickHouseError ? `${error.code} ${error.type}` : error
  }
  const isRunning = async (marker: string) => {
    const [row] = await rowsFrom<{ n: number }>(
      `SELECT count() AS n FROM system.processes WHERE query LIKE '%${marker}%' AND query NOT LIKE '%system.processes%'`,
    )
    return row !== undefined && row.n > 0
  }
  const until = async (what: string, isSo: () => Promise<boolean>) => {
    for (let poll = 0; poll < pollsMax; poll += 1) {
      if (await isSo()) return
      await sleep(pollMs)
    }
    throw new Error(`waited ${pollMs * pollsMax} ms in vain until ${what}`)
  }

  beforeAll(async () => {
    server = await open()
    const { url, username = 'default', password = '' } = server
    const options = { url, username, password, log: { level: 127 } } as const
    const root = createClient(options)
    await root.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    await root.command({ query: `CREATE DATABASE ${database} ENGINE = Atomic` })
    await root.close()
    client = createClient({ ...options, database, max_open_connections: 20 })
    address = new URL(url)
    address.searchParams.set('database', database)
    address.searchParams.set('user', username)
    address.searchParams.set('password', password)
  })
  afterAll(async () => {
    await command(`DROP DATABASE IF EXISTS ${database}`)
    await client.close()
    await server.close()
  })

  test('it answers a ping, and the version and time zone that clients ask first', async () => {
    expect((await client.ping()).success).toBe(true)
    const [row] = await rowsFrom<{ v: string; tz: string }>(
      'SELECT version() AS v, timezone() AS tz',
    )
    expect(row?.v).toMatch(/^\d+\.\d+\./)
    expect(row?.tz).not.toBe('')
  })

  test('objects that go in as JSONEachRow come out the same', async () => {
    await freshTables()
    const { summary } = await client.insert({
      table: 'source',
      values: rowsOf(10),
      format: 'JSONEachRow',
      clickhouse_settings: insertSettings,
    })
    expect(Number(summary?.written_rows)).toBeGreaterThanOrEqual(10)
    expect(await rowsFrom('SELECT * FROM source ORDER BY id')).toEqual(rowsOf(10))
  })

  test('a stream of rows is inserted whole', async () => {
    await freshTables()
    await client.insert({
      table: 'source',
      values: Readable.from(rowsOf(5000), { objectMode: true }),
      format: 'JSONEachRow',
      clickhouse_settings: insertSettings,
    })
    expect(await counts()).toEqual({ source: 5000, target: 5000 })
  })

  test('columns may be named, reordered and left out', async () => {
    await freshTables()
    await client.insert({
      table: 'source',
      columns: ['text', 'id'],
      values: [['b', 2]],
      format: 'JSONCompactEachRow',
    })
    expect(await rowsFrom('SELECT id, text, share FROM source')).toEqual([
      { id: 2, text: 'b', share: 0 },
    ])
  })

  test('exec takes an INSERT in RowBinary with the rows as its body', async () => {
    await freshTables()
    const row = Buffer.alloc(8 + 3)
    row.writeBigUInt64LE(7n)
    row.write('\x02hi', 8)
    const { stream } = await client.exec({
      query: 'INSERT INTO source (id, text) FORMAT RowBinary',
      values: Readable.from([row, row], { objectMode: false }),
      clickhouse_settings: insertSettings,
    })
    for await (const _ of stream) {
      // An insert answers nothing.
    }
    expect(await rowsFrom('SELECT id, text FROM source')).toEqual([
      { id: 7, text: 'hi' },
      { id: 7, text: 'hi' },
    ])
  })

  test('one insert of 50,000 rows and 60 MB is one part', async () => {
    await freshTables()
    await command('SYSTEM STOP MERGES source')
    const row = Buffer.alloc(8 + 2 + 1200, 'x')
    row.writeBigUInt64LE(1n)
    row.set([0xb0, 0x09], 8)
    const { stream } = await client.exec({
      query: 'INSERT INTO source (id, text) FORMAT RowBinary',
      values: Readable.from(
        Array.from({ length: 50 }, () => Buffer.concat(Array(1000).fill(row))),
        {
          objectMode: false,
        },
      ),
      clickhouse_settings: insertSettings,
    })
    stream.resume()
    await new Promise((resolve) => stream.once('close', resolve))
    const parts = await rowsFrom(
      `SELECT count() AS parts, sum(rows) AS total FROM system.parts WHERE active AND database = '${database}' AND table = 'source'`,
    )
    expect(parts).toEqual([{ parts: 1, total: 50_000 }])
  })

  test('results come as JSON, as rows and as a stream', async () => {
    const query = 'SELECT number AS n, toString(number) AS s FROM numbers(3)'
    const json = await (await client.query({ query, format: 'JSON' })).json<{ n: string }>()
    expect(json.rows).toBe(3)
    expect(json.meta).toEqual([
      { name: 'n', type: 'UInt64' },
      { name: 's', type: 'String' },
    ])
    const text = await (await client.query({ query, format: 'CSVWithNames' })).text()
    expect(text).toBe('"n","s"\n0,"0"\n1,"1"\n2,"2"\n')
    const none = await client.query({ query: `${query} WHERE n > 5`, format: 'JSON' })
    expect((await none.json()).data).toEqual([])
  })

  test('a result of 100,000 rows streams whole and in order', async () => {
    const query = 'SELECT number AS n FROM numbers(100000) ORDER BY n'
    for (const format of ['JSONEachRow', 'JSONCompactEachRowWithNames'] as const) {
      const answer = await client.query({ query, format })
      let next = format === 'JSONEachRow' ? 0 : -1
      for await (const rows of answer.stream()) {
        for (const row of rows) {
          if (next >= 0 && !row.text.includes(String(next)))
            throw new Error(`row ${next}: ${row.text}`)
          next += 1
        }
      }
      expect(next).toBe(100_000)
    }
  })

  test('parameters of every type arrive as what they are', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    const answer = await client.query({
      query: `SELECT toString({u:UInt64}) AS u, {i:Int32} AS i, {f:Float64} AS f, {s:String} AS s, {b:Bool} AS b,
        {d:DateTime64(3, 'UTC')} AS d, {t:DateTime64(3, 'UTC')} AS t, {a:Array(String)} AS a,
        {n:Nullable(String)} AS n, {m:Map(String, UInt8)} AS m, {e:Array(UInt64)} AS e, {id:UUID} AS id`,
      query_params: {
        u: '18446744073709551615',
        i: -5,
        f: 0.25,
        s: "it's \\ \t\n 😀 {x:UInt8} ; --",
        b: true,
        d: at,
        t: '2026-01-02 03:04:05.678',
        a: ["it's", 'a\\b', '', 'c\nd'],
        n: null,
        m: { k: 1 },
        e: [],
        id: '00000000-0000-4000-8000-000000000001',
      },
      format: 'JSONEachRow',
    })
    expect(await answer.json()).toEqual([
      {
        u: '18446744073709551615',
        i: -5,
        f: 0.25,
        s: "it's \\ \t\n 😀 {x:UInt8} ; --",
        b: true,
        d: '2026-01-02 03:04:05.678',
        t: '2026-01-02 03:04:05.678',
        a: ["it's", 'a\\b', '', 'c\nd'],
        n: null,
        m: { k: 1 },
        e: [],
        id: '00000000-0000-4000-8000-000000000001',
      },
    ])
  })

  test('parameters reach parameterised views, and a view is not made with those of another query', async () => {
    await freshTables()
    await client.insert({ table: 'source', values: rowsOf(4), format: 'JSONEachRow' })
    const select = async (from: number) => {
      const query = 'SELECT toUInt32(id) AS id FROM since(from = {from:UInt64}) ORDER BY id'
      return (await client.query({ query, query_params: { from }, format: 'JSONEachRow' })).json()
    }
    await client
      .query({ query: 'SELECT {from:UInt64}', query_params: { from: 99 } })
      .then((a) => a.text())
    await command('CREATE OR REPLACE VIEW since AS SELECT id FROM source WHERE id >= {from:UInt64}')
    expect(await select(3)).toEqual([{ id: 3 }])
    expect(await select(9)).toEqual([])
    const unset = client.query({ query: 'SELECT {from:UInt64} AS x', format: 'JSONEachRow' })
    expect(await codeOf(unset.then((answer) => answer.text()))).toBe('456 UNKNOWN_QUERY_PARAMETER')
  })

  test('a setting holds for its own query and no other', async () => {
    const query = "SELECT toUInt32(getSetting('max_block_size')) AS size"
    const [own] = await rowsFrom<{ size: number }>(query)
    for (const size of [1234, 4321]) {
      expect(await rowsFrom(query, { max_block_size: size })).toEqual([{ size }])
    }
    await command('SET max_block_size = 77')
    expect(await rowsFrom(query)).toEqual([own])
    const refused = rowsFrom(query, { max_block_size: 99, max_blocks_size: 1 })
    expect(await codeOf(refused)).toBe('115 UNKNOWN_SETTING')
    expect(await rowsFrom(query)).toEqual([own])
  })

  test('a query is asked of its own database', async () => {
    for (const name of ['system', database, 'system']) {
      const url = new URL(address)
      url.searchParams.set('database', name)
      const answer = await fetch(url, { method: 'POST', body: 'SELECT currentDatabase()' })
      expect(await answer.text()).toBe(`${name}\n`)
    }
  })

  test('an exception has its code, name and HTTP status', async () => {
    const text = (query: string) =>
      client.query({ query, format: 'JSONEachRow' }).then((a) => a.text())
    expect(await codeOf(text('SELECT nope'))).toBe('47 UNKNOWN_IDENTIFIER')
    expect(await codeOf(text('SELECT * FROM nowhere'))).toBe('60 UNKNOWN_TABLE')
    expect(await codeOf(text('SELECT FROM WHERE'))).toBe('62 SYNTAX_ERROR')
    expect(await codeOf(rowsFrom('SELECT 1', { no_such_setting: 1 }))).toBe('115 UNKNOWN_SETTING')
    const values = [{ id: 'not a number' }]
    const insert = client.insert({ table: 'source', values, format: 'JSONEachRow' })
    expect(await codeOf(insert)).toMatch(/^(27|72|117) /)
    const statuses: [string, number, string][] = [
      ['SELECT nope', 404, '47'],
      ['SELECT 1; SELECT 2', 400, '62'],
      ['SELECT 1 FORMAT Nonsense', 404, '73'],
      ["SELECT 1 INTO OUTFILE 'x'", 500, '358'],
    ]
    for (const [query, status, code] of statuses) {
      const answer = await post(query)
      expect([query, answer.status, answer.headers.get('X-ClickHouse-Exception-Code')]).toEqual([
        query,
        status,
        code,
      ])
      expect(await answer.text()).toMatch(
        new RegExp(`^Code: ${code}\\. DB::Exception: .*\\([A-Z_]+\\) \\(version `, 's'),
      )
    }
  })

  test('an exception after the first rows ends the stream with an error, or the status if waited for', async () => {
    const query = 'SELECT throwIf(number = 900000) AS x FROM numbers(1000000)'
    const read = async () => {
      let rows = 0
      const answer = await client.query({
        query,
        format: 'JSONEachRow',
        clickhouse_settings: { max_block_size: '10000', max_threads: 1 },
      })
      for await (const chunk of answer.stream()) rows += chunk.length
      return rows
    }
    await expect(read()).rejects.toThrow(/non-zero/)
    const waited = await post(`${query} FORMAT JSONEachRow`, '&wait_end_of_query=1')
    expect([waited.status, waited.headers.get('X-ClickHouse-Exception-Code')]).toEqual([500, '395'])
    await waited.text()
  })

  test('a repeated token is dropped in the table and in the view behind it', async () => {
    await freshTables()
    const insert = (token: string, count: number) =>
      client.insert({
        table: 'source',
        values: rowsOf(count),
        format: 'JSONEachRow',
        clickhouse_settings: { ...insertSettings, insert_deduplication_token: token },
      })
    await insert('one', 100)
    await insert('one', 100)
    expect(await counts()).toEqual({ source: 100, target: 100 })
    await insert('two', 100)
    expect(await counts()).toEqual({ source: 200, target: 200 })
    // The token decides, not the content: other rows under a used token are dropped.
    await insert('one', 50)
    expect(await counts()).toEqual({ source: 200, target: 200 })
  })

  test('gzip is understood both ways', async () => {
    await freshTables()
    const options = { url: server.url, database, compression: { request: true, response: true } }
    const { username = 'default', password = '' } = server
    const zipped = createClient({ ...options, username, password })
    await zipped.insert({ table: 'source', values: rowsOf(1000), format: 'JSONEachRow' })
    const answer = await zipped.query({
      query: 'SELECT * FROM source ORDER BY id',
      format: 'JSONEachRow',
    })
    expect(answer.response_headers['content-encoding']).toBe('gzip')
    expect(((await answer.json()) as unknown[]).length).toBe(1000)
    await zipped.close()
    const body = gzipSync('INSERT INTO source (id) FORMAT TSV\n5\n6\n')
    expect((await post(body, '', { 'Content-Encoding': 'gzip' })).status).toBe(200)
    expect((await counts())?.source).toBe(1002)
  })

  test('queries run side by side', async () => {
    const marker = `side_by_side_${process.pid}`
    const slow = [1, 2, 3].map((index) =>
      rowsFrom(
        `SELECT sleepEachRow(0.2) AS ${marker}_${index} FROM numbers(5) SETTINGS max_block_size = 1`,
      ),
    )
    const all = async () => {
      const [row] = await rowsFrom<{ n: number }>(
        `SELECT count() AS n FROM system.processes WHERE query LIKE '%sleepEachRow%${marker}%' AND query NOT LIKE '%system.processes%'`,
      )
      return row?.n === 3
    }
    await until('three queries run at the same time', all)
    await Promise.all(slow)
  })

  test('a query whose client goes away is ended', async () => {
    const marker = `went_away_${process.pid}`
    const controller = new AbortController()
    const endless = `SELECT count() AS ${marker} FROM numbers(1000000000000) WHERE sipHash64(number) = 5`
    const settings = { cancel_http_readonly_queries_on_client_close: 1 } as const
    const query = client.query({
      query: endless,
      abort_signal: controller.signal,
      clickhouse_settings: { ...settings, readonly: '2' },
    })
    const aborted = query.then(() => 'answered').catch(() => 'aborted')
    await until('the query runs', () => isRunning(marker))
    controller.abort()
    expect(await aborted).toBe('aborted')
    await until('the query is gone', async () => !(await isRunning(marker)))
  })

  test('a GET may not change anything', async () => {
    const url = new URL(address)
    url.searchParams.set('query', 'CREATE TABLE by_get (a UInt8) ENGINE = Memory')
    const answer = await fetch(url)
    expect(answer.headers.get('X-ClickHouse-Exception-Code')).toBe('164')
    expect(await answer.text()).toContain('readonly')
    url.searchParams.set('query', 'SELECT 1')
    expect(await (await fetch(url)).text()).toBe('1\n')
  })

  test('a session keeps temporary tables and settings between its queries', async () => {
    const session = `&session_id=${database}`
    await post('CREATE TEMPORARY TABLE notes (a UInt8)', session)
    await post('INSERT INTO notes VALUES (3), (4)', session)
    expect(await (await post('SELECT sum(a) FROM notes', session)).text()).toBe('7\n')
    expect((await post('SELECT sum(a) FROM notes')).status).toBe(404)
    const size = async (more = '') => {
      const answer = await post("SELECT getSetting('max_block_size')", `${session}${more}`)
      return await answer.text()
    }
    expect(await size('&max_block_size=33')).toBe('33\n')
    await post('SET max_block_size = 44', session)
    expect(await size()).toBe('44\n')
    expect(await size('&max_block_size=33')).toBe('33\n')
  })

  test('curl sends a statement in the body, in the URL, and rows after either', async () => {
    await freshTables()
    const url = (query: string) => {
      const full = new URL(address)
      if (query !== '') full.searchParams.set('query', query)
      return full.href
    }
    const curl = async (...args: string[]) => (await run('curl', ['-sS', ...args])).stdout
    const inBody = "INSERT INTO source (id, text) VALUES (1, 'a;b'), (2, 'FORMAT TSV')"
    expect(await curl('--data-binary', inBody, url(''))).toBe('')
    const rowsInBody = '3,"three"\n4,"four"\n'
    const csv = 'INSERT INTO source (id, text) FORMAT CSV'
    expect(await curl('--data-binary', rowsInBody, url(csv))).toBe('')
    expect(await curl('--data-binary', `${csv}\n5,"five"`, url(''))).toBe('')
    const select = 'SELECT id, text FROM source ORDER BY id'
    const expected = '1\ta;b\n2\tFORMAT TSV\n3\tthree\n4\tfour\n5\tfive\n'
    expect(await curl(url(select))).toBe(expected)
    expect(await curl('--data-binary', `${select} FORMAT TSV;`, url(''))).toBe(expected)
    const head = await curl(
      '-D',
      '-',
      '-o',
      '/dev/null',
      '--data-binary',
      'SELECT 1 FORMAT JSON',
      url(''),
    )
    expect(head).toMatch(/^X-ClickHouse-Format: JSON\r$/im)
    expect(head).toMatch(/^X-ClickHouse-Query-Id: .+\r$/im)
    expect(head).toMatch(/^X-ClickHouse-Summary: \{"read_rows":"\d+".*\}\r$/im)
  })

  test('what is malformed gets an answer, and the next request another', async () => {
    const broken: [string | Uint8Array, string, Record<string, string>][] = [
      ['', '', {}],
      [';;', '', {}],
      ["SELECT 'never closed", '', {}],
      ['SELECT /* never closed', '', {}],
      [Buffer.from([0xff, 0x00, 0xfe]), '', {}],
      ['not gzip', '', { 'Content-Encoding': 'gzip' }],
      ['x', '', { 'Content-Encoding': 'rot13' }],
      ['INSERT INTO source FORMAT Nonsense\n1', '', {}],
      ['INSERT INTO source (id) FORMAT JSONEachRow\n{"id":', '', {}],
      ["INSERT INTO source FROM INFILE '/etc/passwd' FORMAT LineAsString", '', {}],
      [`SELECT ${' '.repeat(300_000)}1`, '', {}],
      ['SELECT 1', "&a'b=1", {}],
      ['SELECT 1', '&session_id=a&session_timeout=never', {}],
    ]
    for (const [body, query, headers] of broken) {
      const answer = await post(body, query, headers)
      const text = await answer.text()
      expect([String(body).slice(0, 60), answer.status >= 400, /^Code: \d+\. /.test(text)]).toEqual(
        [String(body).slice(0, 60), true, true],
      )
    }
    expect(await (await post('SELECT 1')).text()).toBe('1\n')
  })

  test.skipIf(!existsSync(python))(
    existsSync(python)
      ? 'clickhouse-connect inserts, reads and streams, with every compression it knows'
      : `clickhouse-connect (skipped: python3 -m venv ${join(python, '../..')}; pip install clickhouse-connect)`,
    async () => {
      const script = join(import.meta.dirname, 'clickhouse-connect.py')
      const { username = 'default', password = '' } = server
      const { hostname, port } = new URL(server.url)
      const { stdout } = await run(python, [script, hostname, port, username, password, database])
      const results = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
      const expected = { rows: 5000, sum: 12_497_500, streamed: 100_000, empty: 0, code: 47 }
      expect(results).toEqual(
        [false, 'gzip', 'zstd', 'lz4'].map((compress) => ({ compress, ...expected })),
      )
    },
  )

  test.skipIf(jdbcJars.length === 0)(
    jdbcJars.length > 0
      ? 'the JDBC driver inserts, reads and describes, with and without compression'
      : `the JDBC driver (skipped: mvn dependency:copy clickhouse-jdbc:0.9.4:jar:all, slf4j-api and slf4j-nop to ${jdbcFolder})`,
    async () => {
      const program = join(import.meta.dirname, 'clickhouse-jdbc.java')
      const { username = 'default', password = '' } = server
      const classes = jdbcJars.map((jar) => join(jdbcFolder, jar)).join(':')
      const url = server.url.replace(/\/$/, '')
      const args = ['-cp', classes, program, url, username, password, database]
      const { stdout } = await run('java', args)
      expect(stdout.trim().split('\n')).toEqual(
        ['compress=0', 'decompress=1'].map((way) => `${way} true 4999959945 2 yes`),
      )
    },
  )
}
