import type { Attack } from '../../../schemas/attack.ts'
import type { AlertState } from './alerts.ts'
import { text } from './catalog.ts'
import type { Detection, Lifecycle } from './lifecycle.ts'
import { tacticsOf } from './policy.ts'
import type { TestState } from './tests.ts'

/** Health of assets and confidence in techniques, one at a time (L6 to L8, C1). */

const dayMs = 86_400_000

/** What was seen of the world by the instant asked about. */
export interface World {
  readonly atMs: number
  readonly lifecycle: Lifecycle
  readonly alerts: readonly AlertState[]
  readonly tests: readonly TestState[]
  /** Rule id → times of its tags. */
  readonly hits: ReadonlyMap<string, readonly number[]>
  /** Lower-case name of a log source → times of its events. */
  readonly arrivals: ReadonlyMap<string, readonly number[]>
}

export interface Health {
  readonly asset_id: string
  readonly is_active: boolean
  readonly is_counted: 0 | 1
  readonly active_since: string
  readonly true_positives: number
  readonly false_positives: number
  readonly health_status: string
  readonly silent_because: string | null
  readonly alert_count_30d: number
  readonly noisiest_day_alerts: number
  readonly false_positive_rate: number | null
  readonly last_alert_at: number | null
  readonly last_hit_at: number | null
}

export function healths(world: World): Health[] {
  const { atMs, lifecycle } = world
  const validated = new Set(lifecycle.validations(atMs).map(({ assetId }) => assetId))
  return lifecycle.assets(atMs).map((asset) => {
    const subject = {
      platform: text(asset.entity, 'platform'),
      assetType: text(asset.entity, 'asset_type'),
      tactics: [],
    }
    const policy = lifecycle.policies.governing(subject, atMs)
    const own = world.alerts.filter((alert) => alert.asset_id === asset.id)
    const raised = own.map((alert) => alert.raised_at)
    const hits = (world.hits.get(asset.id) ?? []).filter((ms) => ms <= atMs)
    const silentFrom = atMs - policy.silentDays * dayMs
    const isQuiet = ![...raised, ...hits].some((ms) => ms >= silentFrom)
    const noisiest = noisiestDay(world, own)
    const status = !validated.has(asset.id)
      ? 'untested'
      : noisiest > policy.noisy
        ? 'noisy'
        : asset.isActive && asset.sinceMs <= silentFrom && isQuiet
          ? 'silent'
          : 'healthy'
    const arrived = world.arrivals.get(text(asset.entity, 'log_source_name').toLowerCase()) ?? []
    const hasArrived = arrived.some((ms) => ms >= silentFrom && ms <= atMs)
    const hasSource = text(asset.entity, 'log_source_name') !== ''
    const count = (verdict: string) => own.filter((alert) => alert.verdict === verdict).length
    const judged = count('true_positive') + count('false_positive')
    return {
      asset_id: asset.id,
      is_active: asset.isActive,
      is_counted: text(asset.entity, 'adoption') !== 'candidate' || validated.has(asset.id) ? 1 : 0,
      active_since: new Date(asset.sinceMs).toISOString(),
      true_positives: count('true_positive'),
      false_positives: count('false_positive'),
      health_status: status,
      silent_because: status !== 'silent' ? null : hasSource && !hasArrived ? 'log_source' : 'rule',
      alert_count_30d: raised.filter((ms) => ms > atMs - 30 * dayMs).length,
      noisiest_day_alerts: noisiest,
      false_positive_rate: judged === 0 ? null : count('false_positive') / judged,
      last_alert_at: raised.length === 0 ? null : Math.max(...raised),
      last_hit_at: hits.length === 0 ? null : Math.max(...hits),
    }
  })
}

/** Most alerts on one UTC day of the last 30, without those around a test on the same machine. */
function noisiestDay({ atMs, tests }: World, own: readonly AlertState[]): number {
  const today = Math.floor(atMs / dayMs)
  const counts = new Map<number, number>()
  for (const alert of own) {
    const day = Math.floor(alert.raised_at / dayMs)
    const isTested = tests.some((test) => isAround(test, alert, atMs))
    if (day <= today - 30 || isTested) continue
    counts.set(day, (counts.get(day) ?? 0) + 1)
  }
  return Math.max(0, ...counts.values())
}

function isAround(test: TestState, alert: AlertState, atMs: number): boolean {
  const start = test.red_started_at
  if (start === null || start > atMs || test.technique_id === null) return false
  const machines = [...test.hosts, ...test.targets].filter((host) => !host.includes('.'))
  return (
    alert.event_time >= start - 60_000 &&
    alert.event_time <= start + dayMs &&
    alert.hosts.some((host) => machines.includes(host))
  )
}

export interface Confidence {
  readonly technique_id: string
  readonly status: string
  readonly detection_count: number
  readonly valid_detection_count: number
  readonly last_validated_at: number | null
  readonly next_validation_due: number | null
  readonly recency: number
  readonly coverage: number
  readonly health: number
  readonly health_mean: number
  readonly diversity: number
  readonly score: number
  readonly level: string
  readonly risk_factors: readonly string[]
  readonly policy_id: string
  readonly test_count: number
  readonly detection_rate: number | null
  readonly detection_rate_lower_bound: number | null
}

/** Of one pair: what it adds to its technique. */
function factorsOf(detection: Detection, world: World, health: string, attack: Attack) {
  const { atMs } = world
  const { asset, governing, successMs } = detection
  const policy = world.lifecycle.policies.governing(
    {
      platform: text(asset, 'platform'),
      assetType: text(asset, 'asset_type'),
      tactics: tacticsOf(attack, detection.techniqueId),
    },
    atMs,
  )
  const { freshDays, agingDays, staleDays } = policy
  const age = successMs === undefined ? Number.POSITIVE_INFINITY : (atMs - successMs) / dayMs
  let recency = 0
  if (age <= freshDays) recency = 1
  else if (age <= agingDays) recency = 1 - (0.5 * (age - freshDays)) / (agingDays - freshDays)
  else if (age <= staleDays) recency = (0.5 * (staleDays - age)) / (staleDays - agingDays)
  const weight = { high: 1, medium: 2 / 3, low: 1 / 3 }[detection.confidence] ?? 0
  const success = governing !== undefined && governing.result > 0 ? governing : undefined
  return {
    recency,
    success,
    coverage: success === undefined ? 0 : (weight * success.result) / 2,
    health: { healthy: 1, noisy: 0.5, untested: 0.25 }[health] ?? 0,
    isValid: governing !== undefined,
    dueMs:
      success === undefined
        ? undefined
        : Math.min(success.expiresMs, success.validatedMs + freshDays * dayMs),
  }
}

export function confidences(world: World, attack: Attack): Confidence[] {
  const { atMs, lifecycle } = world
  const statusOf = new Map(healths(world).map((one) => [one.asset_id, one.health_status]))
  const detections = lifecycle.detections(atMs).filter(({ isCounted }) => isCounted)
  const best = (id: string) =>
    Math.max(
      0,
      ...detections
        .filter((one) => one.techniqueId === id)
        .map((one) => one.governing?.result ?? 0),
    )
  const active = attack
    .techniques()
    .filter((technique) => !technique.isRevoked && !technique.isDeprecated)
  return active.map(({ id, parentId }) => {
    const own = detections.filter((one) => one.techniqueId === id)
    const parts = own.map((one) => factorsOf(one, world, statusOf.get(one.assetId) ?? '', attack))
    const valid = parts.filter(({ success }) => success !== undefined)
    const kinds = own
      .filter((_, index) => parts[index]?.success !== undefined)
      .map(({ asset }) => `${text(asset, 'asset_type')}\n${text(asset, 'log_source_name')}`)
    const subject = { platform: '', assetType: '', tactics: tacticsOf(attack, id) }
    const policy = lifecycle.policies.governing(subject, atMs)
    const factors = [
      Math.max(0, ...parts.map(({ recency }) => recency)),
      Math.max(0, ...parts.map(({ coverage }) => coverage)),
      Math.max(0, ...parts.map((part) => (part.isValid ? part.health : 0))),
      Math.min(1, new Set(kinds).size / 3),
    ] as const
    const score = factors.reduce(
      (sum, factor, index) => sum + 100 * (policy.weights[index] ?? 0) * factor,
      0,
    )
    const subs = active.filter((other) => other.parentId === id).map((other) => best(other.id))
    const isPartial = best(id) === 1 || (parentId === undefined && Math.max(0, ...subs) > 0)
    const validations = own.flatMap((one) => one.validations)
    const lastMs = Math.max(0, ...validations.map((one) => one.validatedMs))
    const dues = valid.map(({ dueMs }) => dueMs ?? 0)
    return {
      technique_id: id,
      status: best(id) === 2 ? 'validated' : isPartial ? 'partial' : 'none',
      detection_count: own.length,
      valid_detection_count: valid.length,
      last_validated_at: lastMs === 0 ? null : lastMs,
      next_validation_due: dues.length === 0 ? null : Math.min(...dues),
      recency: factors[0],
      coverage: factors[1],
      health: factors[2],
      health_mean: mean(parts.map((part) => part.health)),
      diversity: factors[3],
      score,
      level: levelOf(own.length, score),
      risk_factors: risks(world, own, parts, statusOf, factors[0]),
      policy_id: policy.id,
      ...bound(world, id, policy.agingDays),
    }
  })
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length
}

function levelOf(count: number, score: number): string {
  if (count === 0) return 'unknown'
  return score < 25 ? 'very_low' : score < 50 ? 'low' : score < 75 ? 'medium' : 'high'
}

function risks(
  { atMs }: World,
  own: readonly Detection[],
  parts: readonly ReturnType<typeof factorsOf>[],
  statusOf: ReadonlyMap<string, string>,
  recency: number,
): string[] {
  const valid = parts.flatMap(({ success }) => (success === undefined ? [] : [success]))
  const has = (status: string) => own.some((one) => statusOf.get(one.assetId) === status)
  const all = own
    .flatMap((one) => one.validations)
    .toSorted((a, b) => a.validatedMs - b.validatedMs || a.rank - b.rank)
  const last = all.at(-1)
  const isChanged = all.some(({ result, causes }) => result > 0 && causes.includes('rule_changed'))
  const found: Record<string, boolean> = {
    no_valid_detection: valid.length === 0,
    single_detection: valid.length === 1,
    silent: has('silent'),
    noisy: has('noisy'),
    expiring_soon: valid.some(({ expiresMs }) => expiresMs <= atMs + 30 * dayMs),
    stale: last !== undefined && recency === 0,
    failed_last_test: last?.result === 0,
    rule_changed: isChanged,
  }
  return Object.keys(found).filter((risk) => found[risk])
}

/** L8: tests weighted by age, and the one-sided 90 % Wilson lower bound of their rate. */
function bound({ atMs, tests }: World, techniqueId: string, halfLifeDays: number) {
  const shares: Readonly<Record<string, number>> = {
    detected: 1,
    partially_detected: 0.5,
    not_detected: 0,
  }
  const counted = tests.flatMap((test) => {
    const share = shares[test.detection_result ?? '']
    const isOurs = test.state === 'validated' && test.technique_id === techniqueId
    if (!isOurs || share === undefined) return []
    const age = (atMs - (test.red_started_at ?? test.created_at)) / dayMs
    return [{ share, weight: 2 ** (-age / halfLifeDays) }]
  })
  const none = { test_count: 0, detection_rate: null, detection_rate_lower_bound: null }
  if (counted.length === 0) return none
  const weights = counted.reduce((sum, { weight }) => sum + weight, 0)
  const squares = counted.reduce((sum, { weight }) => sum + weight ** 2, 0)
  const n = weights ** 2 / squares
  const p = counted.reduce((sum, { weight, share }) => sum + weight * share, 0) / weights
  const z = 1.2816
  const centre = p + z ** 2 / (2 * n)
  const spread = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))
  return {
    test_count: counted.length,
    detection_rate: p,
    detection_rate_lower_bound: Math.max(0, (centre - spread) / (1 + z ** 2 / n)),
  }
}
