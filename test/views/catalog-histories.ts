import fc from 'fast-check'
import { loadAttack } from '../../schemas/attack.ts'
import { type CatalogRow, type Change, catalogRows } from './catalog-rows.ts'

/**
 * A random year of a detection catalogue: assets that change and end, mappings, validations, declared
 * invalidations, infrastructure changes and decay policies. Instants lie on a grid, so that ties are
 * many. Records go through the catalogue's own processor.
 */

export const catalogDay0 = Date.UTC(2026, 0, 1)
export const halfDayMs = 43_200_000

/** With tactics that policies name (TA0001), several tactics, parents and sub-techniques. */
export const techniques = [
  'T1003',
  'T1003.001',
  'T1003.006',
  'T1059',
  'T1059.001',
  'T1059.003',
  'T1078',
  'T1078.002',
  'T1190',
  'T1566',
  'T1566.001',
  'T1566.002',
  'T1110',
  'T1110.001',
  'T1547',
  'T1021',
]

export const assetIds = Array.from({ length: 24 }, (_, index) => `asset-${index}`)
const asset = fc.constantFrom(...assetIds)
const technique = fc.constantFrom(...techniques)
const platform = fc.constantFrom('windows', 'Linux', null)
const logSource = fc.constantFrom('Windows-Security', 'sysmon', null)
const at = fc.integer({ min: 0, max: 600 }).map((half) => catalogDay0 + half * halfDayMs)

const assetPut = fc
  .record({
    id: asset,
    event_time: at,
    platform,
    log_source_name: logSource,
    asset_type: fc.constantFrom('sigma', 'EDR'),
    log_source_version: fc.constantFrom('1', '1', '2', null),
    rule_content: fc.constantFrom('a', 'a', 'b', null),
    rule_version: fc.constantFrom('1', '2', undefined),
    logic: fc.constantFrom('', '', 'l1', 'l2'),
    siem: fc.constantFrom('x', 'x', 'x', 'y'),
    is_active: fc.constantFrom(true, true, true, false, undefined),
    adoption: fc.constantFrom('candidate', 'adopted', undefined),
    external_ids: fc.constantFrom(
      undefined,
      [{ system: 'siem', id: 'x1' }],
      [{ system: 'siem', id: 'x2' }],
    ),
  })
  .map(({ id, event_time, logic, siem, ...rest }): Change => {
    const entity = { name: id, ...rest, infrastructure_details: { siem } }
    if (logic === '') return { kind: 'detection_asset', id, event_time, entity }
    const derived = { logic_hash: logic }
    return { kind: 'detection_asset', id, event_time, entity, derived, actor: 'ttpstream:rules' }
  })

const mappingPut = fc
  .record({
    asset_id: asset,
    technique_id: technique,
    /** Two ids for one pair are met. */
    twin: fc.constantFrom('', '', '', 'b'),
    event_time: at,
    confidence_level: fc.constantFrom('low', 'medium', 'high', undefined),
  })
  .map(({ asset_id, technique_id, twin, event_time, confidence_level }): Change => {
    const entity = { asset_id, technique_id, confidence_level }
    return { kind: 'mapping', id: `${asset_id}/${technique_id}${twin}`, event_time, entity }
  })

const validationPut = fc
  .record({
    number: fc.integer({ min: 0, max: 10_000 }),
    asset_id: asset,
    technique_id: fc.oneof(technique, fc.constant(null)),
    test_id: fc.constantFrom(undefined, 't1', 't2', 't3', 't4'),
    event_time: at,
    /** Imported later than it was seen. */
    age: fc.constantFrom(0, 0, 0, 40),
    validity: fc.constantFrom(undefined, undefined, 20, 300),
    validation_result: fc.constantFrom(
      'detected',
      'detected',
      'partially_detected',
      'not_detected',
    ),
  })
  .map(({ number, age, validity, event_time, ...rest }): Change => {
    const seen = event_time - age * halfDayMs
    const times = {
      validated_at: new Date(seen).toISOString(),
      ...(validity === undefined
        ? {}
        : { expires_at: new Date(seen + validity * 2 * halfDayMs).toISOString() }),
    }
    return { kind: 'validation', id: `v${number}`, event_time, entity: { ...rest, ...times } }
  })

const infrastructurePut = fc
  .record({
    number: fc.integer({ min: 0, max: 20 }),
    event_time: at,
    ahead: fc.integer({ min: -60, max: 60 }),
    affected_platforms: fc.subarray(['Windows', 'linux']),
    affected_log_sources: fc.subarray(['SYSMON', 'windows-security']),
    auto_invalidate: fc.constantFrom(true, true, true, false, undefined),
  })
  .map(({ number, ahead, event_time, ...rest }): Change => {
    const change_date = new Date(Math.max(0, event_time + ahead * halfDayMs)).toISOString()
    const entity = { change_type: 'upgrade', change_date, ...rest }
    return { kind: 'infrastructure_change', id: `c${number}`, event_time, entity }
  })

const policyPut = fc
  .record({
    id: fc.constantFrom('p1', 'p2', 'p3', 'p4', 'default', 'strict-initial-access'),
    event_time: at,
    applies_to_platform: fc.constantFrom('Windows', null, null),
    applies_to_asset_type: fc.constantFrom('edr', null, null),
    applies_to_tactic: fc.constantFrom('TA0001', 'TA0006', null, null),
    fresh_days: fc.constantFrom(10, 60, undefined),
    default_validity_days: fc.constantFrom(30, 90, undefined),
    silent_days: fc.constantFrom(5, 60, undefined),
    noisy_alerts_per_day: fc.constantFrom(1, 2, undefined),
    is_active: fc.constantFrom(true, true, false),
  })
  .map(({ id, event_time, ...rest }): Change => {
    const weights = { recency: 1, coverage: 2, health: 3, diversity: 4 }
    const entity = { name: id, ...rest, weights, is_default: id === 'default' }
    return { kind: 'decay_policy', id, event_time, entity }
  })

/** An analyst's word on an alert of `alert-histories.ts`. */
const verdictPut = fc
  .record({
    number: fc.integer({ min: 0, max: 1_000 }),
    event_time: at,
    alert: fc.integer({ min: 0, max: 60 }),
    verdict: fc.constantFrom('true_positive', 'False_Positive', 'benign'),
  })
  .map(({ number, event_time, alert, verdict }): Change => {
    const entity = { alert_id: `alert-${alert}`, verdict }
    return { kind: 'verdict', id: `w${number}`, event_time, entity }
  })

const deletion = fc
  .record({
    event_time: at,
    target: fc.oneof(
      asset.map((id) => ({ kind: 'detection_asset', id })),
      fc.tuple(asset, technique).map(([a, t]) => ({ kind: 'mapping', id: `${a}/${t}` })),
      fc.constantFrom('p1', 'p2', 'default').map((id) => ({ kind: 'decay_policy', id })),
      fc.integer({ min: 0, max: 20 }).map((n) => ({ kind: 'infrastructure_change', id: `c${n}` })),
    ),
  })
  .map(({ event_time, target }): Change => ({ ...target, op: 'delete', event_time }))

/** Changes of a year, in no order, some of them twice. */
function sampleChanges(seed: number): Change[] {
  const many = (arbitrary: fc.Arbitrary<Change>, count: number) =>
    fc.sample(arbitrary, { seed, numRuns: count })
  const validations = many(validationPut, 160)
  const invalidations = validations
    .filter((_, index) => index % 12 === 0)
    .map(({ id, event_time }, index): Change => {
      const entity = { validation_id: id, reason: 'because' }
      const later = event_time + index * 4 * halfDayMs
      return { kind: 'invalidation', id: `i${id}`, event_time: later, entity }
    })
  const changes = [
    ...many(assetPut, 110),
    ...many(mappingPut, 90),
    ...validations,
    ...invalidations,
    ...many(infrastructurePut, 6),
    ...many(policyPut, 10),
    ...many(verdictPut, 25),
    ...many(deletion, 25),
  ]
  const repeated = changes.filter((_, index) => index % 9 === 0)
  const [order = []] = fc.sample(
    fc.shuffledSubarray([...changes, ...repeated], {
      minLength: changes.length + repeated.length,
    }),
    { seed, numRuns: 1 },
  )
  return order
}

/** The rows that the catalogue's processor makes of a random year. */
export function sampleCatalog(seed: number): readonly CatalogRow[] {
  return catalogRows(sampleChanges(seed))
}

/** Such a year of assets that are made from rules of ours. */
export function sampleRuleCatalog(seed: number, firstOffset: number): readonly CatalogRow[] {
  const ofRules = JSON.stringify(sampleChanges(seed)).replaceAll('"asset-', '"rule:asset-')
  // Checked: the text above is of changes.
  return catalogRows(JSON.parse(ofRules) as Change[], { firstOffset })
}

export const attack = loadAttack()
