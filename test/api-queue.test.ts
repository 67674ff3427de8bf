import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { CatalogKind } from '../schemas/catalog.ts'
import { type ApiStore, startApiStore } from './api-store.ts'

/** The queue, owners, snapshots, history and runs on demand, through the API (L9, L10). */

let store: ApiStore
let nowMs = Date.parse('2026-11-20T10:00:00Z')

const base = '/api/v1/detection-lifecycle'
const identified = z.looseObject({ id: z.string() })
const listed = z.looseObject({ data: z.array(identified), total: z.int() })

beforeAll(async () => {
  store = await startApiStore({ clock: { now: () => nowMs++ } })
}, 60_000)

afterAll(() => store.close())

async function post(path: string, value: object = {}) {
  return store.send(`${base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
}

async function read(path: string) {
  return (await store.send(`${base}${path}`)).body
}

async function ids(path: string): Promise<string[]> {
  return listed.parse(await read(path)).data.map(({ id }) => id)
}

function put(kind: CatalogKind, id: string, entity: object, options: { atMs?: number } = {}) {
  return store.publish({
    kind,
    id,
    op: 'put',
    event_time: new Date(options.atMs ?? nowMs++).toISOString(),
    actor: 'ttpstream:decay',
    entity: { ...entity },
  })
}

test('an item is opened, claimed and closed, each once, and its past stays readable', async () => {
  const opened = await post('/queue', { technique_id: 'T1105', reason: 'new EDR' })
  expect(opened).toMatchObject({
    status: 201,
    body: { status: 'pending', assignee: null, reason: 'new EDR', opened_by: 'local' },
  })
  const { id } = identified.parse(opened.body)
  expect(await post('/queue', { technique_id: 'T1105' })).toMatchObject({ status: 409 })
  const before = nowMs
  expect(await post(`/queue/${id}/claim`, { assignee: 'u-12' })).toMatchObject({
    status: 200,
    body: { status: 'in_progress', assignee: 'u-12', reason: 'new EDR', closed_at: null },
  })
  expect((await post(`/queue/${id}/claim`, { assignee: 'u-13' })).status).toBe(409)
  expect((await post(`/queue/${id}/claim`, { assignee: 'u-12' })).status).toBe(200)
  expect(await ids('/queue?assignee=u-12')).toEqual([id])
  expect(await post(`/queue/${id}/close`, { status: 'done' })).toMatchObject({
    status: 200,
    body: { status: 'done', closed_at: expect.any(String) },
  })
  expect((await post(`/queue/${id}/close`, { status: 'dismissed' })).status).toBe(409)
  expect((await post(`/queue/${id}/claim`)).status).toBe(409)
  expect((await post('/queue/none/close', { status: 'done' })).status).toBe(404)
  expect(await ids('/queue')).toEqual([])
  expect(await ids('/queue?status=done')).toEqual([id])
  expect(await ids(`/queue?status=pending&at=${before / 1000}`)).toEqual([id])
  const again = await post('/queue', { technique_id: 'T1105' })
  expect(again.status).toBe(201)
  await post(`/queue/${identified.parse(again.body).id}/close`, { status: 'dismissed' })
})

test('of several open items of a technique the one that was opened first is the item', async () => {
  await put('queue_item', 'q1', { technique_id: 'T1057', reason: 'first' })
  await put('queue_item', 'q2', { technique_id: 'T1057', reason: 'second' })
  expect(await ids('/queue?technique_id=T1057')).toEqual(['q1'])
  await post('/queue/q1/close', { status: 'done' })
  expect(await ids('/queue?technique_id=T1057')).toEqual(['q2'])
  expect(await ids('/queue?technique_id=T1057&status=any')).toEqual(['q1', 'q2'])
})

test('a technique has one owner at a time, and none when it was taken away', async () => {
  await put('technique_owner', 'o1', { technique_id: 'T1033', owner_id: 'first' })
  expect(await post('/owners', { technique_id: 'T1033', owner_id: 'u-12' })).toMatchObject({
    status: 201,
    body: { technique_id: 'T1033', owner_id: 'u-12', assigned_by: 'local' },
  })
  const before = nowMs
  await post('/owners', { technique_id: 'T1033', owner_id: 'u-13' })
  expect(await read('/owners?technique_id=T1033')).toMatchObject({
    total: 1,
    data: [{ owner_id: 'u-13' }],
  })
  expect(await read(`/owners?owner_id=u-12&at=${before / 1000}`)).toMatchObject({ total: 1 })
  expect(await read('/owners?owner_id=u-12')).toMatchObject({ total: 0 })
  const taken = await store.send(`${base}/owners/T1033`, { method: 'DELETE' })
  expect(taken.status).toBe(200)
  expect(await read('/owners')).toMatchObject({ total: 0 })
  expect((await store.send(`${base}/owners/T1033`, { method: 'DELETE' })).status).toBe(404)
  expect(
    await post('/owners', { technique_id: 'T1033', owner_id: 'u', since: '2099-01-01T00:00:00Z' }),
  ).toMatchObject({ status: 400, body: { errors: [{ name: 'since' }] } })
  expect((await post('/owners', { technique_id: 'T9999', owner_id: 'u' })).status).toBe(400)
})

test('a snapshot stays as it was reported, whatever comes later under its day', async () => {
  const day = (date: string, validated: number, score: number) => ({
    date,
    coverage_pct: validated / 10,
    validated,
    partial: 0,
    total: 1000,
    attack_release: '18.1',
    computed_at: `${date}T02:00:00Z`,
    techniques: [{ technique_id: 'T1033', status: 'validated', score, level: 'medium' }],
  })
  await put('coverage_snapshot', '2026-11-18', day('2026-11-18', 5, 60))
  await put('coverage_snapshot', '2026-11-19', day('2026-11-19', 7, 62))
  const reported = await read('/snapshots')
  expect(reported).toMatchObject({
    total: 2,
    data: [
      { date: '2026-11-19', validated: 7, coverage_pct: 0.7 },
      { date: '2026-11-18', validated: 5 },
    ],
  })
  // Later on the log, once at a later and once at an earlier time.
  await put('coverage_snapshot', '2026-11-19', day('2026-11-19', 999, 1))
  await put('coverage_snapshot', '2026-11-19', day('2026-11-19', 999, 1), {
    atMs: Date.parse('2026-11-19T01:00:00Z'),
  })
  expect(await read('/snapshots')).toEqual(reported)
  expect(await read('/snapshots?from=2026-11-19T00:00:00Z')).toMatchObject({ total: 1 })
  const { history } = z.looseObject({ history: z.unknown() }).parse(await read('/confidence/T1033'))
  expect(history).toMatchObject([
    { date: '2026-11-18', score: 60 },
    { date: '2026-11-19', score: 62, level: 'medium', status: 'validated' },
  ])
})

test('the history of a technique has what the daily run found of its validations', async () => {
  await put('detection_asset', 'a', { name: 'A', asset_type: 'edr' })
  await put('mapping', 'a/T1016', { asset_id: 'a', technique_id: 'T1016' })
  const change = { validation_id: 'v', asset_id: 'a' }
  const began = [{ cause: 'expired', at: '2026-11-19T00:00:00Z' }]
  await put('validity_change', 'v', {
    ...change,
    is_valid: false,
    causes: ['expired'],
    began,
    ended: [],
  })
  await put('validity_change', 'v', {
    ...change,
    is_valid: true,
    causes: [],
    began: [],
    ended: ['expired'],
  })
  await put('validity_change', 'w', {
    ...change,
    technique_id: 'T1033',
    is_valid: true,
    causes: [],
    began: [],
    ended: [],
  })
  const { changes } = z.looseObject({ changes: z.unknown() }).parse(await read('/confidence/T1016'))
  expect(changes).toMatchObject([
    { validation_id: 'v', is_valid: false, began: ['expired'] },
    { validation_id: 'v', is_valid: true, ended: ['expired'] },
  ])
})

test('a run that is asked for is on the list, and done when the answer is on the log', async () => {
  expect((await post('/decay/run', { reason: 'now' })).status).toBe(202)
  const [id = ''] = await ids('/decay/runs')
  expect(await read('/decay/runs')).toMatchObject({
    data: [{ id, finished_at: null, began: null, opened: [], requested_by: 'local' }],
  })
  await put('decay_run', id, { began: 2, ended: 1, opened: ['T1033'], records: 4 })
  expect(await read('/decay/runs')).toMatchObject({
    data: [{ id, finished_at: expect.any(String), began: 2, ended: 1, opened: ['T1033'] }],
  })
})

test('the dashboard counts what the lists have', async () => {
  const body = await read('/dashboard')
  expect(body).toMatchObject({
    assets: { total: 1, active: 1, candidates: 0, by_health: { untested: 1 } },
    queue: { pending: 1, in_progress: 0 },
    ownership: { owned: 0 },
    snapshots: [{ date: '2026-11-19' }, { date: '2026-11-18' }],
  })
})
