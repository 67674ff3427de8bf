/**
 * Keeps `validation_spans`: in which spans of time each validation is valid. They follow from all that the catalogue
 * holds, so that working them out again changes nothing.
 *
 * Contract: whoever inserts into the catalogue works out afterwards what it bears on. A generation is asked for first:
 * of two that are at it at once, the one with the higher generation has seen what the other has.
 */

import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import type { Row } from '../../schemas/table.ts'
import { ask, callOf, insertSettings, selectView } from './ask.ts'
import type { BlockRange } from './block.ts'

/** Kinds of catalog records that the spans of `validation_spans` depend on. */
const bearOnTheirAssets = new Set(['detection_asset', 'validation', 'invalidation'])
const bearOnAllAssets = new Set(['infrastructure_change', 'decay_policy'])
/** So that none takes as long as a request may. */
const validationsPerSlice = 50_000

/** What changes of the catalogue bear on, once they are there. */
export async function foldSpans(
  client: ClickHouseClient,
  changes: readonly Row<'catalog_events'>[],
): Promise<void> {
  if (changes.some(({ kind }) => bearOnAllAssets.has(kind))) {
    await foldAllSpans(client)
    return
  }
  const bearing = changes.filter(({ kind }) => bearOnTheirAssets.has(kind))
  const [change] = bearing
  if (change === undefined) return
  const offsets = bearing.map(({ offset }) => offset)
  const { log, topic, partition } = change
  const [first, last] = [Math.min(...offsets), Math.max(...offsets)]
  const block = { log, topic, partition, first, last }
  const { generation, validations } = await nextSpans(client, block)
  if (Number(validations) === 0) return
  await fold(client, { ...block, slice: 0, slices: 1, generation })
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
    await fold(client, { ...noBlock, slice, slices, generation: next.generation })
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

function fold(client: ClickHouseClient, spans: SpansToFold): Promise<void> {
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
