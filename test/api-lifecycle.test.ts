import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiStore, startApiStore } from './api-store.ts'

/** The detection lifecycle: writes through the catalog's own processor, read back from the views. */

let store: ApiStore
let nowMs = Date.parse('2026-11-20T10:00:00Z')

const base = '/api/v1/detection-lifecycle'

beforeAll(async () => {
  // Every look at the clock is a millisecond later, so that writes have an order.
  store = await startApiStore({ clock: { now: () => nowMs++ } })
}, 60_000)

afterAll(() => store.close())

function body(method: string, value: object): RequestInit {
  return {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }
}

test('an infrastructure change that is reported is read back as the log has it', async () => {
  const created = await store.send(
    `${base}/infrastructure-changes`,
    body('POST', {
      change_type: 'SIEM_upgrade',
      affected_platforms: ['Windows'],
      change_date: '2026-11-20T02:00:00+02:00',
      change_metadata: { ticket: 'CHG-17' },
    }),
  )
  expect(created).toMatchObject({
    status: 201,
    body: {
      change_type: 'siem_upgrade',
      affected_platforms: ['windows'],
      affected_log_sources: [],
      change_date: '2026-11-20T00:00:00.000Z',
      reported_by: 'local',
      auto_invalidate: true,
      description: null,
      change_metadata: { ticket: 'CHG-17' },
    },
  })
  const { body: list } = await store.send(`${base}/infrastructure-changes?platform=WINDOWS`)
  expect(list).toMatchObject({ total: 1, data: [created.body] })
  expect(
    (await store.send(`${base}/infrastructure-changes?from=2026-11-20T00:00:01Z`)).body,
  ).toMatchObject({ total: 0 })
  expect(
    (await store.send(`${base}/infrastructure-changes?at=2026-11-20T09:00:00Z`)).body,
  ).toMatchObject({ total: 0 })
})

test('the state of a rule can be asked of any time, and every state that it had', async () => {
  const path = '/api/v1/ttp/rules/linux-shell.history/state'
  const told = (op: 'put' | 'delete', event_time: string, entity: Record<string, unknown>) =>
    store.publish({
      kind: 'rule_state',
      id: 'linux-shell.history',
      op,
      event_time,
      actor: 'u-7',
      entity,
    })
  await told('put', '2026-11-01T00:00:00.000Z', { state: 'disabled', reason: 'noisy' })
  await told('put', '2026-11-02T00:00:00.000Z', {
    state: 'clipped',
    confidence_max: 0.4,
    expires_at: '2026-11-03T02:00:00+02:00',
  })
  await told('delete', '2026-11-05T00:00:00.000Z', {})
  const at = async (time: string) => (await store.send(`${path}?at=${time}`)).body
  expect(await at('2026-10-31T00:00:00Z')).toMatchObject({ state: 'enabled', set_by: null })
  expect(await at('2026-11-01T00:00:00Z')).toMatchObject({ state: 'disabled', reason: 'noisy' })
  expect(await at('2026-11-02T23:59:59Z')).toMatchObject({ state: 'clipped', confidence_max: 0.4 })
  expect(await at('2026-11-03T00:00:00Z')).toMatchObject({ state: 'enabled', set_by: null })
  const whole = (await store.send(`${path}/history`)).body
  expect(whole).toMatchObject({
    data: [
      { state: 'enabled', set_by: 'u-7', set_at: '2026-11-05T00:00:00.000Z' },
      { state: 'clipped', confidence_max: 0.4, expires_at: '2026-11-03T00:00:00.000Z' },
      { state: 'disabled', reason: 'noisy', set_at: '2026-11-01T00:00:00.000Z' },
    ],
    next_cursor: null,
  })
  const [first, rest] = [`${path}/history?limit=2`, `${path}/history?at=2026-11-01T12:00:00Z`]
  expect((await store.send(rest)).body).toMatchObject({ data: [{ state: 'disabled' }] })
  const { next_cursor } = (await store.send(first)).body as { next_cursor: string }
  expect((await store.send(`${first}&cursor=${next_cursor}`)).body).toMatchObject({
    data: [{ state: 'disabled' }],
    next_cursor: null,
  })
})

test('what the contract refuses is 400 with every reason', async () => {
  expect(
    await store.send(
      `${base}/infrastructure-changes`,
      body('POST', { change_date: 'soon', invalidated_count: 3 }),
    ),
  ).toMatchObject({
    status: 400,
    body: {
      errors: [
        { location: 'body', name: 'invalidated_count' },
        { location: 'body', name: 'change_type' },
        { location: 'body', name: 'change_date' },
      ],
    },
  })
})

test('two policies are built in; one that is added or changed says so', async () => {
  const { body: builtIn } = await store.send(`${base}/policies`)
  expect(builtIn).toMatchObject({
    data: [
      { id: 'default', is_default: true, fresh_days: 90, updated_at: null },
      { id: 'strict-initial-access', applies_to_tactic: 'TA0001', fresh_days: 45 },
    ],
  })
  const added = await store.send(
    `${base}/policies`,
    body('POST', {
      name: 'Cloud',
      applies_to_platform: 'AWS',
      fresh_days: 30,
      weights: { recency: 1 },
    }),
  )
  expect(added).toMatchObject({
    status: 201,
    body: { name: 'Cloud', applies_to_platform: 'aws', fresh_days: 30, aging_days: 180 },
  })
  const { weights } = added.body as { weights: Record<string, number> }
  expect(Object.values(weights).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
  const changed = await store.send(`${base}/policies/default`, body('PATCH', { fresh_days: 60 }))
  expect(changed).toMatchObject({
    status: 200,
    body: { id: 'default', name: 'Default', fresh_days: 60, aging_days: 180, is_default: true },
  })
  expect((await store.send(`${base}/policies/none`, body('PATCH', {}))).status).toBe(404)
  expect(
    await store.send(`${base}/policies/default`, body('PATCH', { fresh_days: 500 })),
  ).toMatchObject({ status: 400, body: { errors: [{ location: 'body' }] } })
})

test('confidence follows a validation, technique by technique', async () => {
  const put = (kind: 'detection_asset' | 'mapping' | 'validation', id: string, entity: object) =>
    store.publish({
      kind,
      id,
      op: 'put',
      event_time: '2026-11-10T00:00:00Z',
      actor: 'u-12',
      entity: { ...entity },
    })
  await put('detection_asset', 'a1', { name: 'A', asset_type: 'sigma', platform: 'linux' })
  await put('mapping', 'm1', { asset_id: 'a1', technique_id: 'T1105', confidence_level: 'high' })
  await put('validation', 'v1', { asset_id: 'a1', validation_result: 'detected' })
  const { status, body: one } = await store.send(`${base}/confidence/T1105?at=2026-11-12T00:00:00Z`)
  expect(status).toBe(200)
  expect(one).toMatchObject({
    technique_id: 'T1105',
    name: 'Ingress Tool Transfer',
    status: 'validated',
    detection_count: 1,
    valid_detection_count: 1,
    recency: 1,
    coverage: 1,
    last_validated_at: '2026-11-10T00:00:00.000Z',
    detection_rate: null,
    parent_id: null,
  })
  expect((await store.send(`${base}/confidence/T9999`)).status).toBe(404)
  expect((await store.send(`${base}/confidence/x`)).status).toBe(400)
  const { body: list } = await store.send(
    `${base}/confidence?at=2026-11-12T00:00:00Z&tactic=command-and-control&limit=2`,
  )
  const { data, total } = list as { data: { technique_id: string }[]; total: number }
  expect(data).toHaveLength(2)
  expect(total).toBeGreaterThan(20)
  const unknown = await store.send(`${base}/confidence?confidence_level=unknown&limit=1`)
  expect(unknown.body).toMatchObject({ data: [{ score: 0, level: 'unknown', detection_count: 0 }] })
})
