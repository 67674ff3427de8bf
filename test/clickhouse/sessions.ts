import { expect, test } from 'vitest'
import { type ContractDatabase, codeOf, database, until } from './contract-database.ts'

/** What one query leaves to another, and what ends one. */

export function defineSessions(db: ContractDatabase): void {
  test('a setting holds for its own query and no other', async () => {
    const query = "SELECT toUInt32(getSetting('max_block_size')) AS size"
    const [own] = await db.rowsFrom<{ size: number }>(query)
    for (const size of [1234, 4321]) {
      expect(await db.rowsFrom(query, { max_block_size: size })).toEqual([{ size }])
    }
    await db.command('SET max_block_size = 77')
    expect(await db.rowsFrom(query)).toEqual([own])
    const refused = db.rowsFrom(query, { max_block_size: 99, max_blocks_size: 1 })
    expect(await codeOf(refused)).toBe('115 UNKNOWN_SETTING')
    expect(await db.rowsFrom(query)).toEqual([own])
  })

  test('a query is asked of its own database', async () => {
    for (const name of ['system', database, 'system']) {
      const url = new URL(db.address)
      url.searchParams.set('database', name)
      const answer = await fetch(url, { method: 'POST', body: 'SELECT currentDatabase()' })
      expect(await answer.text()).toBe(`${name}\n`)
    }
  })

  test('queries run side by side', async () => {
    const marker = `side_by_side_${process.pid}`
    const slow = [1, 2, 3].map((index) =>
      db.rowsFrom(
        `SELECT sleepEachRow(0.2) AS ${marker}_${index} FROM numbers(5) SETTINGS max_block_size = 1`,
      ),
    )
    const all = async () => {
      const [row] = await db.rowsFrom<{ n: number }>(
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
    const query = db.client.query({
      query: endless,
      abort_signal: controller.signal,
      clickhouse_settings: { ...settings, readonly: '2' },
    })
    const aborted = query.then(() => 'answered').catch(() => 'aborted')
    await until('the query runs', () => db.isRunning(marker))
    controller.abort()
    expect(await aborted).toBe('aborted')
    await until('the query is gone', async () => !(await db.isRunning(marker)))
  })

  test('a GET may not change anything', async () => {
    const url = new URL(db.address)
    url.searchParams.set('query', 'CREATE TABLE by_get (a UInt8) ENGINE = Memory')
    const answer = await fetch(url)
    expect(answer.headers.get('X-ClickHouse-Exception-Code')).toBe('164')
    expect(await answer.text()).toContain('readonly')
    url.searchParams.set('query', 'SELECT 1')
    expect(await (await fetch(url)).text()).toBe('1\n')
  })

  test('a session keeps temporary tables and settings between its queries', async () => {
    const session = `&session_id=${database}`
    await db.post('CREATE TEMPORARY TABLE notes (a UInt8)', session)
    await db.post('INSERT INTO notes VALUES (3), (4)', session)
    expect(await (await db.post('SELECT sum(a) FROM notes', session)).text()).toBe('7\n')
    expect((await db.post('SELECT sum(a) FROM notes')).status).toBe(404)
    const size = async (more = '') => {
      const answer = await db.post("SELECT getSetting('max_block_size')", `${session}${more}`)
      return await answer.text()
    }
    expect(await size('&max_block_size=33')).toBe('33\n')
    await db.post('SET max_block_size = 44', session)
    expect(await size()).toBe('44\n')
    expect(await size('&max_block_size=33')).toBe('33\n')
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
      const answer = await db.post(body, query, headers)
      const text = await answer.text()
      expect([String(body).slice(0, 60), answer.status >= 400, /^Code: \d+\. /.test(text)]).toEqual(
        [String(body).slice(0, 60), true, true],
      )
    }
    expect(await (await db.post('SELECT 1')).text()).toBe('1\n')
  })
}
