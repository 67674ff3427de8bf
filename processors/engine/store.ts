/**
 * The engine's side of ClickHouse: one insert = one part per table, under a token that makes a
 * repeat a no-op in the table and in every view behind it.
 */

import { Readable } from 'node:stream'
import type { ClickHouseClient } from '@clickhouse/client'
import { TransientError } from '../../core/error.ts'
import type { TopicPartition } from '../../core/kafka.ts'
import { type ColumnType, type Row, type TableName, tables } from '../../schemas/table.ts'
import { ask, insertSettings, selectView } from './ask.ts'
import type { Progress } from './assignment.ts'
import type { BlockRange } from './block.ts'
import { encodeRows } from './row-binary.ts'
import { foldTestSpans } from './test-spans.ts'
import { foldValidationSpans } from './validation-spans.ts'

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
    // Checked, twice: the rows of this very table.
    if (name === 'catalog_events') {
      await foldValidationSpans(this.#client, rows as readonly Row<'catalog_events'>[])
    }
    if (name === 'test_events') {
      await foldTestSpans(this.#client, rows as readonly Row<'test_events'>[])
    }
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
