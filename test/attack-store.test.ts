import { expect, test } from 'vitest'
import { findStoredUses } from '../cli/attack-uses.ts'
import { catalogRows } from './views/catalog-rows.ts'
import { openViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { testRow } from './views/test-histories.ts'

test('mappings and tests of the store are found too', async () => {
  const database = await openViewsDatabase()
  const catalog = catalogRows([
    {
      kind: 'detection_asset',
      id: 'a1',
      event_time: 1_790_000_000_000,
      entity: { name: 'A', asset_type: 'edr', platform: 'windows' },
    },
    {
      kind: 'mapping',
      id: 'a1/T1033',
      event_time: 1_790_000_000_001,
      entity: { asset_id: 'a1', technique_id: 'T1033' },
    },
    {
      kind: 'mapping',
      id: 'a1/T1082',
      event_time: 1_790_000_000_002,
      entity: { asset_id: 'a1', technique_id: 'T1082' },
    },
  ])
  await load(database, 'catalog_events', catalog, { blocks: 1 })
  await load(database, 'test_events', [testRow({ test_id: 't1', technique_id: 'T1057' })], {
    blocks: 1,
  })
  const stored = await findStoredUses(database.views, new Set(['T1033', 'T1057']), 1_800_000_000)
  expect(stored).toEqual([
    { id: 'T1033', kind: 'mapping', of: 'a1' },
    { id: 'T1057', kind: 'test', of: 't1' },
  ])
  await database.close()
}, 60_000)
