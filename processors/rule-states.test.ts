import { expect, test } from 'vitest'
import type { LogRecord } from '../core/kafka.ts'
import { RuleStates } from './rule-states.ts'

const nowMs = Date.UTC(2026, 10, 20, 12, 0, 0)

function record(body: object | string): LogRecord {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { offset: 0, timestampMs: nowMs, key: null, value: Buffer.from(text) }
}

function stateRecord(id: string, entity: object): LogRecord {
  return record({ kind: 'rule_state', id, actor: 'ana', entity })
}

test('the last record of a rule counts, and enabling it or deleting the state ends it', () => {
  const states = new RuleStates()
  states.apply(stateRecord('r1', { state: 'disabled', reason: 'noisy' }))
  states.apply(stateRecord('r2', { state: 'clipped', confidence_max: 0.4 }))
  expect(states.snapshot().get('r1')).toMatchObject({
    state: 'disabled',
    reason: 'noisy',
    setBy: 'ana',
  })
  expect(states.snapshot().get('r2')).toMatchObject({ state: 'clipped', confidenceMax: 0.4 })
  states.apply(stateRecord('r1', { state: 'enabled' }))
  states.apply(record({ kind: 'rule_state', id: 'r2', op: 'delete' }))
  expect(states.snapshot().size).toBe(0)
})

test('an expired state is no state, and the expiry is told once', () => {
  const states = new RuleStates()
  const expires_at = new Date(nowMs + 60_000).toISOString()
  states.apply(stateRecord('r1', { state: 'disabled', expires_at }))
  expect(states.nextExpiryMs()).toBe(nowMs + 60_000)
  expect(states.expire(nowMs + 59_999)).toEqual([])
  expect(states.expire(nowMs + 60_000)).toEqual([
    { ruleId: 'r1', state: null, kind: 'state_reverted' },
  ])
  expect(states.expire(nowMs + 60_000)).toEqual([])
  expect(states.snapshot().size).toBe(0)
})

test.each([
  '{"broken',
  '[]',
  JSON.stringify({ kind: 'mapping', id: 'x', entity: {} }),
  JSON.stringify({ kind: 'rule_state', id: 'r', entity: { state: 'clipped' } }),
  JSON.stringify({ kind: 'rule_state', id: 'r', entity: { state: 'off' } }),
  JSON.stringify({
    kind: 'rule_state',
    id: 'r',
    entity: { state: 'disabled', expires_at: '2020-01-01T00:00:00Z' },
  }),
])('a record that the catalog refuses changes nothing: %s', (text) => {
  const states = new RuleStates()
  expect(states.apply(record(text))).toBeNull()
  expect(states.snapshot().size).toBe(0)
})

test('a snapshot is not touched by later changes', () => {
  const states = new RuleStates()
  const before = states.snapshot()
  states.apply(stateRecord('r1', { state: 'disabled' }))
  expect(before.size).toBe(0)
})
