import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { createClient } from '@clickhouse/client'
import { expect, test } from 'vitest'
import { type ContractDatabase, database, insertSettings, rowsOf } from './contract-database.ts'

/** Rows that go in: whole, once, in whatever form. */

export function defineInserts(db: ContractDatabase): void {
  test('objects that go in as JSONEachRow come out the same', async () => {
    await db.freshTables()
    const { summary } = await db.client.insert({
      table: 'source',
      values: rowsOf(10),
      format: 'JSONEachRow',
      clickhouse_settings: insertSettings,
    })
    expect(Number(summary?.written_rows)).toBeGreaterThanOrEqual(10)
    expect(await db.rowsFrom('SELECT * FROM source ORDER BY id')).toEqual(rowsOf(10))
  })

  test('a stream of rows is inserted whole', async () => {
    await db.freshTables()
    await db.client.insert({
      table: 'source',
      values: Readable.from(rowsOf(5000), { objectMode: true }),
      format: 'JSONEachRow',
      clickhouse_settings: insertSettings,
    })
    expect(await db.counts()).toEqual({ source: 5000, target: 5000 })
  })

  test('columns may be named, reordered and left out', async () => {
    await db.freshTables()
    await db.client.insert({
      table: 'source',
      columns: ['text', 'id'],
      values: [['b', 2]],
      format: 'JSONCompactEachRow',
    })
    expect(await db.rowsFrom('SELECT id, text, share FROM source')).toEqual([
      { id: 2, text: 'b', share: 0 },
    ])
  })

  test('exec takes an INSERT in RowBinary with the rows as its body', async () => {
    await db.freshTables()
    const row = Buffer.alloc(8 + 3)
    row.writeBigUInt64LE(7n)
    row.write('\x02hi', 8)
    const { stream } = await db.client.exec({
      query: 'INSERT INTO source (id, text) FORMAT RowBinary',
      values: Readable.from([row, row], { objectMode: false }),
      clickhouse_settings: insertSettings,
    })
    for await (const _ of stream) {
      // An insert answers nothing.
    }
    expect(await db.rowsFrom('SELECT id, text FROM source')).toEqual([
      { id: 7, text: 'hi' },
      { id: 7, text: 'hi' },
    ])
  })

  test('one insert of 50,000 rows and 60 MB is one part', async () => {
    await db.freshTables()
    await db.command('SYSTEM STOP MERGES source')
    const row = Buffer.alloc(8 + 2 + 1200, 'x')
    row.writeBigUInt64LE(1n)
    row.set([0xb0, 0x09], 8)
    const { stream } = await db.client.exec({
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
    const parts = await db.rowsFrom(
      `SELECT count() AS parts, sum(rows) AS total FROM system.parts WHERE active AND database = '${database}' AND table = 'source'`,
    )
    expect(parts).toEqual([{ parts: 1, total: 50_000 }])
  })

  test('a repeated token is dropped in the table and in the view behind it', async () => {
    await db.freshTables()
    const insert = (token: string, count: number) =>
      db.client.insert({
        table: 'source',
        values: rowsOf(count),
        format: 'JSONEachRow',
        clickhouse_settings: { ...insertSettings, insert_deduplication_token: token },
      })
    await insert('one', 100)
    await insert('one', 100)
    expect(await db.counts()).toEqual({ source: 100, target: 100 })
    await insert('two', 100)
    expect(await db.counts()).toEqual({ source: 200, target: 200 })
    // The token decides, not the content: other rows under a used token are dropped.
    await insert('one', 50)
    expect(await db.counts()).toEqual({ source: 200, target: 200 })
  })

  test('gzip is understood both ways', async () => {
    await db.freshTables()
    const options = { url: db.server.url, database, compression: { request: true, response: true } }
    const { username = 'default', password = '' } = db.server
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
    expect((await db.post(body, '', { 'Content-Encoding': 'gzip' })).status).toBe(200)
    expect((await db.counts())?.source).toBe(1002)
  })
}
