import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ApiStore, startApiStore } from './api-store.ts'

/** Identities that are merged and attackers that they are, through the catalog's own processor. */

let store: ApiStore
const day0 = Date.parse('2026-11-01T00:00:00Z')
let nowMs = Date.parse('2026-11-20T10:00:00Z')
const base = '/api/v1/ttp/identities'

beforeAll(async () => {
  store = await startApiStore({ clock: { now: () => nowMs++ } })
  const tag = (given: object, day: number) => ({
    ...given,
    event_time: day0 + day * 86_400_000,
    technique_id: 'T1003',
    tactic: 'TA0006',
    tactics: ['TA0006'],
    confidence: 0.8,
  })
  await store.insert('tags', [
    tag({ identity_id: 'red' }, 1),
    tag({ identity_id: 'blue' }, 2),
    tag({ attacker_id: '2001:db8::1' }, 3),
    tag({ attacker_id: '2001:db8::1' }, 9),
    tag({ attacker_id: '2001:db8::1', identity_id: 'other' }, 3),
  ])
}, 60_000)
afterAll(() => store.close())

function send(method: string, path: string, value?: object) {
  if (value === undefined) return store.send(`${base}/${path}`, { method })
  const headers = { 'content-type': 'application/json' }
  return store.send(`${base}/${path}`, { method, headers, body: JSON.stringify(value) })
}

async function countOf(identity: string, query = ''): Promise<number> {
  const { body } = await store.send(`/api/v1/ttp/by-identity/${identity}${query}`)
  const { data } = body as { data: { count: number }[] }
  return data.reduce((sum, { count }) => sum + count, 0)
}

test('merges and attackers are followed at once, back in time, and un-merging restores', async () => {
  expect(await countOf('red')).toBe(1)
  const before = new Date(nowMs).toISOString()
  const joined = await send('POST', 'blue/attackers', {
    // As a producer may write it: tags have the one form of the address.
    attacker_id: '[2001:DB8::1]:443',
    to: '2026-11-05T00:00:00Z',
  })
  expect(joined.status).toBe(200)
  expect(joined.body).toMatchObject({
    merged_into: null,
    attackers: [{ attacker_id: '2001:db8::1', from: null, to: '2026-11-05T00:00:00.000Z' }],
  })
  expect(await countOf('blue')).toBe(2)
  expect(await send('PUT', 'red/merge', { winner_id: 'blue' })).toMatchObject({
    status: 200,
    body: { merged_into: 'blue', resolved_id: 'blue', members: ['blue', 'red'] },
  })
  expect([await countOf('red'), await countOf('blue')]).toEqual([3, 3])
  expect(await countOf('red', '?to=2026-11-20T09:00:00Z')).toBe(1)
  expect((await store.send(`${base}/red?at=${before}`)).body).toMatchObject({ members: ['red'] })
  expect((await store.send(`${base}/blue`)).body).toMatchObject({ merged_into: null })

  const { attackers } = joined.body as { attackers: { membership_id: string }[] }
  const left = await send('DELETE', `red/attackers/${attackers[0]?.membership_id}`)
  expect(left.body).toMatchObject({ attackers: [] })
  expect(await countOf('red')).toBe(2)
  expect(await send('DELETE', 'red/merge')).toMatchObject({
    status: 200,
    body: { merged_into: null, members: ['red'] },
  })
  expect([await countOf('red'), await countOf('blue')]).toEqual([1, 1])
  expect((await send('DELETE', 'red/merge')).status).toBe(404)
})

test('the fold refuses a circle, the API says so, and the record is a dead letter', async () => {
  expect((await send('PUT', 'a/merge', { winner_id: 'b' })).status).toBe(200)
  expect((await send('PUT', 'b/merge', { winner_id: 'c' })).status).toBe(200)
  expect(await send('PUT', 'c/merge', { winner_id: 'a' })).toMatchObject({
    status: 409,
    body: {
      detail: 'The catalog refused the change: this would close a circle: c → a → b → c',
    },
  })
  expect((await store.send(`${base}/a`)).body).toMatchObject({
    resolved_id: 'c',
    members: ['a', 'b', 'c'],
  })
  // Its own merge may go elsewhere.
  expect((await send('PUT', 'a/merge', { winner_id: 'd' })).body).toMatchObject({
    resolved_id: 'd',
    members: ['a', 'd'],
  })
  expect((await send('PUT', 'a/merge', { winner_id: 'a' })).status).toBe(400)
})

test('an identity that nothing ever named is not found', async () => {
  expect((await store.send(`${base}/nobody`)).status).toBe(404)
  // Nor was it before anything did, whatever is known of it now.
  expect((await store.send(`${base}/other?at=2001-01-01T00:00:00Z`)).status).toBe(404)
  expect((await store.send(`${base}/other`)).body).toEqual({
    id: 'other',
    merged_into: null,
    resolved_id: 'other',
    members: ['other'],
    attackers: [],
  })
})
