import { expect, test } from 'vitest'
import type { CatalogRecord } from '../api/catalog-writer.ts'
import { TransientError } from '../core/error.ts'
import { checkedClient, nowMs, type Send, testApp } from './api-client.ts'
import { ViewRecorder } from './view-recorder.ts'

const path = '/api/v1/ttp/rules/sigma:611eab06/state'
const position = { topic: 'ttp.catalog', partition: 0, offset: 7 }
const readable = { progress_newest: [{ log: 'l1', last: 7 }] }

function harness(rows: Record<string, object[]> = readable): {
  send: Send
  published: CatalogRecord[]
  views: ViewRecorder
} {
  const published: CatalogRecord[] = []
  const views = new ViewRecorder(rows)
  const app = testApp({
    views,
    writeWaitMsMax: 60,
    publish: async (record) => {
      published.push(record)
      return position
    },
  })
  return { send: checkedClient(app), published, views }
}

function post(body: unknown, contentType = 'application/json'): RequestInit {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { method: 'POST', headers: { 'content-type': contentType }, body: text }
}

test('a state that is set goes to the catalog with who and when, and is answered once readable', async () => {
  const { send, published } = harness()
  const change = {
    state: 'clipped',
    confidence_max: 0.5,
    expires_at: '2026-12-01T02:00:00+02:00',
    reason: 'noisy',
  }
  expect(await send(path, post(change))).toMatchObject({
    status: 200,
    body: {
      ...change,
      expires_at: '2026-12-01T00:00:00.000Z',
      set_by: 'local',
      set_at: '2026-11-21T00:00:00.000Z',
    },
  })
  expect(published).toEqual([
    {
      kind: 'rule_state',
      id: 'sigma:611eab06',
      op: 'put',
      event_time: new Date(nowMs).toISOString(),
      actor: 'local',
      entity: change,
    },
  ])
})

test('a write that no worker has read in time is 202 with its place on the log', async () => {
  for (const rows of [{}, { progress_newest: [{ log: 'l1', last: 6 }] }]) {
    const { send } = harness(rows)
    expect(await send(path, post({ state: 'disabled' }))).toMatchObject({
      status: 202,
      body: { position },
    })
  }
})

test('what the contract of the entity refuses is never published', async () => {
  const { send, published } = harness()
  const refused = [
    { state: 'clipped' },
    { state: 'disabled', expires_at: '2026-11-20T23:59:59Z' },
    { state: 'off' },
    { state: 'disabled', confidence_max: 2 },
    {},
    [],
    'null',
  ]
  for (const body of refused) {
    const answer = await send(path, post(body))
    expect(answer, JSON.stringify(body)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ location: 'body' }] },
    })
  }
  expect(published).toEqual([])
})

test('all mistakes of a body come at once', async () => {
  const { send } = harness()
  const { body } = await send(path, post({ state: 'off', confidence_max: 2, note: 'x' }))
  expect(body).toMatchObject({
    errors: [{ name: 'state' }, { name: 'confidence_max' }, { name: 'note' }],
  })
})

test('a body that is not JSON is 400, one that claims to be something else 415', async () => {
  const { send, published } = harness()
  expect(await send(path, post('{"state":'))).toMatchObject({
    status: 400,
    body: { code: 'malformed-json' },
  })
  expect((await send(path, post('state=disabled', 'text/plain'))).status).toBe(415)
  expect(
    (await send(path, post('state=disabled', 'application/x-www-form-urlencoded'))).status,
  ).toBe(415)
  expect((await send(path, { method: 'POST' })).status).toBe(400)
  expect((await send(path, post(`"${'x'.repeat(1_048_577)}"`))).status).toBe(413)
  expect(published).toEqual([])
})

test('a change that the engine refused is 409 with its reason', async () => {
  const { send, views } = harness({
    ...readable,
    dead_letters_of_block: [{ reason: 'entity.state: is missing' }],
  })
  expect(await send(path, post({ state: 'disabled' }))).toMatchObject({
    status: 409,
    body: { detail: 'The catalog refused the change: entity.state: is missing' },
  })
  expect(views.calls.at(-1)).toEqual({
    view: 'dead_letters_of_block',
    parameters: { log: 'l1', topic: 'ttp.catalog', partition: 0, first: 7, last: 7 },
  })
})

test('Kafka away is 503 and Retry-After', async () => {
  const send = checkedClient(
    testApp({
      publish: async () => {
        throw new TransientError('kafka-unavailable', 'broker 10.0.0.7:9092 refused')
      },
    }),
  )
  const { status, headers, body } = await send(path, post({ state: 'disabled' }))
  expect(status).toBe(503)
  expect(headers.has('retry-after')).toBe(true)
  expect(JSON.stringify(body)).not.toContain('10.0.0.7')
})

test('a state that is deleted ends on the log and the rule reads enabled', async () => {
  const { send, published } = harness()
  expect(await send(path, { method: 'DELETE' })).toMatchObject({
    status: 200,
    body: { state: 'enabled', confidence_max: null, reason: null, set_by: null },
  })
  expect(published).toMatchObject([{ op: 'delete', kind: 'rule_state', entity: {} }])
})

test('any rule without a state, known or not, reads enabled', async () => {
  const state = {
    state: 'disabled',
    confidenceMax: null,
    expiresAtMs: nowMs,
    reason: 'r',
    setBy: 'u',
    setAtMs: 0,
  } as const
  const send = checkedClient(testApp({ ruleStates: () => new Map([['r1', state]]) }))
  expect((await send('/api/v1/ttp/rules/r1/state')).body).toMatchObject({
    state: 'disabled',
    expires_at: '2026-11-21T00:00:00.000Z',
    set_at: '1970-01-01T00:00:00.000Z',
  })
  expect((await send('/api/v1/ttp/rules/none/state')).body).toMatchObject({
    state: 'enabled',
    reason: null,
  })
})
