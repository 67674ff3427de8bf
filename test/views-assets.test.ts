import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack } from './views/catalog-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { alerts, catalog, compared, instants, loadWorld, worldAt } from './views/lifecycle-world.ts'
import { isoTime } from './views/load.ts'
import { alertStates } from './views/oracle/alerts.ts'
import {
  alertQuality,
  assetsAt,
  coverageWeeks,
  dashboardAt,
  detecting,
} from './views/oracle/assets.ts'
import { printSeed } from './views/seed.ts'

/** The list of assets, what rules can detect, alerts, weeks and totals, against what is worked out by hand. */

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of assets')
  database = await openViewsDatabase()
  await loadWorld(database)
}, 60_000)
afterAll(() => database.close())

async function read(view: string, parameters: Record<string, string | number>) {
  return database.views.select<Record<string, unknown>>(view, parameters)
}

test('an asset is listed with its health, techniques and how validations stand', async () => {
  for (const atMs of instants) {
    const expected = assetsAt(catalog, worldAt(atMs))
    const seen = await read('detection_assets', { at_s: atMs / 1000, asset_id: '' })
    expect(compared(seen, ['asset_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['asset_id']),
    )
  }
})

test('one asset is asked for as it is in the list', async () => {
  const at_s = Number(instants[1]) / 1000
  const all = await read('detection_assets', { at_s, asset_id: '' })
  for (const row of all.slice(0, 3)) {
    const asset_id = String(row['asset_id'])
    expect(await read('detection_assets', { at_s, asset_id })).toEqual([row])
  }
})

test('a rule can detect while it is in service, not disabled, and its log source arrives', async () => {
  let techniques = 0
  for (const atMs of instants) {
    const expected = detecting(catalog, worldAt(atMs))
    const seen = await read('coverage', { at_s: atMs / 1000 })
    const can = seen.filter((row) => row['can_detect'] === true)
    const counts = can.map((row) => [String(row['technique_id']), row['detecting_assets']])
    expect(Object.fromEntries(counts), isoTime(atMs)).toEqual(Object.fromEntries(expected))
    techniques += expected.size
  }
  expect(techniques).toBeGreaterThan(0)
})

test('how right alerts are is counted one by one, whatever is asked', async () => {
  const latest = Number(instants[2]) / 1000
  for (const atMs of instants) {
    for (const asked of [
      { from_s: 0, to_s: latest, technique_id: '', tactic: '' },
      { from_s: latest - 200 * 86_400, to_s: latest - 40 * 86_400, technique_id: '', tactic: '' },
      { from_s: 0, to_s: latest, technique_id: 'T1003', tactic: '' },
      { from_s: 0, to_s: latest, technique_id: 'T1003.001', tactic: '' },
      { from_s: 0, to_s: latest, technique_id: '', tactic: 'TA0002' },
    ]) {
      const expected = alertQuality(alertStates(alerts, catalog, atMs), asked, attack)
      const [seen = {}] = await read('alert_quality', { at_s: atMs / 1000, ...asked })
      expect(compared([seen], []), JSON.stringify(asked)).toEqual(compared([expected], []))
    }
  }
})

test('weeks tell which techniques rose and fell between their ends', async () => {
  for (const atMs of instants.slice(0, 2)) {
    const expected = coverageWeeks(worldAt(atMs), attack)
    expect(await read('coverage_weeks', { at_s: atMs / 1000 }), isoTime(atMs)).toEqual(expected)
  }
})

test('the totals are those of the lists', async () => {
  for (const atMs of instants) {
    const expected = dashboardAt(catalog, worldAt(atMs), attack)
    expect(await read('lifecycle_dashboard', { at_s: atMs / 1000 })).toMatchObject([expected])
  }
})
