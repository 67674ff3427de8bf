/**
 * The engine's side of ClickHouse: one insert = one part per table, under a token that makes a
 * repeat a no-op in the table and in every view behind it.
 */

import { Readable } from 'node:stream'
import { type ClickHouseClient, ClickHouseError, type ClickHouseSettings } from '@clickhouse/client'
import { messageOf, TransientError } from '../../core/error.ts'
import type { TopicPartition } from '../../core/kafka.ts'
import { type ColumnType, type Row, type TableName, tables } from '../../schemas/table.ts'
import type { Progress } from './assignment.ts'
import { encodeRows } from './row-binary.ts'

export interface BlockRange extends TopicPartition {
  readonly log: string
  readonly first: number
  readonly last: number
}

/** Contract: every method throws `TransientError` where trying again later may help, else it is final. */
export interface Store {
  /** Random id of this set of tables, made by the first migration. */
  id(): Promise<string>
  /** Returns when the rows, and what follows from them in other tables, can be read. */
  insert<Name extends TableName>(
    name: Name,
    rows: readonly Row<Name>[],
    token: string,
  ): Promise<void>
  /** The rows a table holds for a block, in offset order. */
  rowsOf<Name extends TableName>(name: Name, range: BlockRange): Promise<Row<Name>[]>
  /** Every accepted change of a merge, in log order: what a processor with a memory begins with. */
  merges(at: TopicPartition): Promise<Row<'catalog_events'>[]>
  newestProgress(at: TopicPartition): Promise<Progress | null>
  /** The finished block of `log` that ends at `last`. */
  progressEnding(at: TopicPartition, log: string, last: number): Promise<Progress | null>
}

/**
 * Pinned on every insert: one block, synchronous, deduplicated in dependent views too. Since 26.2
 * ClickHouse would otherwise collect inserts and cut them anew. One thread: a block has nothing to share
 * out, and handing it from thread to thread was a tenth of what its inserts cost.
 */
export const insertSettings: ClickHouseSettings = {
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  input_format_parallel_parsing: 0,
  max_insert_block_size: '1000000',
  max_threads: 1,
  min_insert_block_size_rows: '1000000',
  min_insert_block_size_bytes: '268435456',
  wait_end_of_query: 1,
}

/** Kinds of catalog records that the spans of `validation_spans` depend on. */
const bearOnTheirAssets = new Set(['detection_asset', 'validation', 'invalidation'])
const bearOnAllAssets = new Set(['infrastructure_change', 'decay_policy'])
/** So that none takes as long as a request may. */
const validationsPerSlice = 50_000

/** Error codes of a server that is unwell; any other code stops the process with the block named. */
const transientCodes = new Set([
  '159', // TIMEOUT_EXCEEDED
  '164', // READONLY
  '198', // DNS_ERROR
  '202', // TOO_MANY_SIMULTANEOUS_QUERIES
  '203', // NO_FREE_CONNECTION
  '209', // SOCKET_TIMEOUT
  '210', // NETWORK_ERROR
  '225', // NO_ZOOKEEPER
  '236', // ABORTED
  '241', // MEMORY_LIMIT_EXCEEDED
  '242', // TABLE_IS_READ_ONLY
  '243', // NOT_ENOUGH_SPACE
  '252', // TOO_MANY_PARTS
  '279', // ALL_CONNECTION_TRIES_FAILED
  '285', // TOO_FEW_LIVE_REPLICAS
  '286', // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
  '319', // UNKNOWN_STATUS_OF_INSERT
  '394', // QUERY_WAS_CANCELLED
  '425', // SYSTEM_ERROR
  '439', // CANNOT_SCHEDULE_TASK
  '745', // SERVER_OVERLOADED
  '999', // KEEPER_EXCEPTION
])

export class ClickHouseStore implements Store {
  readonly #client: ClickHouseClient
  readonly #statements = new Map<TableName, string>()

  constructor(client: ClickHouseClient) {
    this.#client = client
  }

  async id(): Promise<string> {
    const [row] = await this.#select<{ id: string }>('store_id', {})
    if (row === undefined) {
      throw new TransientError(
        'store-missing',
        'The database has no store id: run `ttpstream migrate`.',
      )
    }
    return row.id
  }

  async insert<Name extends TableName>(
    name: Name,
    rows: readonly Row<Name>[],
    token: string,
  ): Promise<void> {
    if (rows.length === 0) return
    const body = encodeRows(name, rows)
    await ask(async () => {
      const { stream } = await this.#client.exec({
        query: this.#statement(name),
        values: Readable.from([body], { objectMode: false }),
        clickhouse_settings: { ...insertSettings, insert_deduplication_token: token },
      })
      for await (const _ of stream) {
        // An insert answers nothing; the stream must end for the connection to be used again.
      }
    })
    // Checked: the rows of this very table.
    if (name === 'catalog_events') await this.#foldSpans(rows as readonly Row<'catalog_events'>[])
  }

  /** What these changes bear on; all that is there is looked at, so that repeating it changes nothing. */
  async #foldSpans(changes: readonly Row<'catalog_events'>[]): Promise<void> {
    if (changes.some(({ kind }) => bearOnAllAssets.has(kind))) {
      await foldAllSpans(this.#client)
      return
    }
    const bearing = changes.filter(({ kind }) => bearOnTheirAssets.has(kind))
    const [change] = bearing
    if (change === undefined) return
    const offsets = bearing.map(({ offset }) => offset)
    const { log, topic, partition } = change
    const [first, last] = [Math.min(...offsets), Math.max(...offsets)]
    const block = { log, topic, partition, first, last }
    const { generation, validations } = await nextSpans(this.#client, block)
    if (Number(validations) === 0) return
    await foldSpans(this.#client, { ...block, slice: 0, slices: 1, generation })
  }

  async rowsOf<Name extends TableName>(name: Name, range: BlockRange): Promise<Row<Name>[]> {
    const rows = await this.#select<Record<string, unknown>>(`${name}_of_block`, { ...range })
    // Checked: decodeRow converts every declared column of this very table.
    return rows.map((row) => decodeRow(name, row) as Row<Name>)
  }

  async merges({ topic, partition }: TopicPartition): Promise<Row<'catalog_events'>[]> {
    const rows = await this.#select<Record<string, unknown>>('merge_log', { topic, partition })
    // Checked: decodeRow converts every declared column of this very table.
    return rows.map((row) => decodeRow('catalog_events', row) as Row<'catalog_events'>)
  }

  async newestProgress({ topic, partition }: TopicPartition): Promise<Progress | null> {
    const [row] = await this.#select<Progress>('progress_newest', { topic, partition })
    return row ?? null
  }

  async progressEnding(
    { topic, partition }: TopicPartition,
    log: string,
    last: number,
  ): Promise<Progress | null> {
    const [row] = await this.#select<Progress>('progress_ending', { log, topic, partition, last })
    return row ?? null
  }

  #select<T>(view: string, parameters: Readonly<Record<string, unknown>>): Promise<T[]> {
    return selectView(this.#client, view, parameters, { quotes64: false })
  }

  #statement(name: TableName): string {
    const known = this.#statements.get(name)
    if (known !== undefined) return known
    const columns = Object.keys(tables[name]).map((column) => `\`${column}\``)
    const made = `INSERT INTO ${name} (${columns.join(', ')}) FORMAT RowBinary`
    this.#statements.set(name, made)
    return made
  }
}

/**
 * Works out `validation_spans` of all assets anew. After what no block of the catalogue tells: another
 * ATT&CK release, tables that came from a backup.
 */
export async function foldAllSpans(
  client: ClickHouseClient,
  { perSlice = validationsPerSlice } = {},
): Promise<void> {
  const next = await nextSpans(client, noBlock)
  const slices = Math.ceil(Number(next.validations) / perSlice)
  for (let slice = 0; slice < slices; slice += 1) {
    await foldSpans(client, { ...noBlock, slice, slices, generation: next.generation })
  }
}

interface NextSpans {
  /** 64 bits, in decimal. */
  readonly generation: string
  readonly validations: string
}

async function nextSpans(client: ClickHouseClient, block: BlockRange): Promise<NextSpans> {
  const view = 'validation_spans_next'
  const [next] = await selectView<NextSpans>(client, view, { ...block }, { quotes64: true })
  if (next === undefined) throw new Error(`the view ${view} gave no row`)
  return next
}

const noBlock = { log: '', topic: '', partition: 0, first: 0, last: 0 }

interface SpansToFold extends BlockRange {
  readonly slice: number
  readonly slices: number
  readonly generation: string
}

function foldSpans(client: ClickHouseClient, spans: SpansToFold): Promise<void> {
  return ask(async () => {
    await client.command({
      query: `INSERT INTO validation_spans SELECT * FROM ${callOf('validation_spans_folded', spans)}`,
      query_params: { ...spans },
      clickhouse_settings: foldSettings,
    })
  })
}

/** Few rows at a time: each carries the history of its asset. One part, written by one thread. */
const foldSettings: ClickHouseSettings = {
  ...insertSettings,
  insert_deduplicate: 0,
  max_block_size: '4096',
  max_insert_threads: '1',
}

/** Rows of a view. `quotes64`: 64-bit integers are texts, for they may be beyond what a number holds. */
export function selectView<T>(
  client: ClickHouseClient,
  view: string,
  parameters: Readonly<Record<string, unknown>>,
  { quotes64 }: { readonly quotes64: boolean },
): Promise<T[]> {
  return ask(async () => {
    const answer = await client.query({
      query: `SELECT * FROM ${callOf(view, parameters)}`,
      query_params: parameters,
      format: 'JSONEachRow',
      clickhouse_settings: { output_format_json_quote_64bit_integers: quotes64 ? 1 : 0 },
    })
    return answer.json<T>()
  })
}

function callOf(view: string, parameters: object): string {
  const list = Object.keys(parameters).map(
    (name) => `${name} = {${name}:${parameterTypes[name] ?? 'String'}}`,
  )
  return list.length === 0 ? view : `${view}(${list.join(', ')})`
}

const parameterTypes: Readonly<Record<string, string>> = {
  partition: 'UInt32',
  slice: 'UInt32',
  slices: 'UInt32',
  generation: 'UInt64',
  first: 'UInt64',
  last: 'UInt64',
  time_ms: 'UInt64',
}

/** What a failed question to ClickHouse means: again later, or never. */
export async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    const code = cause instanceof ClickHouseError ? cause.code : null
    const isTransient = code === null || transientCodes.has(code)
    if (!isTransient) throw cause
    throw new TransientError('clickhouse-unavailable', `ClickHouse: ${messageOf(cause)}`, { cause })
  }
}

function decodeRow(
  name: TableName,
  row: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const columns: readonly (readonly [string, ColumnType])[] = Object.entries(tables[name])
  return Object.fromEntries(
    columns.map(([column, type]) => [column, decodeValue(type, row[column])]),
  )
}

function decodeValue(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (type === 'time' || type === 'time?') return Date.parse(`${String(value).replace(' ', 'T')}Z`)
  return value
}
