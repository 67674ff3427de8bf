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
  /** As its first record has it. */
  readonly told: Entity
  /** Its asset as it was seen, and as it was last put. */
  readonly assetThen: Entity
  readonly assetNow: Entity
  /** The first that declared it void. */
  readonly declared: Version | undefined
  /** Infrastructure changes since then that touch its asset, by date. */
  readonly changeIds: readonly string[]
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
    const declared = new Map<string, Version>()
    const words = [...this.#invalidations.values()].flat().toSorted((a, b) => b.rank - a.rank)
    for (const word of words) {
      if (word.eventMs <= atMs) declared.set(text(word.entity, 'validation_id'), word)
    }
    return [...this.#validations.values()].flatMap(([first]) => {
      if (first === undefined || time(first.entity, 'validated_at') > atMs) return []
      return [this.#validation(first, declared.get(first.id), atMs)]
    })
  }

  #validation(first: Version, declared: Version | undefined, atMs: number): Validation {
    const { id, entity, rank } = first
    const assetId = text(entity, 'asset_id')
    const techniqueId = text(entity, 'technique_id')
    const validatedMs = time(entity, 'validated_at')
    const known = (this.#assets.get(assetId) ?? []).filter(({ eventMs }) => eventMs <= atMs)
    const puts = known.filter(({ isPut }) => isPut)
    const now = puts.at(-1)?.entity ?? {}
    const then = (puts.findLast(({ eventMs }) => eventMs <= validatedMs) ?? puts[0])?.entity ?? {}
    const seen = { ...then, ...statedIn(entity) }
    const changeIds = this.#touching(now, validatedMs, atMs)
    const expiresMs = this.#expires(entity, then, techniqueId, validatedMs)
    const isInService = known.length > 0 && isOn(known.at(-1))
    const causes = [
      declared === undefined ? '' : 'declared',
      isInService ? '' : 'asset_deactivated',
      isSameRule(now, seen) ? '' : 'rule_changed',
      isSame(now, seen, 'infrastructure_hash') ? '' : 'infrastructure_changed',
      isSame(now, seen, 'log_source_version') ? '' : 'log_source_changed',
      changeIds.length > 0 ? 'infrastructure_event' : '',
      expiresMs <= atMs ? 'expired' : '',
    ].filter((cause) => cause !== '')
    const result = { detected: 2, partially_detected: 1 }[text(entity, 'validation_result')] ?? 0
    // Checked: the line above yields 2, 1 or 0.
    const score = result as 0 | 1 | 2
    const about = { told: entity, assetThen: seen, assetNow: now, declared, changeIds }
    return {
      id,
      assetId,
      techniqueId,
      validatedMs,
      expiresMs,
      result: score,
      rank,
      causes,
      ...about,
    }
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

  #touching(asset: Entity, validatedMs: number, atMs: number): string[] {
    const touching = stateAt(this.#changes, atMs).filter(({ entity }) => {
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
    return touching
      .toSorted(
        (a, b) =>
          time(a.entity, 'change_date') - time(b.entity, 'change_date') || (a.id < b.id ? -1 : 1),
      )
      .map(({ id }) => id)
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

/** Of `validity`. */
export function validityRow(one: Validation): Record<string, unknown> {
  const { id, told, assetThen: then, declared, causes } = one
  const isUnchanged = causes.every((cause) => cause === 'expired')
  return {
    validation_id: id,
    asset_id: one.assetId,
    technique_id: one.techniqueId,
    test_id: text(told, 'test_id'),
    validated_at: iso(one.validatedMs),
    validated_by: text(told, 'validated_by'),
    expires_at: iso(one.expiresMs),
    validation_result: text(told, 'validation_result'),
    validation_method: text(told, 'validation_method'),
    evidence_ids: texts(told, 'evidence_ids'),
    notes: text(told, 'notes'),
    integrity_hash: text(told, 'integrity_hash'),
    logic_hash: text(then, 'logic_hash'),
    rule_hash: text(then, 'rule_hash'),
    rule_version: text(then, 'rule_version'),
    log_source_version: text(then, 'log_source_version'),
    infrastructure_hash: text(then, 'infrastructure_hash'),
    invalidated_at: declared === undefined ? null : iso(declared.eventMs),
    invalidated_by: text(declared?.entity ?? {}, 'invalidated_by') || null,
    invalidation_reason: text(declared?.entity ?? {}, 'reason') || null,
    causes,
    is_valid: causes.length === 0 ? 1 : 0,
    is_unchanged: isUnchanged,
    is_rule_changed: causes.includes('rule_changed'),
  }
}

/** Of `detection_state`; 1970 is never. */
export function detectionRow(one: Detection): Record<string, unknown> {
  const { asset, governing, validations } = one
  const last = validations.at(-1)
  return {
    technique_id: one.techniqueId,
    asset_id: one.assetId,
    confidence_level: one.confidence,
    platform: text(asset, 'platform').toLowerCase(),
    asset_type: text(asset, 'asset_type'),
    log_source_name: text(asset, 'log_source_name'),
    is_counted: one.isCounted,
    validation_count: validations.length,
    validation_id: governing?.id ?? '',
    result: governing?.result ?? 0,
    validated_at: iso(governing?.validatedMs ?? 0),
    expires_at: iso(governing?.expiresMs ?? 0),
    last_validated_at: iso(last?.validatedMs ?? 0),
    last_result: last?.result ?? 0,
    success_at: iso(one.successMs ?? 0),
    is_rule_changed: validations.some(
      ({ result, causes }) => result > 0 && causes.includes('rule_changed'),
    ),
  }
}

const iso = (ms: number) => new Date(ms).toISOString()

/** When the newest success was that no change and no later failure has voided. */
function successOf(validations: readonly Validation[]): number | undefined {
  const index = validations.findLastIndex(
    ({ result, causes }) => result > 0 && causes.every((cause) => cause === 'expired'),
  )
  const isFailedLater = validations.slice(index + 1).some(({ result }) => result === 0)
  return index < 0 || isFailedLater ? undefined : validations[index]?.validatedMs
}

/** What a validation itself says its asset was. */
function statedIn(validation: Entity): Entity {
  const fields = ['rule_hash', 'logic_hash', 'log_source_version', 'infrastructure_hash']
  const known = fields.filter((field) => text(validation, field) !== '')
  return Object.fromEntries(known.map((field) => [field, validation[field]]))
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
