import type { Attack } from '../../../schemas/attack.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import { type Entity, stateAt, text, type Version, versionsOf } from './catalog.ts'

/** Which decay policy governs (L5). */

export interface Policy {
  readonly id: string
  readonly platform: string
  readonly assetType: string
  readonly tactic: string
  readonly isDefault: boolean
  readonly createdMs: number
  readonly freshDays: number
  readonly agingDays: number
  readonly staleDays: number
  readonly validityDays: number
  readonly silentDays: number
  readonly noisy: number
  readonly weights: readonly [number, number, number, number]
}

const standard: Policy = {
  id: 'default',
  platform: '',
  assetType: '',
  tactic: '',
  isDefault: true,
  createdMs: 0,
  freshDays: 90,
  agingDays: 180,
  staleDays: 365,
  validityDays: 180,
  silentDays: 30,
  noisy: 100,
  weights: [0.3, 0.3, 0.25, 0.15],
}

const builtIn: readonly Policy[] = [
  standard,
  {
    ...standard,
    id: 'strict-initial-access',
    tactic: 'TA0001',
    isDefault: false,
    freshDays: 45,
    agingDays: 90,
    staleDays: 182,
    validityDays: 90,
    silentDays: 15,
  },
]

export interface Subject {
  readonly platform: string
  readonly assetType: string
  readonly tactics: readonly string[]
}

export class Policies {
  readonly #versions: Map<string, Version[]>

  constructor(rows: readonly CatalogRow[]) {
    this.#versions = versionsOf(rows, 'decay_policy')
  }

  /** `only`: a technique by itself meets no policy that names a platform or a type of asset. */
  governing(subject: Subject, atMs: number): Policy {
    const active = this.#active(atMs)
    const matching = active.filter(
      (policy) =>
        !policy.isDefault &&
        ['', subject.platform.toLowerCase()].includes(policy.platform) &&
        ['', subject.assetType.toLowerCase()].includes(policy.assetType) &&
        (policy.tactic === '' || subject.tactics.includes(policy.tactic)),
    )
    const named = (policy: Policy) =>
      [policy.platform, policy.assetType, policy.tactic].filter((value) => value !== '').length
    const order = (a: Policy, b: Policy) =>
      named(b) - named(a) || b.createdMs - a.createdMs || (a.id < b.id ? -1 : 1)
    const [best = standard] = [
      ...matching.toSorted(order),
      ...active.filter((policy) => policy.isDefault).toSorted(order),
    ]
    return best
  }

  #active(atMs: number): Policy[] {
    const stored = stateAt(this.#versions, atMs)
      .filter(({ entity }) => entity['is_active'] !== false)
      .map(({ id, entity }) => this.#policy(id, entity))
    const replaced = (id: string) =>
      this.#versions.get(id)?.some((version) => version.eventMs <= atMs) ?? false
    return [...stored, ...builtIn.filter(({ id }) => !replaced(id))]
  }

  #policy(id: string, entity: Entity): Policy {
    const isBuiltIn = builtIn.some((policy) => policy.id === id)
    const number = (field: string) => Number(entity[field])
    // Checked: the processor derives weights as shares of 1.
    const weights = entity['weights'] as Record<string, number>
    const { recency = 0, coverage = 0, health = 0, diversity = 0 } = weights
    return {
      id,
      platform: text(entity, 'applies_to_platform').toLowerCase(),
      assetType: text(entity, 'applies_to_asset_type').toLowerCase(),
      tactic: text(entity, 'applies_to_tactic'),
      isDefault: entity['is_default'] === true,
      createdMs: isBuiltIn ? 0 : (this.#versions.get(id)?.find(({ isPut }) => isPut)?.eventMs ?? 0),
      freshDays: number('fresh_days'),
      agingDays: number('aging_days'),
      staleDays: number('stale_days'),
      validityDays: number('default_validity_days'),
      silentDays: number('silent_days'),
      noisy: number('noisy_alerts_per_day'),
      weights: [recency, coverage, health, diversity],
    }
  }
}

export function tacticsOf(attack: Attack, techniqueId: string): readonly string[] {
  return attack.technique(techniqueId)?.tactics ?? []
}
