import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ColumnType, tables } from '../schemas/table.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'

let database: ViewsDatabase

beforeAll(async () => {
  database = await openViewsDatabase()
}, 60_000)
afterAll(() => database.close())

const clickHouseTypes: Readonly<Record<ColumnType, string>> = {
  text: 'String',
  'text?': 'Nullable(String)',
  bool: 'Bool',
  'bool?': 'Nullable(Bool)',
  uint32: 'UInt32',
  'uint32?': 'Nullable(UInt32)',
  uint64: 'UInt64',
  float: 'Float64',
  time: "DateTime64(3, 'UTC')",
  'time?': "Nullable(DateTime64(3, 'UTC'))",
  uuid: 'UUID',
  texts: 'Array(String)',
  'bools?': 'Array(Nullable(Bool))',
}

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly default_kind: string
  readonly comment: string
}

async function columns(): Promise<Column[]> {
  const answer = await database.client.query({
    query: `SELECT table, name, type, default_kind, comment FROM system.columns
      WHERE database = currentDatabase() ORDER BY table, position`,
    format: 'JSONEachRow',
  })
  return answer.json<Column>()
}

/** LowCardinality is how a column is stored, not what it holds. */
function held(type: string): string {
  const bare = type.replaceAll(/LowCardinality\(((?:[^()]|\([^()]*\))*)\)/g, '$1')
  return bare === type ? type : held(bare)
}

test('every table has the columns that the engine writes: same names, order and types', async () => {
  const live = (await columns()).filter((column) => column.default_kind === '')
  for (const [table, declared] of Object.entries(tables)) {
    const there = live.filter((column) => column.table === table)
    const expected = Object.entries(declared).map(([name, type]) => [name, clickHouseTypes[type]])
    expect(
      there.map(({ name, type }) => [name, held(type)]),
      table,
    ).toEqual(expected)
  }
})

test('every column of a table says what it holds', async () => {
  const answer = await database.client.query({
    query: `SELECT name FROM system.tables
      WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migrations'`,
    format: 'JSONEachRow',
  })
  const names = new Set((await answer.json<{ name: string }>()).map(({ name }) => name))
  const silent = (await columns()).filter(
    ({ table, comment }) => names.has(table) && comment === '',
  )
  expect(silent.map(({ table, name }) => `${table}.${name}`)).toEqual([])
})
