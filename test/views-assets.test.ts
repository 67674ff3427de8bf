import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAssets } from '../api/lifecycle/asset-schema.ts'
import { checkedClient, type Send, testApp } from './api-client.ts'
import { attack, catalogDay0, halfDayMs } from './views/catalog-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import {
  alerts,
  catalog,
  compared,
  instants,
  lifecycle,
  loadWorld,
  tags,
  worldAt,
} from './views/lifecycle-world.ts'
import { listed } from './views/listed.ts'
import { isoTime } from './views/load.ts'
import { alertStates } from './views/oracle/alerts.ts'
import {
  alertQuality,
  assetsAt,
  coverageWeeks,
  dashboardAt,
  detecting,
} from './views/oracle/assets.ts'
import { activityAt, coverageAt, isInScope, type Scope, totals } from './views/oracle/coverage.ts'
import { candidatesAt, infrastructureAt, policiesAt } from './views/oracle/records.ts'
import { inOrder } from './views/oracle/tests.ts'
import { printSeed } from './views/seed.ts'

/** The list of assets, what rules can detect, alerts, weeks and totals, against what is worked out by hand. */

let database: ViewsDatabase
let send: Send

beforeAll(async () => {
  printSeed('views of assets')
  database = await openViewsDatabase()
  send = checkedClient(testApp({ views: database.views }))
  await loadWorld(database)
}, 60_000)
afterAll(() => database.close())

async function read(view: string, parameters: Record<string, string | number | string[]>) {
  return database.views.select<Record<string, unknown>>(view, parameters)
}

test('an asset is listed with its health, techniques and how validations stand', async () => {
  for (const atMs of instants) {
    const expected = assetsAt(catalog, worldAt(atMs))
    const seen = await listed(database, atMs)
    expect(compared(seen, ['asset_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['asset_id']),
    )
  }
})

test('one asset is asked for as it is in the list', async () => {
  const at_s = Number(instants[1]) / 1000
  const all = await readAssets(database, at_s)
  for (const one of all.slice(0, 3)) expect(await readAssets(database, at_s, one.id)).toEqual([one])
})

test('validations come with the records that told them, the first where an id came twice', async () => {
  const [, atMs = 0] = instants
  const told = catalog
    .filter(({ kind, op }) => kind === 'validation' && op === 'put')
    .toSorted((a, b) => -inOrder(a, b))
  const records = new Map(told.map((row) => [row.id, row]))
  const valid = lifecycle.validations(atMs)
  const [some] = valid
  for (const asked of [
    { asset_id: '', validation_id: '' },
    { asset_id: some?.assetId ?? '', validation_id: '' },
    { asset_id: '', validation_id: some?.id ?? '' },
    { asset_id: 'no-such-asset', validation_id: '' },
  ]) {
    const expected = valid
      .filter((one) => ['', one.assetId].includes(asked.asset_id))
      .filter((one) => ['', one.id].includes(asked.validation_id))
      .map((one) => {
        const record = records.get(one.id)
        return {
          validation_id: one.id,
          asset_id: one.assetId,
          technique_id: one.techniqueId,
          causes: one.causes,
          is_valid: one.causes.length === 0,
          entity: record?.entity,
          derived: record?.derived,
          recorded_by: record?.actor,
          recorded_at: record?.event_time,
        }
      })
    const seen = await read('asset_validations', { at_s: atMs / 1000, ...asked })
    expect(compared(seen, ['validation_id'], expected[0]), JSON.stringify(asked)).toEqual(
      compared(expected, ['validation_id']),
    )
  }
})

test('a candidate is what a rule was made into until somebody adopts it', async () => {
  let candidates = 0
  for (const atMs of instants) {
    const expected = candidatesAt(catalog, atMs)
    const seen = await read('candidate_assets', { at_s: atMs / 1000 })
    expect(compared(seen, ['asset_id']), isoTime(atMs)).toEqual(compared(expected, ['asset_id']))
    candidates += expected.length
  }
  expect(candidates).toBeGreaterThan(0)
})

test.each([
  ['infrastructure_changes', 'change_id', infrastructureAt],
  ['decay_policies', 'policy_id', policiesAt],
] as const)('%s is the fold of its records as of any instant', async (view, key, oracle) => {
  let known = 0
  for (const atMs of [...instants, catalogDay0 + 77 * halfDayMs, catalogDay0 + 450 * halfDayMs]) {
    const expected = oracle(catalog, atMs)
    const seen = await read(view, { at_s: atMs / 1000 })
    const put = seen.filter((row) => Date.parse(String(row['updated_at'])) > 0)
    expect(compared(put, [key], expected[0] ?? {}), isoTime(atMs)).toEqual(
      compared(expected, [key]),
    )
    known += expected.length
  }
  expect(known).toBeGreaterThan(5)
})

test('beside its status a technique has its detections and its tags, those of sub-techniques too', async () => {
  for (const atMs of instants) {
    const expected = activityAt(worldAt(atMs), tags, attack)
    const seen = await read('coverage', { at_s: atMs / 1000 })
    expect(compared(seen, ['technique_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['technique_id']),
    )
  }
})

test('coverage of a scope has its own denominators, and none where there is nothing to cover', async () => {
  const [, , latest = 0] = instants
  const covered = coverageAt(lifecycle, latest, attack)
  const world = worldAt(latest)
  const can = new Set(detecting(catalog, world).keys())
  const tagged = activityAt(world, tags, attack).filter((row) => Number(row['tags']) > 0)
  const told = (scope: Scope) => {
    const inside = new Set(covered.filter(isInScope(scope)).map(({ technique }) => technique.id))
    return {
      can_detect: [...inside].filter((id) => can.has(id)).length,
      seen: tagged.filter((row) => inside.has(String(row['technique_id']))).length,
    }
  }
  for (const scope of [
    { domain: 'ics-attack', platforms: [], tactics: [] },
    { domain: '', platforms: ['wINDOWS'], tactics: [] },
    { domain: '', platforms: ['Linux', 'macOS'], tactics: ['TA0006', 'TA0001'] },
    { domain: 'enterprise-attack', platforms: [], tactics: ['TA0003'] },
    { domain: '', platforms: ['no such'], tactics: [] },
  ]) {
    const expected = { ...totals(covered, attack, scope), ...told(scope) }
    const seen = await read('coverage_scope', { at_s: latest / 1000, ...scope })
    expect(compared(seen, [], expected), JSON.stringify(scope)).toEqual(compared([expected], []))
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
    const { assets, coverage, confidence, ...expected } = dashboardAt(
      catalog,
      worldAt(atMs),
      attack,
    )
    const at = encodeURIComponent(isoTime(atMs))
    const { body } = await send(`/api/v1/detection-lifecycle/dashboard?at=${at}`)
    expect(body, isoTime(atMs)).toMatchObject({
      ...expected,
      assets,
      coverage: { ...coverage, coverage_pct: near(coverage.coverage_pct) },
      confidence: { ...confidence, score_mean: near(confidence.score_mean) },
    })
  }
})

/** Sums of floats differ in the last digits. */
function near(value: number | null): unknown {
  return value === null ? null : expect.closeTo(value, 9)
}
