import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import type { AppOptions } from '../api/app.ts'
import type { Publish } from '../api/catalog-writer.ts'
import { createClickHouseViews } from '../api/clickhouse-views.ts'
import { startApi } from '../api/server.ts'
import { migrateDatabase } from '../cli/migrate-database.ts'
import { silentLog } from '../core/log.ts'
import { spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { createCatalogProcessor } from '../processors/catalog.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import { foldAllTestSpans } from '../processors/engine/test-spans.ts'
import { type ColumnType, type Row, type TableName, tables } from '../schemas/table.ts'
import { checkedClient, type Send, testApp } from './api-client.ts'

/** The API over HTTP, on the real client, ClickHouse's HTTP interface and the migrated schema. */
export interface ApiStore {
  readonly send: Send
  readonly url: string
  /** Rows of which each names what it is about; other columns are absent, or 0. */
  insert<Name extends TableName>(table: Name, rows: readonly Partial<Row<Name>>[]): Promise<void>
  /** A catalog record through the real processor into the tables, with its progress. */
  readonly publish: Publish
  close(): Promise<void>
}

const database = 'ttpstream'

export async function startApiStore(options: Partial<AppOptions> = {}): Promise<ApiStore> {
  const folder = await mkdtemp(join(tmpdir(), 'ttpstream-api-'))
  const clickHouse = await spawnDevClickHouse({ dataDir: folder, port: 0 })
  await migrateDatabase({ url: clickHouse.url, database })
  const client = createClient({ url: clickHouse.url, database })
  const views = createClickHouseViews({
    url: clickHouse.url,
    database,
    username: 'default',
    password: '',
  })
  const publish = catalogLog(client)
  // A 500 says nothing to a client; whoever reads a failed test wants to know.
  const log = { ...silentLog, error: (fields: object) => process.stderr.write(inspect(fields)) }
  const app = testApp({ views, publish, log, ...options })
  const server = await startApi({ host: '127.0.0.1', port: 0, app })
  return {
    url: server.url,
    send: checkedClient(app, (path, init) => fetch(`${server.url}${path}`, init)),
    insert: (table, rows) => insertRows(client, table, rows),
    publish,
    async close() {
      await server.close()
      await Promise.all([views.close(), client.close()])
      await clickHouse.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function catalogLog(client: ClickHouseClient): Publish {
  const store = new ClickHouseStore(client)
  const processor = createCatalogProcessor({ recordBytesMax: 1_048_576, integrityKey: 'k' })
  const topic = 'ttp.catalog'
  let next = 0
  let takenMs = 0
  return async (record) => {
    const offset = next++
    const timestampMs = Date.parse(record.event_time)
    // A record of the past is taken in now.
    takenMs = Math.max(takenMs, timestampMs)
    const { rows } = processor.process(
      {
        log: 'l1',
        topic,
        partition: 0,
        timeMs: takenMs,
        revision: { id: 'none', rules: [], match: () => [] },
        states: new Map(),
      },
      [{ offset, timestampMs, key: null, value: Buffer.from(JSON.stringify(record)) }],
    )
    const { catalog_events = [], dead_letters = [] } = rows
    await store.insert('catalog_events', catalog_events, `${offset}`)
    if (dead_letters.length > 0) await insertRows(client, 'dead_letters', dead_letters)
    const progress = { log: 'l1', topic, offset, last_offset: offset, ingest_time: takenMs }
    await insertRows(client, 'ingest_progress', [{ ...progress, records: 1, events: 1 }])
    return { topic, partition: 0, offset }
  }
}

async function insertRows<Name extends TableName>(
  client: ClickHouseClient,
  table: Name,
  rows: readonly Partial<Row<Name>>[],
): Promise<void> {
  const columns: Readonly<Record<string, ColumnType>> = tables[table]
  const values = rows.map((row) => {
    const given = new Map<string, unknown>(Object.entries(row))
    return Object.fromEntries(
      Object.entries(columns).map(([column, type]) => [column, encoded(type, given.get(column))]),
    )
  })
  await client.insert({
    table,
    values,
    format: 'JSONEachRow',
    clickhouse_settings: { date_time_input_format: 'best_effort', async_insert: 0 },
  })
  if (table === 'test_events') await foldAllTestSpans(client)
}

function encoded(type: ColumnType, value: unknown): unknown {
  if (value === undefined) return absent[type]
  const isTime = type === 'time' || type === 'time?'
  return isTime && typeof value === 'number' ? new Date(value).toISOString() : value
}

const absent: Readonly<Record<ColumnType, unknown>> = {
  text: '',
  'text?': null,
  bool: false,
  'bool?': null,
  uint32: 0,
  'uint32?': null,
  uint64: 0,
  float: 0,
  time: new Date(0).toISOString(),
  'time?': null,
  uuid: '00000000-0000-0000-0000-000000000000',
  texts: [],
  'bools?': [],
}
