import type { Attack } from '../../../schemas/attack.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import type { AlertState } from './alerts.ts'
import { type Entity, stateAt, text, type Version, versionsOf } from './catalog.ts'
import { confidences, healths, type World } from './confidence.ts'
import { coverageAt } from './coverage.ts'
import { infrastructureAt } from './records.ts'
import { ownersAt, queueAt } from './upkeep.ts'

/** The list of assets, what rules can detect, how right alerts are, and the totals over all of it. */

const dayMs = 86_400_000
const iso = (ms: number) => new Date(ms).toISOString()

export function assetsAt(rows: readonly CatalogRow[], world: World): Record<string, unknown>[] {
  const { atMs, lifecycle } = world
  const versions = versionsOf(rows, 'detection_asset')
  const mappings = stateAt(versionsOf(rows, 'mapping'), atMs)
  const validations = lifecycle.validations(atMs)
  const health = new Map(healths(world).map((one) => [one.asset_id, one]))
  return lifecycle.assets(atMs).map(({ id, entity, isActive }) => {
    const known = (versions.get(id) ?? []).filter(({ eventMs }) => eventMs <= atMs)
    const puts = known.filter(({ isPut }) => isPut)
    const own = validations.filter(({ assetId }) => assetId === id)
    const valid = own.filter(({ causes }) => causes.length === 0)
    const isAdopted = text(entity, 'adoption') !== 'candidate'
    const changedMs = ruleChangedMs(puts)
    const techniques = mappings
      .filter((mapping) => text(mapping.entity, 'asset_id') === id)
      .map((mapping) => text(mapping.entity, 'technique_id'))
    return {
      asset_id: id,
      name: text(entity, 'name'),
      ...describedIn(entity),
      platform: text(entity, 'platform').toLowerCase() || null,
      rule_hash: text(entity, 'rule_hash') || null,
      logic_hash: text(entity, 'logic_hash') || null,
      last_rule_change_at: changedMs === undefined ? null : iso(changedMs),
      health_status: health.get(id)?.health_status,
      silent_because: health.get(id)?.silent_because,
      last_alert_at: health.get(id)?.last_alert_at,
      last_hit_at: health.get(id)?.last_hit_at,
      alert_count_30d: health.get(id)?.alert_count_30d,
      false_positive_rate: health.get(id)?.false_positive_rate,
      is_active: isActive,
      adoption: text(entity, 'adoption'),
      is_counted: isAdopted || own.length > 0,
      created_by: puts[0]?.actor || null,
      created_at: iso(puts[0]?.eventMs ?? 0),
      updated_at: iso(puts.at(-1)?.eventMs ?? 0),
      technique_ids: [...new Set(techniques)].sort(),
      validation_count: own.length,
      valid_validation_count: valid.length,
      next_expiry_at:
        valid.length === 0 ? null : iso(Math.min(...valid.map(({ expiresMs }) => expiresMs))),
    }
  })
}

/** What somebody says of an asset and nothing is worked out from. */
function describedIn(entity: Entity): Record<string, unknown> {
  const texts = [
    'description',
    'rule_language',
    'rule_repository_url',
    'rule_file_path',
    'rule_version',
    'log_source_name',
    'log_source_version',
    'infrastructure_hash',
    'expected_alert_frequency',
    'owner_id',
    'backup_owner_id',
    'team',
  ]
  const freeForms = ['log_source_config', 'infrastructure_details', 'asset_metadata']
  return {
    ...Object.fromEntries(texts.map((name) => [name, text(entity, name) || null])),
    ...Object.fromEntries(freeForms.map((name) => [name, entity[name] ?? {}])),
    asset_type: text(entity, 'asset_type'),
    tags: entity['tags'] ?? [],
    external_ids: entity['external_ids'] ?? [],
  }
}

/** The last time its rule did something else than before, its first text included. */
function ruleChangedMs(puts: readonly Version[]): number | undefined {
  let changedMs: number | undefined
  let before: Entity | undefined
  for (const [index, { entity, eventMs }] of puts.entries()) {
    if (puts[index + 1]?.eventMs === eventMs) continue
    if (isOther(entity, before)) changedMs = eventMs
    before = entity
  }
  return changedMs
}

function isOther(entity: Entity, before: Entity | undefined): boolean {
  const [logic, hash] = [text(entity, 'logic_hash'), text(entity, 'rule_hash')]
  if (before === undefined) return logic !== '' || hash !== ''
  const logicBefore = text(before, 'logic_hash')
  if (logic !== '' && logicBefore !== '') return logic !== logicBefore
  return hash !== text(before, 'rule_hash')
}

/** Technique → how many rules in service, not disabled, whose log source brought something lately. */
export function detecting(rows: readonly CatalogRow[], world: World): Map<string, number> {
  const { atMs, lifecycle } = world
  const disabled = stateAt(versionsOf(rows, 'rule_state'), atMs)
    .filter(({ entity }) => text(entity, 'state') === 'disabled')
    .filter(({ entity }) => {
      const end = text(entity, 'expires_at')
      return end === '' || Date.parse(end) > atMs
    })
    .map(({ id }) => id)
  const counts = new Map<string, number>()
  for (const { asset, assetId, techniqueId } of lifecycle.detections(atMs)) {
    const isRule = text(asset, 'rule_hash') !== '' || text(asset, 'logic_hash') !== ''
    const source = text(asset, 'log_source_name').toLowerCase()
    const arrived = source === '' ? [] : (world.arrivals.get(source) ?? [])
    const isFed = arrived.some((ms) => ms <= atMs && ms >= atMs - 30 * dayMs)
    if (!isRule || !isFed || disabled.includes(assetId)) continue
    counts.set(techniqueId, (counts.get(techniqueId) ?? 0) + 1)
  }
  return counts
}

export interface AlertWindow {
  readonly from_s: number
  readonly to_s: number
  readonly technique_id: string
  readonly tactic: string
}

export function alertQuality(
  alerts: readonly AlertState[],
  { from_s, to_s, technique_id, tactic }: AlertWindow,
  attack: Attack,
): Record<string, unknown> {
  const chosen = alerts.filter(
    ({ raised_at, technique_ids }) =>
      raised_at >= from_s * 1000 &&
      raised_at < to_s * 1000 &&
      (technique_id === '' ||
        technique_ids.some((id) => id === technique_id || id.startsWith(`${technique_id}.`))) &&
      (tactic === '' ||
        technique_ids.some((id) => attack.technique(id)?.tactics.includes(tactic) === true)),
  )
  const count = (verdict: string) => chosen.filter((alert) => alert.verdict === verdict).length
  const judged = chosen.filter(({ verdict }) => verdict !== null).length
  const [right, wrong] = [count('true_positive'), count('false_positive')]
  return {
    alerts: chosen.length,
    judged,
    true_positives: right,
    false_positives: wrong,
    true_fidelity_pct: right + wrong === 0 ? null : (right / (right + wrong)) * 100,
    verdict_pct: chosen.length === 0 ? null : (judged / chosen.length) * 100,
  }
}

/** Techniques gained and lost in each of the 12 weeks that end with the one of the instant. */
export function coverageWeeks({ atMs, lifecycle }: World, attack: Attack) {
  const fromMonday = (new Date(atMs).getUTCDay() + 6) % 7
  const monday = Math.floor(atMs / dayMs) * dayMs - fromMonday * dayMs
  const ranks = (ms: number) =>
    coverageAt(lifecycle, ms, attack)
      .filter(({ technique }) => technique.domain === 'enterprise-attack')
      .map(({ rank }) => rank)
  const begins = Array.from({ length: 12 }, (_, week) => monday - (11 - week) * 7 * dayMs)
  const seen = [...begins.map((ms) => ranks(ms - 1)), ranks(atMs)]
  return begins.map((ms, week) => {
    const [before = [], after = []] = [seen[week], seen[week + 1]]
    const gained = after.filter((rank, index) => rank > (before[index] ?? 0)).length
    const lost = after.filter((rank, index) => rank < (before[index] ?? 0)).length
    return { week: iso(ms).slice(0, 10), gained, lost, net: gained - lost }
  })
}

export function dashboardAt(rows: readonly CatalogRow[], world: World, attack: Attack) {
  const { atMs, lifecycle } = world
  const assets = assetsAt(rows, world)
  const counted = assets.filter((asset) => asset['is_counted'])
  const healthy = (status: string) =>
    counted.filter((asset) => asset['health_status'] === status).length
  const scores = confidences(world, attack).filter(
    ({ technique_id }) => attack.technique(technique_id)?.domain === 'enterprise-attack',
  )
  const level = (name: string) => scores.filter((one) => one.level === name).length
  const status = (name: string) => scores.filter((one) => one.status === name).length
  const known = scores.filter((one) => one.level !== 'unknown').map(({ score }) => score)
  const owned = new Set(ownersAt(rows, atMs).map((owner) => owner['technique_id']))
  const valid = lifecycle.validations(atMs).filter(({ causes }) => causes.length === 0)
  const queue = queueAt(rows, atMs)
  const changes = infrastructureAt(rows, atMs).map((one) => Date.parse(String(one['change_date'])))
  const orphans = scores.filter(({ technique_id }) => !owned.has(technique_id)).length
  return {
    assets: {
      total: counted.length,
      active: counted.filter((asset) => asset['is_active']).length,
      candidates: assets.length - counted.length,
      by_health: {
        untested: healthy('untested'),
        noisy: healthy('noisy'),
        silent: healthy('silent'),
        healthy: healthy('healthy'),
      },
    },
    coverage: {
      coverage_pct: ((status('validated') + 0.5 * status('partial')) / scores.length) * 100,
      validated: status('validated'),
      partial: status('partial'),
      total: scores.length,
    },
    confidence: {
      score_mean: known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length,
      by_level: {
        unknown: level('unknown'),
        very_low: level('very_low'),
        low: level('low'),
        medium: level('medium'),
        high: level('high'),
      },
    },
    validations: {
      total: lifecycle.validations(atMs).length,
      valid: valid.length,
      expiring_30d: valid.filter(({ expiresMs }) => expiresMs <= atMs + 30 * dayMs).length,
    },
    queue: {
      pending: queue.filter((item) => item['status'] === 'pending').length,
      in_progress: queue.filter((item) => item['status'] === 'in_progress').length,
      overdue: queue.filter(({ due_at, closed_at }) => {
        return closed_at === null && due_at !== null && Date.parse(String(due_at)) < atMs
      }).length,
    },
    ownership: { owned: scores.length - orphans, orphans },
    infrastructure_changes_30d: changes.filter((ms) => ms > atMs - 30 * dayMs && ms <= atMs).length,
  }
}
