import type { CatalogRow } from '../catalog-rows.ts'
import { type Entity, stateAt, text, texts, type Version, versionsOf } from './catalog.ts'
import type { Lifecycle } from './lifecycle.ts'
import { inOrder, type TestState } from './tests.ts'

/** Lists of what people maintain, and what of it waits for somebody, one entity after the other. */

type Found = Record<string, unknown>

const iso = (ms: number) => new Date(ms).toISOString()

function json(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value)
}

/** When it was first put: that somebody ended it before is no beginning. */
function createdAt(versions: Map<string, Version[]>, id: string, atMs: number): string {
  const known = (versions.get(id) ?? []).filter(({ eventMs }) => eventMs <= atMs)
  return iso(known.find(({ isPut }) => isPut)?.eventMs ?? 0)
}

export function infrastructureAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const versions = versionsOf(rows, 'infrastructure_change')
  return stateAt(versions, atMs).map(({ id, entity, eventMs }) => ({
    change_id: id,
    change_type: text(entity, 'change_type'),
    description: text(entity, 'description'),
    change_metadata: json(entity['change_metadata']),
    affected_platforms: texts(entity, 'affected_platforms').map((name) => name.toLowerCase()),
    affected_log_sources: texts(entity, 'affected_log_sources'),
    change_date: text(entity, 'change_date'),
    reported_by: text(entity, 'reported_by'),
    auto_invalidate: entity['auto_invalidate'] !== false,
    created_at: createdAt(versions, id, atMs),
    updated_at: iso(eventMs),
  }))
}

const builtIn = ['default', 'strict-initial-access']

/** Those that were put; the built-in ones are there until somebody puts or ends them. */
export function policiesAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const versions = versionsOf(rows, 'decay_policy')
  return stateAt(versions, atMs).map(({ id, entity, eventMs }) => {
    // Checked: the processor derives weights as shares of 1.
    const weights = entity['weights'] as Record<string, number>
    return {
      policy_id: id,
      name: text(entity, 'name'),
      description: text(entity, 'description'),
      applies_to_platform: text(entity, 'applies_to_platform').toLowerCase(),
      applies_to_asset_type: text(entity, 'applies_to_asset_type').toLowerCase(),
      applies_to_tactic: text(entity, 'applies_to_tactic'),
      fresh_days: entity['fresh_days'],
      aging_days: entity['aging_days'],
      stale_days: entity['stale_days'],
      default_validity_days: entity['default_validity_days'],
      silent_days: entity['silent_days'],
      noisy_alerts_per_day: entity['noisy_alerts_per_day'],
      weight_recency: weights['recency'],
      weight_coverage: weights['coverage'],
      weight_health: weights['health'],
      weight_diversity: weights['diversity'],
      is_default: entity['is_default'] === true,
      is_active: entity['is_active'] !== false,
      created_at: builtIn.includes(id) ? iso(0) : createdAt(versions, id, atMs),
      updated_at: iso(eventMs),
    }
  })
}

export function candidatesAt(rows: readonly CatalogRow[], atMs: number): Found[] {
  const mappings = stateAt(versionsOf(rows, 'mapping'), atMs)
  const puts = rows.filter((row) => row.kind === 'detection_asset' && row.event_time <= atMs)
  return stateAt(versionsOf(rows, 'detection_asset'), atMs)
    .filter(({ entity }) => text(entity, 'adoption') === 'candidate')
    .map(({ id }) => ({
      asset_id: id,
      entity: puts
        .filter((row) => row.id === id)
        .toSorted(inOrder)
        .at(-1)?.entity,
      technique_ids: mappedTo(mappings, id),
    }))
}

function mappedTo(mappings: readonly Version[], assetId: string): string[] {
  const own = mappings.filter(({ entity }) => text(entity, 'asset_id') === assetId)
  return [...new Set(own.map(({ entity }) => text(entity, 'technique_id')))].sort()
}

/** R9: rules whose last passing test no longer counts because what they do was changed. */
export function revalidationsDue(
  rows: readonly CatalogRow[],
  lifecycle: Lifecycle,
  rounds: readonly TestState[],
  atMs: number,
): Found[] {
  const assets = versionsOf(rows, 'detection_asset')
  const told = versionsOf(rows, 'validation')
  const validations = lifecycle
    .validations(atMs)
    .filter(({ assetId }) => assetId.startsWith('rule:'))
    .toSorted((a, b) => a.validatedMs - b.validatedMs || a.rank - b.rank)
  const pairs = new Map(validations.map((one) => [`${one.assetId} ${one.techniqueId}`, one]))
  return [...pairs.values()].flatMap(({ assetId, techniqueId }) => {
    const own = validations.filter((one) => one.assetId === assetId)
    const isUpheld = own.some(
      (one) => one.causes.length === 0 && ['', techniqueId].includes(one.techniqueId),
    )
    const success = own.findLast((one) => one.techniqueId === techniqueId && one.result > 0)
    if (isUpheld || success === undefined || !success.causes.includes('rule_changed')) return []
    const puts = (assets.get(assetId) ?? []).filter((one) => one.isPut && one.eventMs <= atMs)
    const then = puts.findLast(({ eventMs }) => eventMs <= success.validatedMs) ?? puts[0]
    const now = puts.at(-1)?.entity ?? {}
    const test_id = text(told.get(success.id)?.[0]?.entity ?? {}, 'test_id')
    return [
      {
        asset_id: assetId,
        rule_id: assetId.slice('rule:'.length),
        technique_id: techniqueId,
        validation_id: success.id,
        validation_result: success.result === 2 ? 'detected' : 'partially_detected',
        validated_at: success.validatedMs,
        expires_at: success.expiresMs,
        causes: success.causes,
        rule_version_from: text(then?.entity ?? {}, 'rule_version'),
        rule_version_to: text(now, 'rule_version'),
        logic_hash: text(now, 'logic_hash'),
        test_id,
        ...runBefore(rounds, test_id, success.validatedMs),
      },
    ]
  })
}

/** The last time that the test was begun before it was validated. */
function runBefore(rounds: readonly TestState[], testId: string, validatedMs: number): Entity {
  const begun = rounds
    .filter((one) => one.test_id === testId && (one.red_started_at ?? Infinity) <= validatedMs)
    .toSorted((a, b) => (a.red_started_at ?? 0) - (b.red_started_at ?? 0))
  const run = begun.at(-1)
  const machines = [...(run?.hosts ?? []), ...(run?.targets ?? [])]
  return {
    started_at: run?.red_started_at ?? null,
    ended_at: run?.red_ended_at ?? null,
    machines: [...new Set(machines.filter((name) => !name.includes('.')))],
  }
}
