import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HitRates } from './hit-rates.ts'
import type { Outcome } from './processor.ts'
import { Quarantine } from './quarantine.ts'
import { RateLimit } from './rate-limit.ts'
import { RuleStates } from './rule-states.ts'

const windowMs = 60_000
const options = { windowMs, matchesMin: 100, quarantineMs: 10 * windowMs }
const startMs = Date.UTC(2026, 10, 20)

function block(events: number, matches: Readonly<Record<string, number>>): Outcome {
  const byRule = new Map(
    Object.entries(matches).map(([id, count]) => [id, { matches: count, tags: {} }]),
  )
  return { rows: {}, events, deletions: 0, dropped: {}, byRule }
}

function calm(quarantine: Quarantine, windows: number, fromMs = startMs): void {
  for (let n = 0; n < windows; n += 1) {
    expect(quarantine.judge(block(1_000, { r: 10 }), fromMs + n * windowMs, noState)).toEqual([])
  }
}

const noState = () => false

test('a rule that matches ten times its share is found, in the block where it happens, and once', () => {
  const quarantine = new Quarantine(options)
  calm(quarantine, 5)
  const now = startMs + 5 * windowMs
  expect(quarantine.judge(block(1_000, { r: 99, steady: 1 }), now, noState)).toEqual([])
  expect(quarantine.judge(block(1_000, { r: 101 }), now + 1, noState)).toEqual([
    { ruleId: 'r', matches: 200, share: 0.1, shareBefore: 0.01 },
  ])
  expect(quarantine.judge(block(1_000, { r: 500 }), now + 2, noState)).toEqual([])
})

test.each([
  ['just below ten times its share', 5, 1_000, 99],
  ['with too few matches', 5, 100, 99],
  ['without a history', 4, 1_000, 1_000],
])('a rule is left alone %s', (_what, windows, events, matches) => {
  const quarantine = new Quarantine({ ...options, matchesMin: 99 + Number(events === 100) })
  calm(quarantine, windows)
  const now = startMs + 5 * windowMs
  expect(quarantine.judge(block(events, { r: matches }), now, noState)).toEqual([])
})

test('a new rule that matches a tenth of everything explodes against a history without it', () => {
  const quarantine = new Quarantine(options)
  calm(quarantine, 5)
  const found = quarantine.judge(block(1_000, { fresh: 100 }), startMs + 5 * windowMs, noState)
  expect(found.map(({ ruleId }) => ruleId)).toEqual(['fresh'])
})

test('a rule with a state is not judged, and one that somebody released is left alone for a while', () => {
  const quarantine = new Quarantine(options)
  calm(quarantine, 5)
  const now = startMs + 5 * windowMs
  const flood = block(1_000, { r: 900 })
  expect(quarantine.judge(flood, now, () => true)).toEqual([])
  quarantine.release('r', now)
  expect(quarantine.judge(flood, now + 1, noState)).toEqual([])
  const later = now + options.quarantineMs
  expect(quarantine.judge(flood, later, noState)).toHaveLength(1)
})

test('the record that it publishes is a state that every worker takes, and that expires', () => {
  const quarantine = new Quarantine(options)
  const explosion = { ruleId: 'r', matches: 200, share: 0.1, shareBefore: 0.01 }
  const { key, value } = quarantine.record('ttp.catalog', explosion, startMs)
  expect(key).toBe('rule_state:r')
  const states = new RuleStates()
  states.apply({ offset: 0, timestampMs: startMs, key: null, value: Buffer.from(value) })
  expect(states.snapshot().get('r')).toMatchObject({
    state: 'quarantined',
    reason: '200 matches within 60 s: 10.00 % of events, 1.00 % before',
    setBy: 'ttpstream:quarantine',
  })
  expect(states.expire(startMs + options.quarantineMs)).toHaveLength(1)
})

test('no rule explodes whose share stays within twice its own', () => {
  const counts = fc.array(fc.integer({ min: 100, max: 200 }), { minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(counts, (matches) => {
      const rates = new HitRates({ windowMs, matchesMin: 1 })
      matches.forEach((count, n) => {
        expect(rates.add(startMs + n * 20_000, 1_000, new Map([['r', count]]))).toEqual([])
      })
    }),
  )
})

test('a limit counts each rule, entity and minute of event time on its own', () => {
  const limit = new RateLimit(2)
  const nobody = { identityId: '', attackerId: '', sessionId: '', host: '', user: '', decoy: '' }
  const at = (eventTimeMs: number, host = 'h1') => ({ ...nobody, host, eventTimeMs })
  const minute = startMs
  expect([0, 1, 59_999].map((ms) => limit.allows('r', at(minute + ms)))).toEqual([
    true,
    true,
    false,
  ])
  expect(limit.allows('r', at(minute + 60_000))).toBe(true)
  expect(limit.allows('r', at(minute, 'h2'))).toBe(true)
  expect(limit.allows('r', { ...at(minute, ''), user: 'h1' })).toBe(true)
  expect(limit.allows('other', at(minute))).toBe(true)
  expect(new RateLimit(0).allows('r', at(minute))).toBe(true)
})
