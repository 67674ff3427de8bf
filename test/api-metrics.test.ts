import { afterAll, beforeAll, expect, test } from 'vitest'
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
  ['', 3],
  ['technique=T1003', 2],
  ['technique=T1003.006', 2],
  ['technique=T1059', 1],
  ['tactic=TA0006', 2],
  ['tactic=credential-access', 2],
  ['platform=linux', 1],
  ['team=blue-2', 1],
  ['team=red-1', 3],
  ['exercise=E2', 1],
  ['to=2026-11-20T10:00:00Z', 0],
  ['from=2026-11-20T10:00:00Z', 3],
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
