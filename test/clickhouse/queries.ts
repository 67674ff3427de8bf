import { expect, test } from 'vitest'
import { type ContractDatabase, codeOf, rowsOf } from './contract-database.ts'

/** What comes out: results, parameters, exceptions. */

export function defineQueries(db: ContractDatabase): void {
  test('it answers a ping, and the version and time zone that clients ask first', async () => {
    expect((await db.client.ping()).success).toBe(true)
    const [row] = await db.rowsFrom<{ v: string; tz: string }>(
      'SELECT version() AS v, timezone() AS tz',
    )
    expect(row?.v).toMatch(/^\d+\.\d+\./)
    expect(row?.tz).not.toBe('')
  })

  test('results come as JSON, as rows and as a stream', async () => {
    const query = 'SELECT number AS n, toString(number) AS s FROM numbers(3)'
    const json = await (await db.client.query({ query, format: 'JSON' })).json<{ n: string }>()
    expect(json.rows).toBe(3)
    expect(json.meta).toEqual([
      { name: 'n', type: 'UInt64' },
      { name: 's', type: 'String' },
    ])
    const text = await (await db.client.query({ query, format: 'CSVWithNames' })).text()
    expect(text).toBe('"n","s"\n0,"0"\n1,"1"\n2,"2"\n')
    const none = await db.client.query({ query: `${query} WHERE n > 5`, format: 'JSON' })
    expect((await none.json()).data).toEqual([])
  })

  test('a result of 100,000 rows streams whole and in order', async () => {
    const query = 'SELECT number AS n FROM numbers(100000) ORDER BY n'
    for (const format of ['JSONEachRow', 'JSONCompactEachRowWithNames'] as const) {
      const answer = await db.client.query({ query, format })
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
    const answer = await db.client.query({
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
    await db.freshTables()
    await db.client.insert({ table: 'source', values: rowsOf(4), format: 'JSONEachRow' })
    const select = async (from: number) => {
      const query = 'SELECT toUInt32(id) AS id FROM since(from = {from:UInt64}) ORDER BY id'
      return (
        await db.client.query({ query, query_params: { from }, format: 'JSONEachRow' })
      ).json()
    }
    await db.client
      .query({ query: 'SELECT {from:UInt64}', query_params: { from: 99 } })
      .then((a) => a.text())
    await db.command(
      'CREATE OR REPLACE VIEW since AS SELECT id FROM source WHERE id >= {from:UInt64}',
    )
    expect(await select(3)).toEqual([{ id: 3 }])
    expect(await select(9)).toEqual([])
    const unset = db.client.query({ query: 'SELECT {from:UInt64} AS x', format: 'JSONEachRow' })
    expect(await codeOf(unset.then((answer) => answer.text()))).toBe('456 UNKNOWN_QUERY_PARAMETER')
  })

  test('an exception has its code, name and HTTP status', async () => {
    const text = (query: string) =>
      db.client.query({ query, format: 'JSONEachRow' }).then((a) => a.text())
    expect(await codeOf(text('SELECT nope'))).toBe('47 UNKNOWN_IDENTIFIER')
    expect(await codeOf(text('SELECT * FROM nowhere'))).toBe('60 UNKNOWN_TABLE')
    expect(await codeOf(text('SELECT FROM WHERE'))).toBe('62 SYNTAX_ERROR')
    expect(await codeOf(db.rowsFrom('SELECT 1', { no_such_setting: 1 }))).toBe(
      '115 UNKNOWN_SETTING',
    )
    const values = [{ id: 'not a number' }]
    const insert = db.client.insert({ table: 'source', values, format: 'JSONEachRow' })
    expect(await codeOf(insert)).toMatch(/^(27|72|117) /)
    const statuses: [string, number, string][] = [
      ['SELECT nope', 404, '47'],
      ['SELECT 1; SELECT 2', 400, '62'],
      ['SELECT 1 FORMAT Nonsense', 404, '73'],
      ["SELECT 1 INTO OUTFILE 'x'", 500, '358'],
    ]
    for (const [query, status, code] of statuses) {
      const answer = await db.post(query)
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
      const answer = await db.client.query({
        query,
        format: 'JSONEachRow',
        clickhouse_settings: { max_block_size: '10000', max_threads: 1 },
      })
      for await (const chunk of answer.stream()) rows += chunk.length
      return rows
    }
    await expect(read()).rejects.toThrow(/non-zero/)
    const waited = await db.post(`${query} FORMAT JSONEachRow`, '&wait_end_of_query=1')
    expect([waited.status, waited.headers.get('X-ClickHouse-Exception-Code')]).toEqual([500, '395'])
    await waited.text()
  })
}
