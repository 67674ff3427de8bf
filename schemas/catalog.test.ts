import { expect, test } from 'vitest'
import { canonicalJson, sha256Hex } from '../core/hash.ts'
import { catalogTime, entityContracts, parseCatalog } from './catalog.ts'
import { formatProblems } from './check.ts'
import { recordSchemas } from './json-schema.ts'

const now = Date.UTC(2026, 10, 20, 9)
const facts = { eventTimeMs: now, validityDays: 180 }

function derived(kind: string, entity: object, extra: object = {}): unknown {
  const change = parseCatalog({ kind, id: 'x', actor: 'jane', entity, ...extra }, facts)
  if (!change.ok) throw new Error(formatProblems(change.problems))
  return change.value.derived
}

function refusal(record: object): string {
  const change = parseCatalog({ id: 'x', ...record }, facts)
  return change.ok ? '' : formatProblems(change.problems)
}

test('the smallest asset gets its defaults and the hash of no infrastructure', () => {
  expect(derived('detection_asset', { name: 'EDR credential dumping', asset_type: 'edr' })).toEqual(
    {
      is_active: true,
      adoption: 'adopted',
      infrastructure_hash: sha256Hex('{}'),
    },
  )
})

test('an asset is hashed over its bytes, and over its infrastructure whatever the key order', () => {
  const content = 'title: …\n'
  const asset = { name: 'a', asset_type: 'sigma', rule_content: content }
  expect(
    derived('detection_asset', { ...asset, infrastructure_details: { siem: 'x', zone: 1 } }),
  ).toMatchObject({
    rule_hash: sha256Hex(content),
    infrastructure_hash: sha256Hex(canonicalJson({ zone: 1, siem: 'x' })),
  })
})

test.each(
  Object.entries(entityContracts).filter(([, contract]) => contract.derivedFields.length > 0),
)('a client may not set a derived field of %s', (kind, contract) => {
  for (const field of contract.derivedFields) {
    expect(refusal({ kind, entity: { [field]: 'x' } })).toContain(
      `entity.${field}: is ours to work out`,
    )
  }
})

test('only our own actors may state derived members', () => {
  const record = {
    kind: 'detection_asset',
    entity: { name: 'a', asset_type: 'sigma' },
    derived: { logic_hash: 'ab' },
  }
  expect(refusal({ ...record, actor: 'ci' })).toBe('derived: is ours to work out; leave it out')
  const own = parseCatalog({ id: 'x', ...record, actor: 'ttpstream:rules' }, facts)
  expect(own).toMatchObject({ ok: true, value: { derived: { logic_hash: 'ab', is_active: true } } })
})

test('a validation expires when it says, else after the standard validity', () => {
  const entity = {
    asset_id: 'a',
    technique_id: 'T1003.006',
    validation_result: 'detected',
    validated_at: '2026-11-20T10:00:00+01:00',
  }
  expect(derived('validation', entity)).toEqual({
    validated_at: '2026-11-20T09:00:00.000Z',
    validated_by: 'jane',
    expires_at: '2027-05-19T09:00:00.000Z',
    is_expiry_default: true,
  })
  expect(derived('validation', { ...entity, expires_at: Date.UTC(2027, 0, 1) })).toMatchObject({
    expires_at: '2027-01-01T00:00:00.000Z',
    is_expiry_default: false,
  })
  expect(
    refusal({ kind: 'validation', entity: { ...entity, expires_at: '2026-11-20T08:59:59Z' } }),
  ).toBe('entity.expires_at: must be after validated_at')
})

test('a signed validation gets another signature when any of its content changes', () => {
  const sign = (text: string) => sha256Hex(`key${text}`)
  const signature = (notes: string, id = 'v1') => {
    const change = parseCatalog(
      { kind: 'validation', id, entity: { asset_id: 'a', validation_result: 'detected', notes } },
      { ...facts, sign },
    )
    return change.ok ? change.value.derived['integrity_hash'] : undefined
  }
  expect(signature('one')).toMatch(/^[0-9a-f]{64}$/)
  expect(signature('one')).toBe(signature('one'))
  expect(signature('two')).not.toBe(signature('one'))
  expect(signature('one', 'v2')).not.toBe(signature('one'))
})

test('a signature is over what we state of a validation too', () => {
  const sign = (text: string) => sha256Hex(`key${text}`)
  const signature = (derived: object) => {
    const entity = { asset_id: 'a', validation_result: 'detected' }
    const record = { kind: 'validation', id: 'v1', actor: 'ttpstream:replay', entity, derived }
    const change = parseCatalog(record, { ...facts, sign })
    return change.ok ? change.value.derived['integrity_hash'] : undefined
  }
  expect(signature({ logic_hash: 'l1' })).toMatch(/^[0-9a-f]{64}$/)
  expect(signature({ logic_hash: 'l1' })).not.toBe(signature({ logic_hash: 'l2' }))
})

test('facts cannot be deleted, entities can', () => {
  expect(refusal({ kind: 'validation', op: 'delete' })).toContain('publish an `invalidation`')
  expect(refusal({ kind: 'erasure', op: 'delete' })).toContain('cannot be taken back')
  expect(refusal({ kind: 'detection_asset', op: 'delete' })).toBe('')
  expect(refusal({ kind: 'merge', op: 'delete' })).toBe('')
})

test('the ages of a decay policy must grow, and its weights become shares of 1', () => {
  expect(refusal({ kind: 'decay_policy', entity: { name: 'p', aging_days: 90 } })).toBe(
    'entity: fresh_days < aging_days < stale_days must hold, they are 90, 90, 365',
  )
  const weights = { recency: 1, coverage: 1, health: 1, diversity: 1 }
  const policy = { name: 'p', weights, applies_to_tactic: 'initial-access' }
  expect(derived('decay_policy', policy)).toMatchObject({
    weights: { recency: 0.25, coverage: 0.25, health: 0.25, diversity: 0.25 },
    applies_to_tactic: 'TA0001',
    fresh_days: 90,
    noisy_alerts_per_day: 100,
  })
  expect(
    refusal({ kind: 'decay_policy', entity: { name: 'p', applies_to_tactic: 'x' } }),
  ).toContain('entity.applies_to_tactic: `x` is not a tactic of ATT&CK 18.1')
  const none = { recency: 0, coverage: 0, health: 0, diversity: 0 }
  expect(refusal({ kind: 'decay_policy', entity: { name: 'p', weights: none } })).toBe(
    'entity.weights: must not all be 0',
  )
})

test('a rule state needs a ceiling to clip, and an end that lies ahead of its own time', () => {
  const kind = 'rule_state'
  expect(refusal({ kind, entity: { state: 'clipped' } })).toContain(
    'entity.confidence_max: is missing',
  )
  expect(refusal({ kind, entity: { state: 'clipped', confidence_max: 1.2 } })).toContain(
    'too large',
  )
  expect(refusal({ kind, entity: { state: 'disabled', expires_at: now } })).toBe(
    'entity.expires_at: has passed already',
  )
  expect(derived(kind, { state: 'disabled', expires_at: now + 1 })).toEqual({
    expires_at: '2026-11-20T09:00:00.001Z',
    set_by: 'jane',
    set_at: '2026-11-20T09:00:00.000Z',
  })
})

test('a membership links an attacker to an identity, or an identity to a campaign, not both', () => {
  const kind = 'membership'
  expect(refusal({ kind, entity: { identity_id: 'i', campaign_id: 'c' } })).toBe('')
  expect(refusal({ kind, entity: { identity_id: 'i', attacker_id: '203.0.113.9' } })).toBe('')
  expect(refusal({ kind, entity: { identity_id: 'i' } })).toContain('has none')
  expect(
    refusal({ kind, entity: { identity_id: 'i', campaign_id: 'c', from: now, to: now } }),
  ).toBe('entity.to: must be after from')
})

test('an entity cannot be merged into itself', () => {
  const entity = { entity_kind: 'identity', loser_id: 'i', winner_id: 'i' }
  expect(refusal({ kind: 'merge', entity })).toBe('entity.winner_id: must not be the loser itself')
})

test('the settings of an alert rule are those of its type', () => {
  const entity = { name: 'r', rule_type: 'high_risk', severity: 'high' }
  expect(derived('alert_rule', { ...entity, config: { min_count: 3 } })).toMatchObject({
    config: { min_risk_score: 75, min_count: 3 },
    is_enabled: true,
  })
  expect(refusal({ kind: 'alert_rule', entity: { ...entity, config: { min_drop: 3 } } })).toBe(
    'entity.config.min_drop: is not a known key',
  )
})

test('a secret never travels on the log', () => {
  const entity = { url: 'https://hooks.example/a', secret: 's3cret' }
  const text = refusal({ kind: 'webhook', entity })
  expect(text).toContain('entity.secret: must not travel on the log')
  expect(text).not.toContain('s3cret')
  expect(refusal({ kind: 'webhook', entity: { url: 'file:///etc/passwd' } })).toContain('http')
})

test('a kind we do not know and a put without its entity are refused', () => {
  expect(refusal({ kind: 'asset' })).toContain(
    'kind: is not a kind of entity; known are detection_asset',
  )
  expect(refusal({ kind: 'detection_asset' })).toContain('entity: is missing')
})

test('the stated time is found before the rest is judged', () => {
  expect(catalogTime({ event_time: '2026-11-20T09:00:00Z' })).toBe(now)
  expect(catalogTime({ event_time: 'soon' })).toBeUndefined()
  expect(catalogTime(null)).toBeUndefined()
})

test('every contract has a JSON Schema for producers', () => {
  const schemas = recordSchemas()
  expect(schemas.tests).toMatchObject({ required: ['test_id'], title: 'ttp.tests' })
  expect(schemas.alerts).toMatchObject({ required: ['alert_id'] })
  expect(schemas.commands).toMatchObject({
    required: ['kind'],
    properties: { fields: { anyOf: [{ type: 'object' }, { type: 'null' }] } },
  })
  expect(schemas.catalog['allOf']).toHaveLength(Object.keys(entityContracts).length)
})
