import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runDecay } from '../cli/decay-run.ts'
import type { OutRecord } from '../core/kafka.ts'
import { DecayHoldings } from '../processors/decay.ts'
import type { TableName } from '../schemas/table.ts'
import { attack, catalogDay0, halfDayMs } from './views/catalog-histories.ts'
import { type Change, catalogRows } from './views/catalog-rows.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { earlierAndLater, isLaterRecord } from './views/earlier-and-later.ts'
import { alerts, catalog, commands, tags, tests } from './views/lifecycle-world.ts'
import { load } from './views/load.ts'
import { printSeed, seed } from './views/seed.ts'

/** Laws of the lifecycle that hold whatever happened. */

const dayMs = 2 * halfDayMs
/** Between the instants of the changes, and on no day's boundary. */
const nowMs = catalogDay0 + 300 * halfDayMs + 3_600_000

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('laws of the lifecycle')
  database = await openViewsDatabase()
}, 240_000)
afterAll(() => database.close())

async function read(view: string, parameters: Record<string, string | number | string[]>) {
  return database.views.select<Record<string, unknown>>(view, parameters)
}

/** Pairs of techniques that the same policies govern: the second gets one asset more. */
function twins(): readonly (readonly [string, string])[] {
  const byTactics = new Map<string, string[]>()
  for (const { id, tactics, isRevoked, isDeprecated } of attack.techniques()) {
    if (isRevoked || isDeprecated) continue
    const key = tactics.join(' ')
    byTactics.set(key, [...(byTactics.get(key) ?? []), id])
  }
  return [...byTactics.values()].flatMap((ids) =>
    Array.from({ length: Math.min(12, Math.floor(ids.length / 2)) }, (_, index) => {
      const [a = '', b = ''] = ids.slice(2 * index, 2 * index + 2)
      return [a, b] as const
    }),
  )
}

const day = fc.integer({ min: 1, max: 500 })
const asset = fc.record({
  asset_type: fc.constantFrom('sigma', 'edr'),
  log_source_name: fc.constantFrom('sysmon', 'edr', undefined),
  confidence_level: fc.constantFrom('low', 'medium', 'high'),
  is_active: fc.constantFrom(true, true, true, false),
  bornDaysAgo: day,
  validations: fc.array(
    fc.record({
      daysAgo: day,
      result: fc.constantFrom('detected', 'partially_detected', 'not_detected'),
    }),
    { maxLength: 3 },
  ),
})
type Drawn = typeof asset extends fc.Arbitrary<infer Value> ? Value : never

function changesOf(id: string, technique_id: string, drawn: Drawn, lawMs: number): Change[] {
  const { confidence_level, bornDaysAgo, validations, ...entity } = drawn
  const event_time = lawMs - bornDaysAgo * dayMs
  return [
    { kind: 'detection_asset', id, event_time, entity: { name: id, ...entity } },
    {
      kind: 'mapping',
      id: `${id}/${technique_id}`,
      event_time,
      entity: { asset_id: id, technique_id, confidence_level },
    },
    ...validations.map(({ daysAgo, result }, index): Change => {
      const entity = { asset_id: id, technique_id, validation_result: result }
      return {
        kind: 'validation',
        id: `${id}-${index}`,
        event_time: lawMs - daysAgo * dayMs,
        entity,
      }
    }),
  ]
}

test('adding an asset never lowers a score', async () => {
  // A time of its own, long before everything else that is loaded here.
  const lawMs = Date.UTC(2015, 0, 1)
  const pairs = twins()
  const drawn = fc.sample(fc.tuple(fc.array(asset, { maxLength: 3 }), asset), {
    seed,
    numRuns: pairs.length,
  })
  const changes = pairs.flatMap(([one, other], index) => {
    const [shared, added] = drawn[index] ?? [[], undefined]
    return [
      ...shared.flatMap((item, n) => changesOf(`law-${one}-${n}`, one, item, lawMs)),
      ...shared.flatMap((item, n) => changesOf(`law-${other}-${n}`, other, item, lawMs)),
      ...(added === undefined ? [] : changesOf(`law-${other}-added`, other, added, lawMs)),
    ]
  })
  const rows = catalogRows(changes, { firstOffset: 100_000 })
  await load(database, 'catalog_events', rows, { blocks: 2 })
  const seen = await read('technique_confidence', { at_s: lawMs / 1000 })
  const scores = new Map(seen.map((row) => [String(row['technique_id']), Number(row['score'])]))
  let risen = 0
  for (const [index, [one, other]] of pairs.entries()) {
    const [before = 0, after = 0] = [scores.get(one), scores.get(other)]
    const message = `${one} ${other} ${JSON.stringify(drawn[index])}`
    expect(after, message).toBeGreaterThanOrEqual(before - 1e-9)
    if (after > before) risen += 1
  }
  expect(pairs.length).toBeGreaterThan(50)
  expect(risen).toBeGreaterThan(5)
})

test('an edit that is reverted restores validity, and history still shows the dip', async () => {
  const changes = (['a', 'b', 'a'] as const).map((rule_content, index): Change => {
    const event_time = Date.UTC(2016, 0, 1 + 10 * index)
    const entity = { name: 'E', asset_type: 'sigma', rule_content }
    return { kind: 'detection_asset', id: 'edited', event_time, entity }
  })
  const validated_at = '2016-01-05T00:00:00Z'
  const rows = catalogRows(
    [
      ...changes,
      {
        kind: 'mapping',
        id: 'edited/T1105',
        event_time: Date.UTC(2016, 0, 1),
        entity: { asset_id: 'edited', technique_id: 'T1105' },
      },
      {
        kind: 'validation',
        id: 'edited-v',
        event_time: Date.parse(validated_at),
        entity: { asset_id: 'edited', validation_result: 'detected' },
      },
    ],
    { firstOffset: 200_000 },
  )
  await load(database, 'catalog_events', rows, { blocks: 1 })
  for (const [date, causes, status] of [
    ['2016-01-06', [], 'validated'],
    ['2016-01-12', ['rule_changed'], 'none'],
    ['2016-01-22', [], 'validated'],
  ] as const) {
    const at_s = Date.parse(date) / 1000
    const validity = (await read('validity', { at_s, asset_id: '' })).find(
      (row) => row['validation_id'] === 'edited-v',
    )
    expect(validity?.['causes'], date).toEqual(causes)
    const covered = (await read('coverage', { at_s })).find(
      (row) => row['technique_id'] === 'T1105',
    )
    expect(covered?.['status'], date).toBe(status)
  }
})

test('a snapshot stays what was reported, whatever is told later and however often the day is run', async () => {
  // Before everything else that is loaded here.
  const firstMs = Date.UTC(2010, 5, 1, 2)
  let offset = 400_000
  const tell = async (changes: readonly Change[], timeMs: number) => {
    const rows = catalogRows(changes, { firstOffset: offset, timeMs })
    offset += changes.length
    await load(database, 'catalog_events', rows, { blocks: 1 })
  }
  const run = (nowMs: number, holdings: DecayHoldings) =>
    runDecay({
      topic: 'ttp.catalog',
      views: database.views,
      holdings,
      clock: { now: () => nowMs },
      send: (records) => tell(records.map(changeOf), nowMs),
    })
  const told = (kind: string, id: string, days: number, entity: Change['entity']): Change => {
    return { kind, id, event_time: firstMs - days * dayMs, ...(entity ? { entity } : {}) }
  }
  const asset = { name: 'S', asset_type: 'edr', platform: 'windows' }
  const validation = { asset_id: 'snapped', validation_result: 'detected' }
  await tell(
    [
      told('detection_asset', 'snapped', 20, asset),
      told('mapping', 'snapped/T1105', 20, { asset_id: 'snapped', technique_id: 'T1105' }),
      told('validation', 'snapped-1', 10, { ...validation, technique_id: 'T1105' }),
    ],
    firstMs,
  )
  const holdings = new DecayHoldings()
  expect((await run(firstMs, holdings)).snapshot).toMatchObject({ validated: 1, partial: 0 })
  const reported = async (atMs: number) => {
    const at_s = atMs / 1000
    const all = [
      ...(await read('coverage_snapshots', { at_s })),
      ...(await read('confidence_history', { at_s, technique_id: 'T1105' })),
      ...(await read('v1_coverage_daily', {})),
    ]
    return all.filter((row) => ['2010-06-01'].includes(String(row['date'] ?? row['day'])))
  }
  const before = await reported(firstMs)
  expect(before).toHaveLength(3)
  // Told after the run, of before it: what held then was something else.
  await tell(
    [
      told('mapping', 'snapped/T1003', 15, { asset_id: 'snapped', technique_id: 'T1003' }),
      told('validation', 'snapped-2', 5, { ...validation, technique_id: 'T1003' }),
      told('invalidation', 'snapped-3', 4, { validation_id: 'snapped-1', reason: 'a mistake' }),
    ],
    firstMs + 60_000,
  )
  expect(await read('coverage_total', { at_s: firstMs / 1000 })).toMatchObject([{ validated: 1 }])
  const now = (await read('coverage', { at_s: firstMs / 1000 })).filter(
    (row) => row['status'] === 'validated',
  )
  expect(now.map((row) => row['technique_id'])).toEqual(['T1003'])
  expect((await run(firstMs + 3_600_000, holdings)).snapshot).toBeNull()
  expect(await reported(firstMs + dayMs)).toEqual(before)
  // By one that remembers nothing of the first: it reports the day again, and the first report stays.
  expect((await run(firstMs + 7_200_000, new DecayHoldings())).snapshot).not.toBeNull()
  expect(await reported(firstMs + dayMs)).toEqual(before)
  const next = await run(firstMs + dayMs, holdings)
  expect(next.snapshot).toMatchObject({ techniques: [{ technique_id: 'T1003' }, {}] })
  expect(await reported(nowMs)).toEqual(before)
})

/** A record of the daily run, as it comes off the log. */
function changeOf({ value }: OutRecord): Change {
  // Checked: the run writes JSON of a change, its time as text.
  const told = JSON.parse(String(value)) as Omit<Change, 'event_time'> & { event_time: string }
  return { ...told, event_time: Date.parse(told.event_time) }
}

const asOf = [
  'detection_state',
  'asset_status',
  'asset_alerts',
  'technique_evidence',
  'technique_confidence',
  'coverage',
  'coverage_total',
  'revalidation_queue',
  'technique_owners',
  'coverage_snapshots',
  'technique_reviews',
  'coverage_velocity',
  'coverage_weeks',
  'infrastructure_changes',
  'decay_policies',
  'alert_state',
  'dashboard_work',
] as const

async function answers(): Promise<Record<string, string[]>> {
  const at_s = nowMs / 1000
  const found: Record<string, string[]> = {}
  const take = (name: string, rows: readonly Record<string, unknown>[]) => {
    found[name] = rows.map((row) => JSON.stringify(row)).sort()
  }
  for (const view of asOf) take(view, await read(view, { at_s }))
  take('validity', await read('validity', { at_s, asset_id: '' }))
  take('detection_assets', await read('detection_assets', { at_s, asset_id: '' }))
  take('asset_mappings', await read('asset_mappings', { at_s, asset_id: '' }))
  take('test_rounds', await read('test_rounds', { at_s, rounds: 'all' }))
  return found
}

test('an answer about the past does not move when only later events arrive', async () => {
  const world = [
    part('catalog_events', catalog, nowMs, (row) => isLaterRecord(row, nowMs)),
    part('alert_events', alerts, nowMs),
    part('test_events', tests, nowMs),
    part('tags', tags, nowMs),
    part('commands', commands, nowMs),
  ]
  for (const { loadEarlier } of world) await loadEarlier()
  const before = await answers()
  for (const { loadLater } of world) await loadLater()
  const after = await answers()
  for (const [view, rows] of Object.entries(before)) expect(after[view], view).toEqual(rows)
  expect(before['validity']?.length).toBeGreaterThan(20)
  expect(before['revalidation_queue']?.length).toBeGreaterThan(5)
}, 240_000)

function part<Name extends TableName>(...of: Parameters<typeof earlierAndLater<Name>>) {
  const [table] = of
  const { earlier, later } = earlierAndLater(...of)
  return {
    loadEarlier: () => load(database, table, earlier, { blocks: 1 }),
    loadLater: () => load(database, table, later, { blocks: 2 }),
  }
}
