import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { sha256Hex, signer } from '../core/hash.ts'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import { type ApiStore, startApiStore } from './api-store.ts'

/** Detection assets, their mappings and validations, through the API onto the log and back (L1 to L4). */

let store: ApiStore
let nowMs = Date.parse('2026-11-20T10:00:00Z')
const logged: unknown[] = []

const base = '/api/v1/detection-lifecycle'
const identified = z.looseObject({ id: z.string() })
const listed = z.looseObject({ data: z.array(identified), total: z.int() })

beforeAll(async () => {
  const error: Log['error'] = (fields) => logged.push(fields)
  // Every look at the clock is a millisecond later, so that writes have an order.
  store = await startApiStore({
    clock: { now: () => nowMs++ },
    sign: signer('k'),
    log: { ...silentLog, error },
  })
}, 60_000)

afterAll(() => store.close())

async function write(method: string, path: string, value: object = {}) {
  return store.send(`${base}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  })
}

async function read(path: string) {
  return (await store.send(`${base}${path}`)).body
}

async function newAsset(value: object = {}): Promise<string> {
  const { status, body } = await write('POST', '/assets', {
    name: 'An asset',
    asset_type: 'edr',
    ...value,
  })
  expect(status).toBe(201)
  return identified.parse(body).id
}

async function ids(path: string): Promise<string[]> {
  return listed.parse(await read(path)).data.map(({ id }) => id)
}

test('an asset that is added is read back with its derived members', async () => {
  const { status, body } = await write('POST', '/assets', {
    name: 'DCSync',
    asset_type: 'sigma',
    platform: 'Windows',
    rule_content: 'title: x',
    infrastructure_details: { siem: 'elastic 9.1' },
  })
  expect(status).toBe(201)
  expect(body).toMatchObject({
    name: 'DCSync',
    platform: 'windows',
    description: null,
    rule_content: 'title: x',
    rule_hash: sha256Hex('title: x'),
    logic_hash: null,
    infrastructure_details: { siem: 'elastic 9.1' },
    health_status: 'untested',
    alert_count_30d: 0,
    false_positive_rate: null,
    is_active: true,
    adoption: 'adopted',
    technique_ids: [],
    created_by: 'local',
  })
  const { id } = identified.parse(body)
  expect(await read(`/assets/${id}`)).toEqual(body)
})

test('a client may not say what is worked out, nor leave out what is needed', async () => {
  expect(
    await write('POST', '/assets', { asset_type: 'edr', rule_hash: 'x', health_status: 'healthy' }),
  ).toMatchObject({
    status: 400,
    body: { errors: [{ name: 'rule_hash' }, { name: 'health_status' }, { name: 'name' }] },
  })
})

test('a change keeps the other members, and what the asset was stays readable', async () => {
  const id = await newAsset({ rule_content: 'a', team: 'detection' })
  const before = nowMs
  const { status, body } = await write('PATCH', `/assets/${id}`, { owner_id: 'u-12', team: null })
  expect(status).toBe(200)
  expect(body).toMatchObject({ owner_id: 'u-12', team: null, rule_content: 'a', name: 'An asset' })
  expect(await read(`/assets/${id}?at=${before / 1000}`)).toMatchObject({
    owner_id: null,
    team: 'detection',
  })
  expect((await write('PATCH', '/assets/none', { owner_id: 'u' })).status).toBe(404)
  expect((await write('PATCH', `/assets/${id}`, { name: '' })).status).toBe(400)
})

test('an asset that is deleted has ended, and its history stays', async () => {
  const id = await newAsset()
  const before = nowMs
  expect(await write('DELETE', `/assets/${id}`)).toMatchObject({ status: 200, body: { id } })
  expect((await store.send(`${base}/assets/${id}`)).status).toBe(404)
  expect((await write('DELETE', `/assets/${id}`)).status).toBe(404)
  expect(await ids('/assets')).not.toContain(id)
  expect(await read(`/assets/${id}?at=${before / 1000}`)).toMatchObject({ id })
})

test('a pair of asset and technique has one mapping, which ends and can begin again', async () => {
  const id = await newAsset()
  const path = `/assets/${id}/techniques`
  const mapped = await write('POST', path, { technique_id: 'T1003.006' })
  expect(mapped).toMatchObject({
    status: 201,
    body: { asset_id: id, coverage_type: 'detect', confidence_level: 'medium', removed_at: null },
  })
  const raised = await write('POST', path, { technique_id: 'T1003.006', confidence_level: 'high' })
  expect(raised.status).toBe(201)
  const { data } = z
    .looseObject({ data: z.array(z.looseObject({ created_at: z.string() })) })
    .parse(await read(path))
  expect(data).toMatchObject([{ technique_id: 'T1003.006', confidence_level: 'high' }])
  expect(mapped.body).toMatchObject({ created_at: data[0]?.created_at })
  expect(await ids('/assets?technique_id=T1003.006')).toEqual([id])
  expect(await write('DELETE', `${path}/T1003.006`)).toMatchObject({ status: 200 })
  expect((await write('DELETE', `${path}/T1003.006`)).status).toBe(404)
  expect(await read(path)).toEqual({ data: [] })
  expect(await read(`${path}?removed=true`)).toMatchObject({
    data: [{ technique_id: 'T1003.006', removed_at: expect.any(String) }],
  })
  expect(await ids('/assets?technique_id=T1003.006')).toEqual([])
  await write('POST', path, { technique_id: 'T1003.006' })
  expect(await read(path)).toMatchObject({ data: [{ removed_at: null }] })
})

test('a pair that producers mapped twice ends with one deletion', async () => {
  const id = await newAsset()
  for (const mapping of ['m-1', 'm-2']) {
    await store.publish({
      kind: 'mapping',
      id: `${id}-${mapping}`,
      op: 'put',
      event_time: new Date(nowMs++).toISOString(),
      actor: 'ci',
      entity: { asset_id: id, technique_id: 'T1105' },
    })
  }
  expect((await write('DELETE', `/assets/${id}/techniques/T1105`)).status).toBe(200)
  expect(await read(`/assets/${id}/techniques`)).toEqual({ data: [] })
})

test('a technique that the release does not have is refused, and so is another asset', async () => {
  const id = await newAsset()
  expect(await write('POST', `/assets/${id}/techniques`, { technique_id: 'T9999' })).toMatchObject({
    status: 400,
    body: { errors: [{ name: 'technique_id' }] },
  })
  expect(
    await write('POST', `/assets/${id}/techniques`, { technique_id: 'T1105', asset_id: 'other' }),
  ).toMatchObject({ status: 400, body: { errors: [{ name: 'asset_id' }] } })
  expect((await write('POST', '/assets/none/techniques', { technique_id: 'T1105' })).status).toBe(
    404,
  )
})

test('a validation is answered signed and valid, until it is declared void for ever', async () => {
  const id = await newAsset()
  await write('POST', `/assets/${id}/techniques`, { technique_id: 'T1057' })
  const made = await write('POST', `/assets/${id}/validations`, {
    technique_id: 'T1057',
    validation_result: 'detected',
    environment_snapshot: { build: 7 },
  })
  expect(made).toMatchObject({
    status: 201,
    body: {
      asset_id: id,
      technique_id: 'T1057',
      test_id: null,
      validated_by: 'local',
      is_valid: true,
      causes: [],
      environment_snapshot: { build: 7 },
      integrity: 'intact',
    },
  })
  const { id: validation } = identified.parse(made.body)
  expect(await ids(`/assets/${id}/validations?is_valid=true`)).toEqual([validation])
  expect(await read(`/confidence/T1057`)).toMatchObject({ status: 'validated' })
  const voided = await write('POST', `/validations/${validation}/invalidate`, {
    reason: 'wrong host',
  })
  expect(voided).toMatchObject({
    status: 200,
    body: { is_valid: false, causes: ['declared'], invalidation_reason: 'wrong host' },
  })
  expect((await write('POST', `/validations/${validation}/invalidate`)).status).toBe(409)
  expect((await write('POST', '/validations/none/invalidate')).status).toBe(404)
  expect(await ids(`/assets/${id}/validations?is_valid=true`)).toEqual([])
  expect(await ids(`/assets/${id}/validations?is_valid=false`)).toEqual([validation])
  expect(await read(`/confidence/T1057`)).toMatchObject({ status: 'none' })
})

test('a validation that was altered in the store is reported, in the answer and in the log', async () => {
  const id = await newAsset()
  const made = await write('POST', `/assets/${id}/validations`, {
    validation_result: 'not_detected',
  })
  const { id: validation } = identified.parse(made.body)
  const entity = { asset_id: id, validation_result: 'detected' }
  const times = { validated_at: '2026-11-20T09:00:00.000Z', expires_at: '2027-05-19T09:00:00.000Z' }
  const derived = { ...times, validated_by: 'local', is_expiry_default: true }
  const row = { log: 'l1', topic: 'ttp.catalog', kind: 'validation', op: 'put', actor: 'local' }
  // Earlier than the true one, so that it takes its place; with a signature of something else.
  await store.insert('catalog_events', [
    {
      ...row,
      id: validation,
      offset: 9_000,
      event_time: Date.parse('2026-11-20T09:00:00Z'),
      entity: JSON.stringify(entity),
      derived: JSON.stringify({ ...derived, integrity_hash: 'f'.repeat(64) }),
    },
  ])
  logged.length = 0
  expect(await read(`/assets/${id}/validations`)).toMatchObject({
    data: [{ id: validation, validation_result: 'detected', integrity: 'tampered' }],
  })
  expect(logged).toEqual([{ validation }])
})

test('what nobody signed says so, and is neither intact nor tampered', async () => {
  const id = await newAsset()
  const derived = {
    validated_at: '2026-11-20T09:00:00.000Z',
    expires_at: '2027-05-19T09:00:00.000Z',
    validated_by: 'old',
  }
  await store.insert('catalog_events', [
    {
      log: 'l1',
      topic: 'ttp.catalog',
      kind: 'validation',
      op: 'put',
      id: 'unsigned',
      offset: 9_001,
      event_time: Date.parse('2026-11-20T09:00:00Z'),
      entity: JSON.stringify({ asset_id: id, validation_result: 'detected' }),
      derived: JSON.stringify(derived),
    },
  ])
  expect(await read(`/assets/${id}/validations`)).toMatchObject({
    data: [{ id: 'unsigned', integrity: 'unsigned' }],
  })
})

test('a candidate made from a rule is in no list until adopted by hand or by a validation', async () => {
  const put = (id: string) =>
    store.publish({
      kind: 'detection_asset',
      id,
      op: 'put',
      event_time: new Date(nowMs++).toISOString(),
      actor: 'ttpstream:rules',
      entity: { name: id, asset_type: 'sigma', adoption: 'candidate' },
    })
  await put('rule:r1')
  await put('rule:r2')
  expect(await ids('/assets?adoption=candidate')).toEqual(['rule:r1', 'rule:r2'])
  const listedNow = await ids('/assets?asset_type=Sigma')
  expect(listedNow).not.toContain('rule:r1')
  expect((await write('PATCH', '/assets/rule:r1', { adoption: 'adopted' })).status).toBe(200)
  await write('POST', '/assets/rule:r2/validations', { validation_result: 'detected' })
  expect(await ids('/assets?adoption=candidate')).toEqual([])
  expect(await ids('/assets?asset_type=Sigma')).toEqual(
    expect.arrayContaining(['rule:r1', 'rule:r2']),
  )
})

test('assets are filtered by what they are and by how their validations stand, in pages', async () => {
  const linux = await newAsset({ platform: 'Linux', owner_id: 'u-77' })
  const other = await newAsset({ platform: 'Linux', owner_id: 'u-78' })
  await write('POST', `/assets/${linux}/validations`, {
    validation_result: 'detected',
    expires_at: '2026-12-01T00:00:00Z',
  })
  expect(await ids('/assets?platform=LINUX')).toEqual([linux, other].toSorted())
  expect(await ids('/assets?platform=linux&owner_id=u-78')).toEqual([other])
  expect(await ids('/assets?platform=linux&is_valid=true')).toEqual([linux])
  expect(await ids('/assets?platform=linux&is_valid=false')).toEqual([other])
  expect(await ids('/assets?platform=linux&health_status=untested')).toEqual([other])
  expect(await ids('/assets?platform=linux&expires_before=2026-12-01T00:00:00Z')).toEqual([])
  expect(await ids('/assets?platform=linux&expires_before=2026-12-02T00:00:00Z')).toEqual([linux])
  const first = z
    .looseObject({ next_cursor: z.string(), total: z.int() })
    .parse(await read('/assets?platform=linux&limit=1'))
  expect(first.total).toBe(2)
  const second = await ids(`/assets?platform=linux&limit=1&cursor=${first.next_cursor}`)
  expect(second).toEqual([[linux, other].toSorted()[1]])
})

test('candidates are adopted by query: those that it finds, once, and nothing else of them changes', async () => {
  const made = [
    ['rule:one', 'windows', 'T1003.006', 'adopt/windows/one.yml'],
    ['rule:two', 'windows', 'T1059', 'adopt/windows/two.yml'],
    ['rule:three', 'linux', 'T1003', 'adopt/linux/three.yml'],
  ] as const
  for (const [id, platform, technique_id, rule_file_path] of made) {
    const rule = { asset_type: 'sigma', platform, rule_file_path, adoption: 'candidate' }
    await publish('detection_asset', id, { name: id, ...rule })
    await publish('mapping', `${id}/${technique_id}`, { asset_id: id, technique_id })
  }
  const adopt = (filter: object, more: object = {}) =>
    write('POST', '/assets/adopt', { filter: { rule_file_path: 'adopt/', ...filter }, ...more })
  const candidates = async () =>
    (await ids('/assets?adoption=candidate')).filter((id) => made.some(([one]) => one === id))
  expect(await adopt({}, { dry_run: true })).toMatchObject({
    status: 200,
    body: { adopted: 3, left: 0, asset_ids: ['rule:one', 'rule:three', 'rule:two'] },
  })
  for (const [filter, wanted] of [
    [{ technique_id: 'T1003' }, ['rule:one', 'rule:three']],
    [{ platform: 'Windows', technique_id: 'T1059' }, ['rule:two']],
    [{ rule_file_path: 'adopt/linux/' }, ['rule:three']],
    [{ asset_type: 'native' }, []],
  ] as const) {
    const { body } = await adopt(filter, { dry_run: true })
    expect(body).toMatchObject({ adopted: wanted.length, asset_ids: wanted })
  }
  expect((await adopt({ colour: 'red' })).status).toBe(400)
  expect(await candidates()).toEqual(['rule:one', 'rule:three', 'rule:two'])
  expect(await adopt({ platform: 'windows' })).toMatchObject({
    status: 200,
    body: { adopted: 2, asset_ids: ['rule:one', 'rule:two'] },
  })
  expect(await candidates()).toEqual(['rule:three'])
  expect(await read('/assets/rule:one')).toMatchObject({
    adoption: 'adopted',
    is_counted: true,
    platform: 'windows',
    rule_file_path: 'adopt/windows/one.yml',
    technique_ids: ['T1003.006'],
  })
  expect(await adopt({ platform: 'windows' })).toMatchObject({ body: { adopted: 0 } })
})

async function publish(
  kind: 'detection_asset' | 'mapping',
  id: string,
  entity: Readonly<Record<string, unknown>>,
): Promise<void> {
  const event_time = new Date(nowMs++).toISOString()
  await store.publish({ kind, id, op: 'put', event_time, actor: 'ttpstream:rules', entity })
}
