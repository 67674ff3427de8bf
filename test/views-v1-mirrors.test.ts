import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Parameter } from '../core/clickhouse.ts'
import { readV1Views } from '../scripts/v1-views.ts'
import { attack, catalogDay0 } from './views/catalog-histories.ts'
import { type Change, catalogRows } from './views/catalog-rows.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { progressRows, sampleProgress } from './views/ingest-histories.ts'
import { catalog, commands, loadWorld, tags, tests } from './views/lifecycle-world.ts'
import { load } from './views/load.ts'
import { confidenceReports, sourceDays, tagDays, v1Tags } from './views/oracle/daily.ts'
import { latestRounds, netHours, testRounds } from './views/oracle/tests.ts'
import { printSeed, seed } from './views/seed.ts'
import { snapshotRow } from './views/snapshot-row.ts'
import { sampleTests } from './views/test-histories.ts'
import { workedTests } from './views/worked-tests.ts'

/** Every v1 view says what the read that it is made of says, or what is counted by hand from the rows. */

const snapshots = [snapshotRow(1, { coverage_pct: 12.5 }), snapshotRow(2, { coverage_pct: null })]
const sampled = [...sampleTests(seed, 120), ...workedTests.flatMap(({ rows }) => rows)]
/** An asset that is taken out of service within the span: something is lost whatever else happens. */
const lost = catalogRows(
  [
    told('detection_asset', 'lost', 10, { name: 'Lost', asset_type: 'edr' }),
    told('mapping', 'lost/T1105', 10, { asset_id: 'lost', technique_id: 'T1105' }),
    told('validation', 'lost-1', 15, { asset_id: 'lost', validation_result: 'detected' }),
    told('detection_asset', 'lost', 100, { name: 'Lost', asset_type: 'edr', is_active: false }),
  ],
  { firstOffset: 70_000 },
)

function told(kind: string, id: string, days: number, entity: Found): Change {
  return { kind, id, event_time: catalogDay0 + days * 86_400_000, entity }
}

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('v1 views and what they mirror')
  database = await openViewsDatabase()
  await loadWorld(database)
  await load(database, 'catalog_events', [...snapshots, ...lost], { blocks: 1 })
  await load(database, 'test_events', sampled, { blocks: 2 })
  await load(database, 'ingest_progress', progressRows(sampleProgress(seed, 40)), { blocks: 2 })
}, 240_000)
afterAll(() => database.close())

type Found = Record<string, unknown>

async function read(view: string, parameters: Readonly<Record<string, Parameter>> = {}) {
  return database.views.select<Found>(view, parameters)
}

const every = { exercise: '', technique_id: '', tactic: '', platform: '', team: '' }
const ever = { from_s: 0, to_s: 4_102_444_800 }
const span = { from_s: catalogDay0 / 1000 + 20 * 86_400, to_s: catalogDay0 / 1000 + 200 * 86_400 }

interface Mirror {
  readonly view: string
  readonly parameters?: Readonly<Record<string, Parameter>>
  readonly read: string
  readonly asked: (atS: number) => Readonly<Record<string, Parameter>>
  /** Where a v1 column is not the read's of the same name. */
  readonly told?: (row: Found) => Found
}

const scores = ['score', 'recency', 'coverage', 'health', 'diversity']

const mirrors: readonly Mirror[] = [
  {
    view: 'v1_confidence',
    read: 'technique_confidence',
    asked: (at_s) => ({ at_s }),
    told: (row) =>
      row['detection_count'] === 0 ? Object.fromEntries(scores.map((name) => [name, null])) : {},
  },
  {
    view: 'v1_coverage',
    read: 'coverage',
    asked: (at_s) => ({ at_s }),
  },
  {
    view: 'v1_coverage_total',
    parameters: { at_s: span.to_s },
    read: 'coverage_total',
    asked: () => ({ at_s: span.to_s }),
  },
  {
    view: 'v1_coverage_regression',
    parameters: span,
    read: 'coverage_regression',
    asked: () => span,
  },
  {
    view: 'v1_coverage_daily',
    read: 'coverage_snapshots',
    asked: (at_s) => ({ at_s }),
    told: ({ date }) => ({ day: date }),
  },
  {
    view: 'v1_validations',
    read: 'validity',
    asked: (at_s) => ({ at_s, asset_id: '' }),
    told: ({ is_valid }) => ({ is_valid: is_valid === 1 }),
  },
  {
    view: 'v1_observed_detection',
    read: 'observed_detection',
    asked: (at_s) => ({ at_s, ...ever, ...every }),
  },
  {
    view: 'v1_observed_summary',
    parameters: span,
    read: 'observed_summary',
    asked: () => ({ at_s: span.to_s, ...span, ...every }),
    told: ({ group_value }) => ({ group_value }),
  },
  {
    view: 'v1_tests',
    read: 'test_selection',
    asked: (at_s) => ({ at_s, rounds: 'latest', ...ever, ...every }),
    told: ({ test_id }) => hoursOf.get(String(test_id)) ?? {},
  },
  {
    view: 'v1_ingest_health',
    read: 'ingest_health',
    asked: () => ({}),
  },
]

/** By test, worked out from its state. */
const hoursOf = new Map(
  latestRounds(testRounds([...sampled, ...tests], Number.POSITIVE_INFINITY)).map((state) => [
    state.test_id,
    { mttd_hours: netHours(state, 'mttd'), mttr_hours: netHours(state, 'mttr') },
  ]),
)

test.each(mirrors)('$view says what $read says', async (mirror) => {
  const seen = await read(mirror.view, mirror.parameters)
  const computedAt = seen[0]?.['computed_at']
  // As of the same instant where it is told: some numbers fade.
  const isTold = typeof computedAt === 'string' && mirror.view !== 'v1_coverage_daily'
  const atS = isTold ? Date.parse(computedAt) / 1000 : Date.now() / 1000
  const mirrored = (await read(mirror.read, mirror.asked(atS))).map((row) => {
    const nulled = Object.entries(row).map(([name, value]) => [name, value === '' ? null : value])
    return { ...Object.fromEntries(nulled), ...mirror.told?.(row) }
  })
  const [first = {}] = seen
  const columns = Object.keys(first).filter(
    (name) => mirrored[0] !== undefined && name in mirrored[0] && !isWhenRead(name, mirror),
  )
  expect(seen.length).toBeGreaterThan(0)
  // The dimension of the present, or all that v1 shows.
  expect(columns.length).toBeGreaterThanOrEqual(Object.keys(first).length - 1)
  expect(listed(seen, columns)).toEqual(listed(mirrored, columns))
})

function isWhenRead(name: string, { view }: Mirror): boolean {
  return name === 'computed_at' && view !== 'v1_coverage_daily'
}

/** In no order: a key may come several times, as a technique that lost two of its sub-techniques does. */
function listed(rows: readonly Found[], columns: readonly string[]): readonly string[] {
  return rows.map((row) => JSON.stringify(columns.map((name) => [name, rounded(row[name])]))).sort()
}

/** To what a second of fading changes. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value
}

test('v1_test_times has MTTD and MTTR as they are over the same range', async () => {
  const begun = { from_s: 0, to_s: 1_790_000_000 }
  const seen = await read('v1_test_times', begun)
  for (const metric of ['mttd', 'mttr']) {
    const [row = {}] = await read(`test_${metric}`, { at_s: begun.to_s, ...begun, ...every })
    const { excluded: _, ...told } = row
    expect(seen.find((one) => one['metric'] === metric)).toMatchObject(told)
    expect(Number(row['sample_size'])).toBeGreaterThan(0)
  }
})

test.each([
  ['v1_sources_daily', () => sourceDays(commands)],
  ['v1_tags_daily', () => tagDays(tags)],
  ['v1_tags', () => v1Tags(tags)],
  ['v1_confidence_daily', () => confidenceReports([...catalog, ...snapshots], Date.now())],
] as const)('%s is counted by hand from the rows', async (view, oracle) => {
  const expected = oracle()
  const [like = {}] = expected
  const seen = (await read(view)).map((row) =>
    Object.fromEntries(Object.keys(like).map((name) => [name, rounded(row[name])])),
  )
  expect(sorted(seen)).toEqual(sorted(expected))
})

function sorted(rows: readonly Found[]): readonly string[] {
  return rows.map((row) => JSON.stringify(Object.entries(row).sort())).sort()
}

test('v1_techniques and v1_tactics are the release', async () => {
  const names = new Map(attack.tactics().map(({ id, name }) => [id, name]))
  const expected = attack.techniques().map((one) => ({
    technique_id: one.id,
    name: one.name,
    is_sub_technique: one.parentId !== undefined,
    parent_id: one.parentId ?? null,
    parent_name: attack.technique(one.parentId ?? '')?.name ?? null,
    tactic_ids: one.tactics,
    tactic_names: one.tactics.map((id) => names.get(id) ?? ''),
    platforms: one.platforms,
    domain: one.domain,
    is_active: !one.isRevoked && !one.isDeprecated,
    group_count: attack.groups(one.id).length,
    attack_release: attack.release,
  }))
  const columns = Object.keys(expected[0] ?? {})
  expect(listed(await read('v1_techniques'), columns)).toEqual(listed(expected, columns))
  const tactics = await read('v1_tactics')
  expect(new Map(tactics.map((row) => [row['tactic_id'], row['name']]))).toEqual(names)
})

test('no v1 view is left out here', () => {
  const here = [
    ...mirrors.map(({ view }) => view),
    ...['v1_test_times', 'v1_sources_daily', 'v1_tags_daily', 'v1_tags', 'v1_confidence_daily'],
    ...['v1_techniques', 'v1_tactics'],
    // views-v1.test.ts: the one letter that was written.
    'v1_dead_letters',
  ]
  expect(readV1Views().map(({ name }) => name)).toEqual(here.toSorted())
})
