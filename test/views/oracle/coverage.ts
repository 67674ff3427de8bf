import type { Attack, Technique } from '../../../schemas/attack.ts'
import type { TagRow } from '../tag-histories.ts'
import { text } from './catalog.ts'
import type { World } from './confidence.ts'
import type { Detection, Lifecycle, Validation } from './lifecycle.ts'

/** Coverage of ATT&CK and what it lost, technique by technique (C1, C2). */

const dayMs = 86_400_000

export interface Coverage {
  readonly technique: Technique
  /** 2 validated, 1 partial, 0 none. */
  readonly rank: 0 | 1 | 2
}

export function coverageAt(lifecycle: Lifecycle, atMs: number, attack: Attack): Coverage[] {
  const counted = lifecycle.detections(atMs).filter(({ isCounted }) => isCounted)
  const own = (id: string) =>
    Math.max(
      0,
      ...counted
        .filter((one) => one.techniqueId === id)
        .map(({ governing }) => governing?.result ?? 0),
    )
  const active = attack
    .techniques()
    .filter((technique) => !technique.isRevoked && !technique.isDeprecated)
  return active.map((technique) => {
    const subs = active.filter((other) => other.parentId === technique.id)
    if (own(technique.id) === 2) return { technique, rank: 2 }
    const isPartial = own(technique.id) === 1 || subs.some((sub) => own(sub.id) > 0)
    return { technique, rank: isPartial ? 1 : 0 }
  })
}

export interface Scope {
  /** '' is enterprise-attack. */
  readonly domain: string
  /** None is any. */
  readonly platforms: readonly string[]
  readonly tactics: readonly string[]
}

export const everyTechnique: Scope = { domain: '', platforms: [], tactics: [] }

export function isInScope({ domain, platforms, tactics }: Scope) {
  const isNamed = (asked: readonly string[], names: readonly string[]) =>
    asked.length === 0 ||
    asked.some((one) => names.some((name) => name.toLowerCase() === one.toLowerCase()))
  return ({ technique }: Coverage): boolean =>
    technique.domain === (domain || 'enterprise-attack') &&
    isNamed(platforms, technique.platforms) &&
    isNamed(tactics, technique.tactics)
}

export function totals(
  covered: readonly Coverage[],
  attack: Attack,
  scope: Scope = everyTechnique,
): Record<string, unknown> {
  const chosen = covered.filter(isInScope(scope))
  const parents = new Set(covered.map(({ technique }) => technique.parentId))
  const leaves = chosen.filter(({ technique }) => !parents.has(technique.id))
  const groups = ({ technique }: Coverage) => attack.groups(technique.id).length
  return {
    ...form('', chosen, () => 1),
    ...form('leaf_', leaves, () => 1),
    ...form('group_', chosen, groups),
    attack_release: attack.release,
  }
}

function form(prefix: string, covered: readonly Coverage[], weight: (one: Coverage) => number) {
  const sum = (rank: number) =>
    covered.filter((one) => one.rank === rank).reduce((total, one) => total + weight(one), 0)
  const total = sum(0) + sum(1) + sum(2)
  return {
    [`${prefix}validated`]: sum(2),
    [`${prefix}partial`]: sum(1),
    [`${prefix}total`]: total,
    [`${prefix}coverage_pct`]: total === 0 ? null : ((sum(2) + 0.5 * sum(1)) / total) * 100,
  }
}

/** What is told beside the status of each technique: detections that count, and tags. */
export function activityAt(
  { lifecycle, atMs }: World,
  tags: readonly TagRow[],
  attack: Attack,
): Record<string, unknown>[] {
  const counted = lifecycle.detections(atMs).filter(({ isCounted }) => isCounted)
  const today = Math.floor(atMs / dayMs)
  return coverageAt(lifecycle, atMs, attack).map(({ technique: { id } }) => {
    const own = counted.filter(({ techniqueId }) => techniqueId === id)
    const seen = tags
      .filter((tag) => tag.technique_id === id || tag.sub_technique_id === id)
      .map((tag) => tag.event_time)
      .filter((ms) => ms <= atMs)
    return {
      technique_id: id,
      detection_count: own.length,
      valid_detection_count: own.filter(({ governing }) => (governing?.result ?? 0) > 0).length,
      tags: seen.length,
      tags_30d: seen.filter((ms) => Math.floor(ms / dayMs) > today - 30).length,
      last_tag_at: seen.length === 0 ? null : Math.max(...seen),
    }
  })
}

const statuses = ['none', 'partial', 'validated'] as const

/** Each technique that fell, with each validation that no longer upholds it. */
export function regression(
  lifecycle: Lifecycle,
  fromMs: number,
  toMs: number,
  attack: Attack,
): Record<string, unknown>[] {
  const before = coverageAt(lifecycle, fromMs, attack)
  const after = coverageAt(lifecycle, toMs, attack)
  const then = lifecycle.detections(fromMs).filter(({ isCounted }) => isCounted)
  const now = lifecycle.detections(toMs)
  const validations = new Map(lifecycle.validations(toMs).map((one) => [one.id, one]))
  return before.flatMap(({ technique, rank }, index) => {
    const rankAfter = after[index]?.rank ?? 0
    if (rankAfter >= rank) return []
    const isUpholding = ({ techniqueId }: Detection) =>
      techniqueId === technique.id ||
      (rankAfter === 0 && attack.technique(techniqueId)?.parentId === technique.id)
    return then.filter(isUpholding).flatMap((detection) => {
      const { governing, techniqueId, assetId } = detection
      const pair = now.find((one) => one.techniqueId === techniqueId && one.assetId === assetId)
      const resultAfter = pair?.isCounted ? (pair.governing?.result ?? 0) : 0
      if (governing === undefined || governing.result <= resultAfter) return []
      const validation = validations.get(governing.id)
      const causes = causesOf(validation, pair !== undefined)
      return [
        {
          technique_id: technique.id,
          status_from: statuses[rank],
          status_to: statuses[rankAfter],
          upheld_technique_id: techniqueId,
          asset_id: assetId,
          validation_id: governing.id,
          causes,
          cause: causes[0],
          ...whyOf(validation),
        },
      ]
    })
  })
}

/** What its validation was of, and what there is now. */
function whyOf(validation: Validation | undefined): Record<string, unknown> {
  if (validation === undefined) throw new Error('a validation is never taken back')
  const { assetThen, assetNow, declared, changeIds } = validation
  return {
    validated_at: new Date(validation.validatedMs).toISOString(),
    expires_at: new Date(validation.expiresMs).toISOString(),
    rule_version_from: text(assetThen, 'rule_version'),
    rule_version_to: text(assetNow, 'rule_version'),
    rule_file_path: text(assetNow, 'rule_file_path'),
    rule_repository_url: text(assetNow, 'rule_repository_url'),
    infrastructure_change_ids: changeIds,
    invalidation_reason: text(declared?.entity ?? {}, 'reason') || null,
  }
}

function causesOf(validation: Validation | undefined, isMapped: boolean): string[] {
  const causes = [...(validation?.causes ?? [])]
  if (!isMapped)
    return causes.includes('asset_deactivated') ? causes : [...causes, 'mapping_removed']
  return causes.length === 0 ? ['newer_failed_validation'] : causes
}
