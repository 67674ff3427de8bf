/**
 * Keeps `validation_spans`: in which spans of time each validation is valid. They follow from all that the catalogue
 * holds, so that working them out again changes nothing.
 *
 * Contract: whoever inserts into the catalogue works out afterwards what it bears on. A generation is asked for first:
 * of two that are at it at once, the one with the higher generation has seen what the other has.
 */

import type { ClickHouseClient } from '@clickhouse/client'
import { arrayLiteral } from '../../core/sql-literal.ts'
import type { Row } from '../../schemas/table.ts'
import { ask, askRows, insertFolded, longQuery } from './ask.ts'

/** So that no statement is too long, and none takes as long as a request may. */
const assetsPerFold = 20_000
const validationsPerFold = 50_000

/** What changes of the catalogue bear on, once they are there. */
export async function foldValidationSpans(
  client: ClickHouseClient,
  changes: readonly Row<'catalog_events'>[],
): Promise<void> {
  const idsOf = (kind: string) =>
    changes.filter((change) => change.kind === kind).map(({ id }) => id)
  const named = {
    all_assets: idsOf('decay_policy').length > 0,
    assets: idsOf('detection_asset'),
    validations: [...idsOf('validation'), ...changes.flatMap(invalidated)],
    infrastructure_changes: idsOf('infrastructure_change'),
  }
  const { all_assets, ...ids } = named
  if (all_assets || Object.values(ids).some((some) => some.length > 0)) {
    await foldEach(client, await nextSpans(client, named))
  }
}

/**
 * Works out `validation_spans` of all assets anew. After what no block of the catalogue tells: another
 * ATT&CK release, tables that came from a backup. The rows that were there are merged away: as long as each is
 * there twice, a question takes twice as long.
 */
export async function foldAllValidationSpans(
  client: ClickHouseClient,
  limits: FoldLimits = {},
): Promise<void> {
  const all = { all_assets: true, assets: [], validations: [], infrastructure_changes: [] }
  await foldEach(client, await nextSpans(client, all), limits)
  await ask(() => client.command({ query: 'OPTIMIZE TABLE validation_spans FINAL' }))
}

interface FoldLimits {
  readonly assets?: number
  readonly validations?: number
}

/** What validation_spans_next is asked with: the ids of what a block of the catalogue is about. */
interface Named {
  readonly all_assets: boolean
  readonly assets: readonly string[]
  readonly validations: readonly string[]
  readonly infrastructure_changes: readonly string[]
}

/** An asset whose validations are to be worked out. */
interface NextSpans {
  readonly asset_id: string
  readonly validations: number
  /** 64 bits, in decimal. */
  readonly generation: string
}

function invalidated({ kind, entity }: Row<'catalog_events'>): string[] {
  if (kind !== 'invalidation') return []
  const { validation_id } = JSON.parse(entity) ?? {}
  return typeof validation_id === 'string' ? [validation_id] : []
}

function nextSpans(client: ClickHouseClient, named: Named): Promise<NextSpans[]> {
  return askRows<NextSpans>(client, {
    query: `SELECT * FROM validation_spans_next(
      all_assets = ${named.all_assets},
      assets = ${arrayLiteral(named.assets)},
      validations = ${arrayLiteral(named.validations)},
      infrastructure_changes = ${arrayLiteral(named.infrastructure_changes)})`,
    clickhouse_settings: { ...longQuery, output_format_json_quote_64bit_integers: 1 },
  })
}

async function foldEach(
  client: ClickHouseClient,
  next: readonly NextSpans[],
  { assets = assetsPerFold, validations = validationsPerFold }: FoldLimits = {},
): Promise<void> {
  let some: NextSpans[] = []
  let held = 0
  for (const [index, asset] of next.entries()) {
    some.push(asset)
    held += asset.validations
    if (index + 1 < next.length && some.length < assets && held < validations) continue
    await fold(client, some)
    some = []
    held = 0
  }
}

function fold(client: ClickHouseClient, spans: readonly NextSpans[]): Promise<void> {
  const assets = arrayLiteral(spans.map(({ asset_id }) => asset_id))
  const parameters = `assets = ${assets}, generation = ${spans[0]?.generation}`
  return insertFolded(client, 'validation_spans', parameters)
}
