import { readAssets } from '../../api/lifecycle/asset-schema.ts'
import type { Views } from '../../core/clickhouse.ts'

/** Detection assets as the API lists them, by the name that views have for their ids. */
export async function listed(database: { readonly views: Views }, atMs: number): Promise<object[]> {
  const assets = await readAssets(database, atMs / 1000)
  return assets.map(({ id, ...asset }) => ({ ...asset, asset_id: id }))
}
