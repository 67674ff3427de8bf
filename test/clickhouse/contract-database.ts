import { setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client'

/** A server that the contract is held to. */
export interface ClickHouseUnderTest {
  readonly url: string
  readonly username?: string
  readonly password?: string
  close(): Promise<void>
}

/** A name of its own, so that a shared server is left as it was. */
export const database = `contract_${process.pid}`

export const insertSettings = {
  async_insert: 0,
  deduplicate_blocks_in_dependent_materialized_views: 1,
} as const

const createSource = `CREATE TABLE source (
    id UInt64, text String, at DateTime64(3, 'UTC'), share Float64, list Array(String), maybe Nullable(String)
  ) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100`
const createTarget = `CREATE TABLE target (bucket UInt8, n UInt64) ENGINE = SummingMergeTree
  ORDER BY bucket SETTINGS non_replicated_deduplication_window = 100`
const createView = `CREATE MATERIALIZED VIEW filler TO target AS
  SELECT toUInt8(id % 2) AS bucket, count() AS n FROM source GROUP BY bucket`
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

/** A row of `source` for each id from 0. */
export function rowsOf(count: number): Source[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    text: `row ${id} \t\n\\ é 😀`,
    at: '2026-01-02 03:04:05.678',
    share: id / 4,
    list: ['a', `b'${id}`],
    maybe: id % 2 === 0 ? null : 'x',
  }))
}

/** The database of a contract, from `open` to `close`. */
export class ContractDatabase {
  readonly #start: () => Promise<ClickHouseUnderTest>
  #opened: { server: ClickHouseUnderTest; client: ClickHouseClient; address: URL } | undefined

  constructor(start: () => Promise<ClickHouseUnderTest>) {
    this.#start = start
  }

  async open(): Promise<void> {
    const server = await this.#start()
    const { url, username = 'default', password = '' } = server
    const options = { url, username, password, log: { level: 127 } } as const
    const root = createClient(options)
    await root.command({ query: `DROP DATABASE IF EXISTS ${database}` })
    await root.command({ query: `CREATE DATABASE ${database} ENGINE = Atomic` })
    await root.close()
    const client = createClient({ ...options, database, max_open_connections: 20 })
    const address = new URL(url)
    address.searchParams.set('database', database)
    address.searchParams.set('user', username)
    address.searchParams.set('password', password)
    this.#opened = { server, client, address }
  }

  async close(): Promise<void> {
    await this.command(`DROP DATABASE IF EXISTS ${database}`)
    await this.client.close()
    await this.server.close()
  }

  get server(): ClickHouseUnderTest {
    return this.#all().server
  }

  get client(): ClickHouseClient {
    return this.#all().client
  }

  /** With the database and the credentials, for clients that are not ours. */
  get address(): URL {
    return this.#all().address
  }

  async rowsFrom<T>(query: string, settings: Record<string, string | number> = {}): Promise<T[]> {
    const answer = await this.client.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0, ...settings },
    })
    return answer.json<T>()
  }

  command(query: string) {
    return this.client.command({ query })
  }

  async freshTables(): Promise<void> {
    for (const name of ['filler', 'source', 'target']) {
      await this.command(`DROP TABLE IF EXISTS ${name}`)
    }
    for (const create of [createSource, createTarget, createView]) await this.command(create)
  }

  async counts(): Promise<{ source: number; target: number } | undefined> {
    const [row] = await this.rowsFrom<{ source: number; target: number }>(
      'SELECT (SELECT count() FROM source) AS source, (SELECT sum(n) FROM target) AS target',
    )
    return row
  }

  post(body: string | Uint8Array, query = '', headers: Record<string, string> = {}) {
    const { origin, searchParams } = new URL(this.address)
    return fetch(`${origin}/?${searchParams}${query}`, { method: 'POST', body, headers })
  }

  async isRunning(marker: string): Promise<boolean> {
    const [row] = await this.rowsFrom<{ n: number }>(
      `SELECT count() AS n FROM system.processes WHERE query LIKE '%${marker}%' AND query NOT LIKE '%system.processes%'`,
    )
    return row !== undefined && row.n > 0
  }

  #all() {
    if (this.#opened === undefined) throw new Error('the database is not open yet')
    return this.#opened
  }
}

/** Code and name of ClickHouse's exception; else what was thrown. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(() => undefined).catch((thrown: unknown) => thrown)
  return error instanceof ClickHouseError ? `${error.code} ${error.type}` : error
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let poll = 0; poll < pollsMax; poll += 1) {
    if (await isSo()) return
    await sleep(pollMs)
  }
  throw new Error(`waited ${pollMs * pollsMax} ms in vain until ${what}`)
}
