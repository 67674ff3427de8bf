import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfidence } from '../api/lifecycle/confidence-schema.ts'
import { attack, catalogDay0, halfDayMs } from './views/catalog-histories.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import {
  alerts,
  catalog,
  compared,
  instants,
  lifecycle,
  loadWorld,
  worldAt,
} from './views/lifecycle-world.ts'
import { isoTime, load, refreshAlertSpans } from './views/load.ts'
import { alertStates } from './views/oracle/alerts.ts'
import { confidences, healths } from './views/oracle/confidence.ts'
import { coverageAt, regression, totals } from './views/oracle/coverage.ts'
import { printSeed } from './views/seed.ts'

/** The lifecycle of detections as of any time, against an oracle that works it out one by one. */

let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of the lifecycle')
  database = await openViewsDatabase()
  await loadWorld(database)
}, 60_000)
afterAll(() => database.close())

async function read(
  view: string,
  atMs: number,
  asked: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>[]> {
  return database.views.select<Record<string, unknown>>(view, { at_s: atMs / 1000, ...asked })
}

test.concurrent('alerts, their assets, techniques and verdicts are as folded by hand', async () => {
  for (const atMs of instants) {
    const expected = alertStates(alerts, catalog, atMs)
    const seen = await read('alert_state', atMs)
    expect(compared(seen, ['alert_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['alert_id']),
    )
  }
})

test.concurrent('a validation is valid until something voids it, and every cause is told', async () => {
  for (const atMs of [...instants, catalogDay0 + 77 * halfDayMs, catalogDay0 + 450 * halfDayMs]) {
    const expected = lifecycle.validations(atMs).map((one) => ({
      validation_id: one.id,
      asset_id: one.assetId,
      technique_id: one.techniqueId,
      validated_at: isoTime(one.validatedMs),
      expires_at: isoTime(one.expiresMs),
      causes: one.causes,
      is_valid: one.causes.length === 0 ? 1 : 0,
    }))
    for (const asset_id of ['', ...new Set(expected.slice(0, 3).map((one) => one.asset_id))]) {
      const seen = await read('validity', atMs, { asset_id })
      const wanted = expected.filter((one) => asset_id === '' || one.asset_id === asset_id)
      expect(
        compared(seen, ['validation_id'], expected[0]),
        `${isoTime(atMs)} ${asset_id}`,
      ).toEqual(compared(wanted, ['validation_id']))
    }
  }
})

test.concurrent('the newest valid validation of each asset and technique governs', async () => {
  for (const atMs of instants) {
    const expected = lifecycle.detections(atMs).map((one) => ({
      technique_id: one.techniqueId,
      asset_id: one.assetId,
      confidence_level: one.confidence,
      is_counted: one.isCounted,
      validation_count: one.validations.length,
      validation_id: one.governing?.id ?? '',
      result: one.governing?.result ?? 0,
      success_at: isoTime(one.successMs ?? 0),
    }))
    const seen = await read('detection_state', atMs)
    const keys = ['technique_id', 'asset_id']
    expect(compared(seen, keys, expected[0]), isoTime(atMs)).toEqual(compared(expected, keys))
  }
})

test.concurrent('the health of assets follows alerts, hits, tests and arrivals', async () => {
  for (const atMs of instants) {
    const expected = healths(worldAt(atMs))
    const alertsOf = new Map(
      (await read('asset_alerts', atMs)).map((row) => [row['asset_id'], row]),
    )
    const seen = (await read('asset_status', atMs)).map((row) => {
      return { ...noAlerts, ...row, ...alertsOf.get(row['asset_id']) }
    })
    expect(compared(seen, ['asset_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['asset_id']),
    )
  }
})

const noAlerts = {
  true_positives: 0,
  false_positives: 0,
  false_positive_rate: null,
  last_alert_at: null,
}

test.concurrent('confidence in each technique is its policy over its four factors', async () => {
  for (const atMs of instants) {
    const expected = confidences(worldAt(atMs), attack)
    const seen = await read('technique_confidence', atMs)
    expect(compared(seen, ['technique_id'], expected[0]), isoTime(atMs)).toEqual(
      compared(expected, ['technique_id']),
    )
    // Read in halves it is the same, member by member.
    const { techniques } = await readConfidence(database, atMs / 1000)
    expect(compared(techniques, ['technique_id']), isoTime(atMs)).toEqual(
      compared(seen, ['technique_id']),
    )
  }
})

test.concurrent('coverage counts each technique once, in all three forms', async () => {
  for (const atMs of instants) {
    const covered = coverageAt(lifecycle, atMs, attack)
    const statuses = covered.map(({ technique, rank }) => ({
      technique_id: technique.id,
      status: ['none', 'partial', 'validated'][rank],
    }))
    const seen = await read('coverage', atMs)
    expect(compared(seen, ['technique_id'], statuses[0]), isoTime(atMs)).toEqual(
      compared(statuses, ['technique_id']),
    )
    const expected = totals(covered, attack)
    const total = await read('coverage_total', atMs)
    expect(compared(total, ['attack_release'], expected)).toEqual(
      compared([expected], ['attack_release']),
    )
    expect(await read('coverage_share', atMs)).toEqual([
      { coverage_pct: total[0]?.['coverage_pct'] },
    ])
  }
})

test.concurrent('what coverage lost between two instants is told with its causes', async () => {
  const spans = [
    [instants[0], instants[1]],
    [instants[1], instants[2]],
    [instants[0], instants[2]],
    spanWithLoss(),
  ] as const
  const causes = new Set<unknown>()
  for (const [fromMs = 0, toMs = 0] of spans) {
    const expected = regression(lifecycle, fromMs, toMs, attack)
    for (const row of expected) causes.add(JSON.stringify(row['causes']))
    const seen = await database.views.select<Record<string, unknown>>('coverage_regression', {
      from_s: fromMs / 1000,
      to_s: toMs / 1000,
    })
    const keys = ['technique_id', 'upheld_technique_id', 'asset_id']
    expect(compared(seen, keys, expected[0] ?? {})).toEqual(compared(expected, keys))
    expect(seen.length).toBe(expected.length)
  }
  expect(causes.size).toBeGreaterThan(0)
})

/** A week or so in which coverage lost something, wherever the seed has one. */
function spanWithLoss(): readonly number[] {
  const spans = Array.from({ length: 30 }, (_, n) => {
    const fromMs = catalogDay0 + n * 15 * halfDayMs
    return [fromMs, fromMs + 15 * halfDayMs] as const
  })
  return (
    spans.find(([fromMs, toMs]) => regression(lifecycle, fromMs, toMs, attack).length > 0) ?? []
  )
}

test('spans of alerts, of some or of all that is there, make no difference', async () => {
  const latest = Number(instants[2])
  const ask = () =>
    Promise.all(
      instants.flatMap((atMs) =>
        [0, atMs / 1000 - 40 * 86_400].map((since_s) =>
          database.views.select<Record<string, unknown>>('alerts_at', {
            at_s: atMs / 1000,
            since_s,
          }),
        ),
      ),
    )
  const sorted = (lists: Record<string, unknown>[][]) =>
    lists.map((list) =>
      list.toSorted((a, b) => (String(a['alert_id']) < String(b['alert_id']) ? -1 : 1)),
    )
  const behind = () => database.views.select('alert_buckets_behind')
  // They may have been made just now, on the half hour: one record comes twice.
  await load(database, 'alert_events', alerts.slice(0, 1), { blocks: 1 })
  expect((await behind()).length).toBeGreaterThan(0)
  const mixed = sorted(await ask())
  const known = new Set(alertStates(alerts, catalog, latest).map((alert) => alert.alert_id))
  expect(new Set(mixed.flat().map((row) => row['alert_id']))).toEqual(known)
  await refreshAlertSpans(database)
  expect(await behind()).toEqual([])
  expect(sorted(await ask())).toEqual(mixed)
  await database.client.command({ query: 'TRUNCATE TABLE alert_spans SYNC' })
  expect(sorted(await ask())).toEqual(mixed)
  await refreshAlertSpans(database)
})
