import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AlertRow, alertRow } from './views/alert-histories.ts'
import { attack } from './views/catalog-histories.ts'
import { catalogRows } from './views/catalog-rows.ts'
import { commandRow } from './views/command-row.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { alertStates } from './views/oracle/alerts.ts'
import { type Observations, observe, type Seen, survival } from './views/oracle/observed.ts'
import {
  everything,
  isSelected,
  latestRounds,
  type TestRow,
  testRounds,
} from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { type TagRow, tagRow } from './views/tag-histories.ts'
import { day0, testRow } from './views/test-histories.ts'

/** What was observed of tests, against an oracle that takes one signal at a time. */

const hourMs = 3_600_000
const techniques = ['T1003', 'T1003.001', 'T1003.006', 'T1059', 'T1078']
const hosts = ['ws5', 'ws6', 'dc1', '10.0.0.7']
/** Twelve days in steps of half an hour, with seconds that meet the slack. */
const instant = fc
  .tuple(fc.integer({ min: 0, max: 12 * 48 }), fc.constantFrom(0, 0, 59_000, 60_000, 61_000))
  .map(([halves, ms]) => day0 + (halves * hourMs) / 2 + ms)
const names = fc
  .subarray(hosts, { maxLength: 2 })
  .map((machines) =>
    machines.flatMap((host) => (host === 'ws5' ? ['ws5.example.local', 'ws5'] : [host])),
  )

const testUpdate = fc.record({
  test: fc.integer({ min: 0, max: 45 }),
  round: fc.constantFrom(null, null, null, 2),
  technique_id: fc.constantFrom(...techniques, null),
  hosts: names,
  targets: fc.constantFrom<string[]>([], [], ['dc1']),
  red_started_at: fc.oneof({ weight: 6, arbitrary: instant }, fc.constant(null)),
  blue_validated_at: fc.oneof(instant, fc.constant(null)),
  state: fc.constantFrom('validated', 'draft', null, 'odd'),
  detection_result: fc.constantFrom('detected', 'not_detected', null),
  platform: fc.constantFrom('windows', 'linux', null),
  exercise: fc.constantFrom('e1', 'e2', null),
  red_team: fc.constantFrom('red', null),
  blue_team: fc.constantFrom('blue', 'red', null),
})
const tests: TestRow[] = fc
  .sample(testUpdate, { seed, numRuns: 60 })
  .map(({ test, ...given }, offset) =>
    testRow({ ...given, test_id: `t${test}`, offset, event_time: day0, record_time: day0 }),
  )

const signal = fc.record({
  at: instant,
  technique: fc.constantFrom(...techniques),
  host: fc.constantFrom('WS5.corp', 'ws6', 'DC1', '10.0.0.7', 'elsewhere', ''),
  later: fc.constantFrom(0, 30_000, 2 * hourMs, 30 * hourMs),
})
const tags: TagRow[] = fc
  .sample(signal, { seed, numRuns: 80 })
  .map(({ at, technique, host, later }, offset) =>
    tagRow({
      offset,
      event_time: at,
      ingest_time: at + later,
      tagged_time: at + later + 5,
      host,
      technique_id: technique.slice(0, 5),
      sub_technique_id: technique.length > 5 ? technique : '',
    }),
  )
const alerts: AlertRow[] = fc
  .sample(
    fc.record({
      at: instant,
      technique_ids: fc.subarray(techniques, { maxLength: 2 }),
      hosts: names,
      raisedLater: fc.constantFrom(0, 90_000, 3 * hourMs, 26 * hourMs),
      acknowledged: fc.constantFrom(null, 5 * hourMs),
      asset_id: fc.constantFrom('as1', 'as2', null),
      rule_id: fc.constantFrom('x1', 'x2', null),
    }),
    { seed, numRuns: 60 },
  )
  .map(({ at, technique_ids, hosts, raisedLater, acknowledged, asset_id, rule_id }, offset) =>
    alertRow({
      alert_id: `a${offset}`,
      offset,
      event_time: at,
      record_time: at,
      raised_at: at + raisedLater,
      technique_ids,
      hosts,
      asset_id,
      rule_system: rule_id === null ? null : 'siem',
      rule_id,
      acknowledged_at: acknowledged === null ? null : at + acknowledged,
    }),
  )
const assetNamed = (id: string, rule: string) => ({
  kind: 'detection_asset',
  id,
  event_time: day0,
  entity: { name: id, asset_type: 'siem', external_ids: [{ system: 'siem', id: rule }] },
})
const mapping = (asset_id: string, technique_id: string) => ({
  kind: 'mapping',
  id: `${asset_id} ${technique_id}`,
  event_time: day0,
  entity: { asset_id, technique_id },
})
/** An alert that names no technique is one of those its asset is mapped to. */
const catalog = catalogRows([
  assetNamed('as1', 'x1'),
  assetNamed('as2', 'x2'),
  mapping('as1', 'T1003'),
  mapping('as2', 'T1059'),
  mapping('as2', 'T1078'),
  { ...mapping('as2', 'T1078'), op: 'delete', event_time: day0 + 5 * 24 * hourMs },
])
const commands = fc
  .sample(signal, { seed: seed + 1, numRuns: 40 })
  .map(({ at, host }, offset) => commandRow({ offset, event_time: at, host }))

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of what was observed')
  database = await openViewsDatabase()
  await load(database, 'test_events', tests, { blocks: 2 })
  await load(database, 'tags', tags, { blocks: 2 })
  await load(database, 'catalog_events', catalog, { blocks: 2 })
  await load(database, 'alert_events', alerts, { blocks: 2 })
  await load(database, 'commands', commands, { blocks: 2 })
}, 60_000)
afterAll(() => database.close())

function worldAt(atMs: number): Observations {
  const rounds = testRounds(tests, atMs)
  return { atMs, rounds, tags, alerts: alertStates(alerts, catalog, atMs), commands }
}

const asked = [
  { atMs: day0 + 30 * 24 * hourMs, wanted: everything },
  { atMs: day0 + 6 * 24 * hourMs, wanted: { ...everything, technique_id: 'T1003' } },
  {
    atMs: day0 + 30 * 24 * hourMs,
    wanted: { ...everything, from_s: day0 / 1000 + 3 * 86_400, to_s: day0 / 1000 + 5 * 86_400 },
  },
  { atMs: day0 + 30 * 24 * hourMs, wanted: { ...everything, exercise: 'e1' } },
  { atMs: day0 + 9 * 24 * hourMs, wanted: { ...everything, exercise: 'e2', platform: 'Windows' } },
  { atMs: day0 + 30 * 24 * hourMs, wanted: { ...everything, tactic: 'TA0006', team: 'red' } },
]

test.concurrent('signals go to the latest test they can tell of, and misses are explained', async () => {
  for (const { atMs, wanted } of asked) {
    const world = worldAt(atMs)
    const chosen = latestRounds(world.rounds).filter((one) => isSelected(one, wanted, attack))
    const expected = observe(world, chosen)
    const parameters = { at_s: atMs / 1000, ...wanted }
    const seen = await database.views.select<Seen>('observed_detection', parameters)
    const members = Object.keys(expected[0] ?? {})
    expect(byTest(seen.map((row) => only(row, members)))).toEqual(byTest(expected))
  }
})

test.concurrent('stages are summed up by group, the missed ones censored', async () => {
  const [{ atMs, wanted } = { atMs: 0, wanted: everything }] = asked
  const world = worldAt(atMs)
  const chosen = latestRounds(world.rounds).filter((one) => isSelected(one, wanted, attack))
  const expected = observe(world, chosen)
  const rows = await database.views.select<Record<string, unknown>>('observed_summary', {
    at_s: atMs / 1000,
    ...wanted,
  })
  const groupsOf = (index: number) => {
    const { technique_id = null, platform = null } = chosen[index] ?? {}
    const tactics = attack.technique(technique_id ?? '')?.tactics ?? []
    return [
      'all ',
      ...tactics.map((tactic) => `tactic ${tactic}`),
      ...(technique_id === null ? [] : [`technique ${technique_id.slice(0, 5)}`]),
      ...(platform === null ? [] : [`platform ${platform}`]),
    ]
  }
  const groups = new Map<string, Seen[]>()
  for (const [index, seen] of expected.entries()) {
    for (const group of groupsOf(index)) groups.set(group, [...(groups.get(group) ?? []), seen])
  }
  expect(new Set(rows.map((row) => `${row['group_kind']} ${row['group_value']}`))).toEqual(
    new Set(groups.keys()),
  )
  expect(rows).toHaveLength(groups.size * 7)
  for (const row of rows) {
    const group = `${row['group_kind']} ${row['group_value']}`
    const members = groups.get(group) ?? []
    // Checked: the view's stages are those of the columns.
    const stage = `${row['stage']}_seconds` as keyof Seen
    expect(row, `${group} ${stage}`).toMatchObject({
      ...survival(members, stage),
      coincidental: members.filter((one) => one.is_coincidental).length,
      miss_reasons: counted(members.map((one) => one.miss_reason)),
      disagreements: counted(members.map((one) => one.disagreement)),
      excluded: counted(members.map((one) => one.excluded_reason)),
    })
  }
})

function counted(values: readonly (string | null)[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) if (value !== null) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

function only(row: object, members: readonly string[]): object {
  return Object.fromEntries(Object.entries(row).filter(([name]) => members.includes(name)))
}

function byTest(rows: readonly object[]): Record<string, object> {
  return Object.fromEntries(
    rows.map((row) => ['test_id' in row ? String(row.test_id) : '', row] as const),
  )
}
