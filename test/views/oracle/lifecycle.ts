import type { Attack } from '../../../schemas/attack.ts'
import type { CatalogRow } from '../catalog-rows.ts'
import { type Entity, stateAt, text, texts, time, type Version, versionsOf } from './catalog.ts'
import { Policies, tacticsOf } from './policy.ts'

/** Validity, detection and its health, worked out one validation and one asset at a time (L3 to L6). */

const dayMs = 86_400_000

export interface Validation {
  readonly id: string
  readonly assetId: string
  /** '': every technique that the asset is mapped to. */
  readonly techniqueId: string
  readonly validatedMs: number
  readonly expiresMs: number
  readonly result: 0 | 1 | 2
  readonly rank: number
  readonly causes: readonly string[]
}

export interface Detection {
  readonly techniqueId: string
  readonly assetId: string
  readonly asset: Entity
  readonly confidence: string
  readonly isCounted: boolean
  /** Of this pair, oldest first. */
  readonly validations: readonly Validation[]
  readonly governing: Validation | undefined
  readonly successMs: number | undefined
}

export class Lifecycle {
  readonly policies: Policies
  readonly #assets: Map<string, Version[]>
  readonly #mappings: Map<string, Version[]>
  readonly #validations: Map<string, Version[]>
  readonly #invalidations: Map<string, Version[]>
  readonly #changes: Map<string, Version[]>
  readonly #attack: Attack

  constructor(rows: readonly CatalogRow[], attack: Attack) {
    this.policies = new Policies(rows)
    this.#assets = versionsOf(rows, 'detection_asset')
    this.#mappings = versionsOf(rows, 'mapping')
    this.#validations = versionsOf(rows, 'validation')
    this.#invalidations = versionsOf(rows, 'invalidation')
    this.#changes = versionsOf(rows, 'infrastructure_change')
    this.#attack = attack
  }

  /** Assets that exist: what each is, and since when it has been in service. */
  assets(atMs: number): { id: string; entity: Entity; isActive: boolean; sinceMs: number }[] {
    return stateAt(this.#assets, atMs).map(({ id, entity }) => {
      const known = (this.#assets.get(id) ?? []).filter(({ eventMs }) => eventMs <= atMs)
      const lastOff = known.findLastIndex((version) => !isOn(version))
      const sinceMs = known[lastOff + 1]?.eventMs ?? 0
      return { id, entity, isActive: entity['is_active'] !== false, sinceMs }
    })
  }

  validations(atMs: number): Validation[] {
    const declared = new Set(
      stateAt(this.#invalidations, atMs).map(({ entity }) => text(entity, 'validation_id')),
    )
    return [...this.#validations.values()].flatMap(([first]) => {
      if (first === undefined || time(first.entity, 'validated_at') > atMs) return []
      return [this.#validation(first, declared.has(first.id), atMs)]
    })
  }

  #validation({ id, entity, rank }: Version, isDeclared: boolean, atMs: number): Validation {
    const assetId = text(entity, 'asset_id')
    const techniqueId = text(entity, 'technique_id')
    const validatedMs = time(entity, 'validated_at')
    const known = (this.#assets.get(assetId) ?? []).filter(({ eventMs }) => eventMs <= atMs)
    const puts = known.filter(({ isPut }) => isPut)
    const now = puts.at(-1)?.entity ?? {}
    const then = (puts.findLast(({ eventMs }) => eventMs <= validatedMs) ?? puts[0])?.entity ?? {}
    const expiresMs = this.#expires(entity, then, techniqueId, validatedMs)
    const isInService = known.length > 0 && isOn(known.at(-1))
    const causes = [
      isDeclared ? 'declared' : '',
      isInService ? '' : 'asset_deactivated',
      isSameRule(now, then) ? '' : 'rule_changed',
      isSame(now, then, 'infrastructure_hash') ? '' : 'infrastructure_changed',
      isSame(now, then, 'log_source_version') ? '' : 'log_source_changed',
      this.#isTouched(now, validatedMs, atMs) ? 'infrastructure_event' : '',
      expiresMs <= atMs ? 'expired' : '',
    ].filter((cause) => cause !== '')
    const result = { detected: 2, partially_detected: 1 }[text(entity, 'validation_result')] ?? 0
    // Checked: the line above yields 2, 1 or 0.
    const score = result as 0 | 1 | 2
    return { id, assetId, techniqueId, validatedMs, expiresMs, result: score, rank, causes }
  }

  #expires(entity: Entity, then: Entity, techniqueId: string, validatedMs: number): number {
    if (entity['is_expiry_default'] !== true) return time(entity, 'expires_at')
    const subject = {
      platform: text(then, 'platform'),
      assetType: text(then, 'asset_type'),
      tactics: tacticsOf(this.#attack, techniqueId),
    }
    return validatedMs + this.policies.governing(subject, validatedMs).validityDays * dayMs
  }

  #isTouched(asset: Entity, validatedMs: number, atMs: number): boolean {
    return stateAt(this.#changes, atMs).some(({ entity }) => {
      const date = time(entity, 'change_date')
      const isNamed = (field: string, value: string) =>
        texts(entity, field).some((name) => name.toLowerCase() === value.toLowerCase())
      return (
        entity['auto_invalidate'] !== false &&
        validatedMs < date &&
        date <= atMs &&
        (isNamed('affected_platforms', text(asset, 'platform')) ||
          isNamed('affected_log_sources', text(asset, 'log_source_name')))
      )
    })
  }

  /** Every mapped pair of an asset in service and a technique. */
  detections(atMs: number): Detection[] {
    const validations = this.validations(atMs).toSorted(
      (a, b) => a.validatedMs - b.validatedMs || a.rank - b.rank,
    )
    const inService = this.assets(atMs).filter(({ isActive }) => isActive)
    const pairs = new Map<string, Detection>()
    for (const mapping of stateAt(this.#mappings, atMs).toSorted((a, b) => a.rank - b.rank)) {
      const assetId = text(mapping.entity, 'asset_id')
      const techniqueId = text(mapping.entity, 'technique_id')
      const asset = inService.find(({ id }) => id === assetId)
      if (asset === undefined) continue
      const own = validations.filter((validation) => validation.assetId === assetId)
      const isCounted = text(asset.entity, 'adoption') !== 'candidate' || own.length > 0
      const relevant = own.filter((one) => ['', techniqueId].includes(one.techniqueId))
      pairs.set(`${assetId} ${techniqueId}`, {
        techniqueId,
        assetId,
        asset: asset.entity,
        confidence: text(mapping.entity, 'confidence_level'),
        isCounted,
        validations: relevant,
        governing: relevant.findLast(({ causes }) => causes.length === 0),
        successMs: successOf(relevant),
      })
    }
    return [...pairs.values()]
  }
}

/** When the newest success was that no change and no later failure has voided. */
function successOf(validations: readonly Validation[]): number | undefined {
  const index = validations.findLastIndex(
    ({ result, causes }) => result > 0 && causes.every((cause) => cause === 'expired'),
  )
  const isFailedLater = validations.slice(index + 1).some(({ result }) => result === 0)
  return index < 0 || isFailedLater ? undefined : validations[index]?.validatedMs
}

function isOn(version: Version | undefined): boolean {
  return version?.isPut === true && version.entity['is_active'] !== false
}

function isSame(now: Entity, then: Entity, field: string): boolean {
  return text(now, field) === text(then, field)
}

/** What the rule does, where we know it; else its text. */
function isSameRule(now: Entity, then: Entity): boolean {
  const areCompiled = text(now, 'logic_hash') !== '' && text(then, 'logic_hash') !== ''
  return isSame(now, then, areCompiled ? 'logic_hash' : 'rule_hash')
}
