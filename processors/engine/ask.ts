/** What the engine asks ClickHouse: settings of an insert, rows of a view, and what a failure means. */

import {
  type ClickHouseClient,
  ClickHouseError,
  type ClickHouseSettings,
  type QueryParams,
} from '@clickhouse/client'
import { messageOf, TransientError } from '../../core/error.ts'
import { namedRows, readNamedRows } from '../../core/named-rows.ts'

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

/** Names all ids of a block. */
export const longQuery: ClickHouseSettings = { max_query_size: String(64 << 20) }

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

/** Rows of a view. `quotes64`: 64-bit integers are texts, for they may be beyond what a number holds. */
export function selectView<T>(
  client: ClickHouseClient,
  view: string,
  parameters: Readonly<Record<string, unknown>>,
  { quotes64 }: { readonly quotes64: boolean },
): Promise<T[]> {
  const list = Object.keys(parameters).map(
    (name) => `${name} = {${name}:${parameterTypes[name] ?? 'String'}}`,
  )
  const call = list.length === 0 ? view : `${view}(${list.join(', ')})`
  return askRows<T>(client, {
    query: `SELECT * FROM ${call}`,
    query_params: parameters,
    clickhouse_settings: { output_format_json_quote_64bit_integers: quotes64 ? 1 : 0 },
  })
}

/** The rows that a query answers, as objects. */
export function askRows<T>(
  client: ClickHouseClient,
  question: Pick<QueryParams, 'query' | 'query_params' | 'clickhouse_settings'>,
): Promise<T[]> {
  return ask(async () => readNamedRows<T>(await client.query({ ...question, format: namedRows })))
}

const parameterTypes: Readonly<Record<string, string>> = {
  partition: 'UInt32',
  first: 'UInt64',
  last: 'UInt64',
  time_ms: 'UInt64',
}

/** Fills `table` with rows of `<table>_folded(parameters)`: what follows from rows that are there. */
export function insertFolded(
  client: ClickHouseClient,
  table: string,
  parameters: string,
): Promise<void> {
  return ask(async () => {
    await client.command({
      query: `INSERT INTO ${table} SELECT * FROM ${table}_folded(${parameters})`,
      clickhouse_settings: foldSettings,
    })
  })
}

/** Few rows at a time: each carries a history. One part, written by one thread; done again it changes nothing. */
const foldSettings: ClickHouseSettings = {
  ...insertSettings,
  ...longQuery,
  insert_deduplicate: 0,
  max_block_size: '4096',
  max_insert_threads: '1',
  // As the API says: a fifth of planning, for nothing.
  optimize_and_compare_chain: 0,
}

/** What a failed question to ClickHouse means: again later, or never. */
export async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (cause) {
    if (cause instanceof TransientError) throw cause
    const code = cause instanceof ClickHouseError ? cause.code : null
    const isTransient = code === null || transientCodes.has(code)
    if (!isTransient) throw cause
    throw new TransientError('clickhouse-unavailable', `ClickHouse: ${messageOf(cause)}`, { cause })
  }
}
