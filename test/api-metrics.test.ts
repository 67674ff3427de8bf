import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CatalogKind } from '../schemas/catalog.ts'
import type { Row } from '../schemas/table.ts'
import { type ApiStore, startApiStore } from './api-store.ts'

/** Numbers over tests and coverage: rows in, JSON out. */

let store: ApiStore
let updates = 0

const at = (text: string): number => Date.parse(`2026-11-20T${text}Z`)

function update(test_id: string, row: Partial<Row<'test_events'>>): Partial<Row<'test_events'>> {
  updates++
  return {
    log: 'l1',
    topic: 'ttp.tests',
    offset: updates,
    test_id,
    event_time: at('10:00:00') + updates,
    exercise: 'E1',
    technique_id: 'T1003.006',
    platform: 'windows',
    red_team: 'red-1',
    blue_team: 'blue-1',
    ...row,
  }
}

beforeAll(async () => {
  store = await startApiStore()
  await store.insert('test_events', [
    update('t1', {
      state: 'validated',
      red_started_at: at('10:00:00'),
      blue_started_at: at('11:00:00'),
      red_paused_seconds: 600,
      blue_validated_at: at('13:00:00'),
      blue_paused_seconds: 1800,
    }),
    update('t2', {
      state: 'blue_evaluating',
      red_started_at: at('10:00:00'),
      blue_started_at: at('14:00:00'),
    }),
    update('t3', { state: 'draft', red_started_at: at('10:00:00') }),
    update('t4', {
      technique_id: 'T1059.001',
      exercise: 'E2',
      platform: 'linux',
      blue_team: 'blue-2',
      state: 'validated',
      red_started_at: at('10:00:00'),
      blue_started_at: at('10:30:00'),
      blue_validated_at: at('12:00:00'),
    }),
  ])
}, 60_000)

async function put(kind: CatalogKind, id: string, time: string, entity: object): Promise<void> {
  await store.publish({
    kind,
    id,
    op: 'put',
    event_time: time,
    actor: 'u-12',
    entity: { ...entity },
  })
}

afterAll(() => store.close())

const metrics = '/api/v1/metrics/operational'

test('MTTD is the net time from red to blue, with what does not count and why', async () => {
  expect(await store.send(`${metrics}/mttd?exercise=E1`)).toMatchObject({
    status: 200,
    body: {
      measures: 'execution time: red start to blue start, net of red pauses',
      mean_hours: 2.4,
      median_hours: 4,
      min_hours: 0.8,
      max_hours: 4,
      sample_size: 2,
      p50_hours: (50 / 60 + 4) / 2,
      excluded: { no_blue_start: 1 },
    },
  })
})

test('MTTR is the net time of the whole cycle of validated tests', async () => {
  expect((await store.send(`${metrics}/mttr?exercise=E1`)).body).toMatchObject({
    mean_hours: 2.3,
    sample_size: 1,
    excluded: { not_validated: 2 },
  })
})

test.each([
  ['technique=T1003.006', 2],
  ['technique=T1059', 1],
  ['tactic=credential-access', 2],
  ['platform=linux', 1],
  ['team=blue-2', 1],
  ['team=red-1', 3],
  ['to=2026-11-20T10:00:00Z', 0],
  ['at=2026-11-20T09:00:00Z', 0],
  ['rounds=all', 3],
])('MTTD by %s counts %d tests', async (query, size) => {
  const { body } = await store.send(`${metrics}/mttd?${query}`)
  expect(body).toMatchObject({ sample_size: size })
  if (size === 0) expect(body).toMatchObject({ mean_hours: null, p95_hours: null })
})

test('a tactic that the release does not have is a mistake', async () => {
  expect(await store.send(`${metrics}/mttd?tactic=stealth`)).toMatchObject({
    status: 400,
    body: { errors: [{ location: 'query', name: 'tactic' }] },
  })
})

test('observed detection follows each stage of a test and says why there was no alert', async () => {
  const seen = (test_id: string, host: string): Partial<Row<'test_events'>> => ({
    log: 'l1',
    topic: 'ttp.tests',
    offset: host === 'ws1' ? 1 : 2,
    test_id,
    platform: 'windows',
    exercise: 'E9',
    technique_id: 'T1105',
    hosts: [host],
    state: 'validated',
    detection_result: 'detected',
    red_started_at: at('15:00:00'),
    event_time: at('15:00:01'),
  })
  await store.insert('test_events', [seen('o1', 'ws1'), seen('o2', 'ws2')])
  await store.insert('tags', [
    {
      tag_id: '2ed6657d-e927-568b-95e1-2665a8aea6a2',
      event_time: at('15:00:30'),
      ingest_time: at('15:00:32'),
      tagged_time: at('15:00:32'),
      host: 'WS1.example.local',
      technique_id: 'T1105',
      tactic: 'TA0011',
      tactics: ['TA0011'],
      confidence: 0.9,
      rule_id: 'r1',
    },
  ])
  const query = 'exercise=E9&at=2026-11-21T16:00:00Z'
  const { body: tests } = await store.send(`${metrics}/observed/tests?${query}`)
  expect(tests).toMatchObject({
    total: 2,
    next_cursor: null,
    data: [
      {
        test_id: 'o1',
        hits: 1,
        hit_seconds: 30,
        tagged_seconds: 32,
        alerted_seconds: null,
        detected_seconds: 30,
        miss_reason: 'rule_matched_no_alert',
        disagreement: null,
      },
      { test_id: 'o2', hits: 0, detected_seconds: null, disagreement: 'said_detected' },
    ],
  })
  const { body: summary } = await store.send(`${metrics}/observed?${query}`)
  expect(summary).toMatchObject({
    horizon_seconds: 86_400,
    data: [
      {
        group_kind: 'all',
        group_value: null,
        tests: 2,
        stages: {
          detected: { reached: 1, reached_share: 0.5, p50_seconds: 30, p95_seconds: null },
          alerted: { reached: 0, p50_seconds: null },
        },
        miss_reasons: { no_events: 1, rule_matched_no_alert: 1 },
        disagreements: { said_detected: 1 },
      },
      { group_kind: 'tactic', group_value: 'TA0011' },
      { group_kind: 'technique', group_value: 'T1105' },
      { group_kind: 'platform', group_value: 'windows' },
    ],
  })
  const { body: missed } = await store.send(`${metrics}/misses?${query}&limit=1`)
  expect(missed).toMatchObject({ total: 2, data: [{ test_id: 'o1' }] })
})

test('coverage is what validations say, as of any instant, with its denominators', async () => {
  await put('detection_asset', 'a1', '2026-11-01T00:00:00Z', { name: 'A', asset_type: 'sigma' })
  await put('mapping', 'm1', '2026-11-01T00:00:00Z', { asset_id: 'a1', technique_id: 'T1003.006' })
  await put('validation', 'v1', '2026-11-10T00:00:00Z', {
    asset_id: 'a1',
    validation_result: 'detected',
    expires_at: '2026-11-18T00:00:00Z',
  })
  const coverage = async (query: string): Promise<unknown> =>
    (await store.send(`/api/v1/coverage?${query}`)).body
  const valid = await coverage('at=2026-11-12T00:00:00Z&tactic=credential-access&limit=1000')
  expect(valid).toMatchObject({ total: { validated: 1, partial: 1 }, next_cursor: null })
  const { data, total } = valid as {
    data: { technique_id: string; status: string; parent_id: string | null }[]
    total: { total: number; coverage_pct: number }
  }
  expect(data).toHaveLength(total.total)
  expect(total.coverage_pct).toBeCloseTo((1.5 / total.total) * 100)
  expect(data.filter((row) => row.status !== 'none')).toMatchObject([
    { technique_id: 'T1003', status: 'partial', parent_id: null },
    { technique_id: 'T1003.006', status: 'validated', parent_id: 'T1003' },
  ])
  expect(await coverage('at=2026-11-18T00:00:00Z&limit=1')).toMatchObject({
    total: { validated: 0, partial: 0, total: 691, attack_release: '18.1' },
    data: [{ technique_id: 'T1001' }],
  })
  expect(await coverage('at=2026-11-12T00:00:00Z&status=validated')).toMatchObject({
    total: { total: 691 },
    data: [{ technique_id: 'T1003.006' }],
  })
  expect(await coverage('at=2026-11-12T00:00:00Z&platform=windows&platform=Linux')).toMatchObject({
    total: { validated: 1 },
  })
})

test('the overview holds every metric under the keys it shares with another product', async () => {
  await store.insert('test_events', [
    update('q1', {
      exercise: 'EQ',
      state: 'validated',
      detection_result: 'detected',
      red_validation_status: 'approved',
      red_started_at: at('10:00:00'),
      blue_started_at: at('11:00:00'),
      blue_validated_at: at('12:00:00'),
      red_validated_at: at('11:30:00'),
      detection_ids: ['d1', 'd2', 'd3'],
      detection_asset_ids: ['a1', 'a2', 'a3'],
      detection_alert_ids: ['', '', ''],
      detection_triggered: [true, false, null],
    }),
    update('q2', {
      exercise: 'EQ',
      state: 'rejected',
      red_validation_status: 'rejected',
      red_started_at: at('10:00:00'),
    }),
    update('q3', { exercise: 'EQ', state: 'surprise', red_started_at: at('10:00:00') }),
  ])
  const { body } = await store.send(`${metrics}?exercise=EQ`)
  expect(body).toMatchObject({
    mttd: { mean_hours: 1, sample_size: 1 },
    mttr: { mean_hours: 2, sample_size: 1 },
    detection_efficacy: { percentage: 100, detected: 1, partially: 0, not_detected: 0, total: 1 },
    alert_fidelity: { percentage: 50, triggered: 1, not_triggered: 1, total_evaluated: 2 },
    true_fidelity: { percentage: null, alerts: 0, verdict_share: null },
    validation_throughput: {
      tests_per_week: 50,
      conversion_rate: 50,
      validated: 1,
      rejected: 1,
      in_review: 0,
      trend: 'stable',
    },
    rejection_rate: { percentage: 50, by_red_lead: 50, by_blue_lead: 0 },
    acceptance_by_round: [{ round: 1, validated: 1, rejected: 1, percentage: 50 }],
    excluded: { unknown_state: 1 },
  })
  expect((await store.send(`${metrics}/by-team?exercise=EQ`)).body).toEqual({
    red_team: { tests_completed: 2, avg_completion_hours: 1, rejection_rate: 50 },
    blue_team: { tests_completed: 2, avg_completion_hours: 1, rejection_rate: null },
  })
  const trend = await store.send(`${metrics}/trend?exercise=EQ&at=2026-11-21T00:00:00Z`)
  const { data } = trend.body as { data: { date: string; validated_tests: number }[] }
  expect(data).toHaveLength(5)
  expect(data[0]).toMatchObject({ date: '2026-10-22T00:00:00.000Z', validated_tests: 0 })
  expect(data[4]).toMatchObject({ validated_tests: 1, detected_tests: 1, detection_efficacy: 100 })
  const then = `${metrics}/trend?exercise=EQ&at=2026-11-21T00:00:00Z&as_of=week_end`
  expect((await store.send(then)).body).toEqual({ period: '30d', as_of: 'week_end', data })
  expect((await store.send(`${metrics}/trend?period=2y`)).status).toBe(400)
})

test('techniques gained and lost are told week by week', async () => {
  const { status, body } = await store.send(`${metrics}/coverage-weeks?at=2026-11-20T00:00:00Z`)
  expect(status).toBe(200)
  const { data } = body as { data: object[] }
  expect(data).toHaveLength(12)
  expect(data[0]).toEqual({ week: '2026-08-31', gained: 0, lost: 0, net: 0 })
  expect(data.slice(-2)).toEqual([
    { week: '2026-11-09', gained: 2, lost: 0, net: 2 },
    { week: '2026-11-16', gained: 0, lost: 2, net: -2 },
  ])
})

test('a regression names every technique that fell, and why', async () => {
  const { status, body } = await store.send(
    '/api/v1/coverage/regression?from=2026-11-12T00:00:00Z&to=2026-11-19T00:00:00Z',
  )
  expect(status).toBe(200)
  expect(body).toMatchObject({
    from: '2026-11-12T00:00:00.000Z',
    coverage_to_pct: 0,
    total: 2,
    data: [
      { technique_id: 'T1003', upheld_technique_id: 'T1003.006', status_to: 'none' },
      {
        technique_id: 'T1003.006',
        asset_id: 'a1',
        validation_id: 'v1',
        status_from: 'validated',
        cause: 'expired',
        causes: ['expired'],
        rule_version_from: null,
        invalidation_reason: null,
      },
    ],
  })
  const backwards = '/api/v1/coverage/regression?from=2026-11-12T00:00:00Z&to=2026-11-11T00:00:00Z'
  expect((await store.send(backwards)).status).toBe(400)
})
