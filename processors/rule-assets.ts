/**
 * Every rule is also a detection asset (a candidate until somebody adopts it), and its emits are the
 * asset's mappings. This says which catalog records are missing for that to be so.
 *
 * Contract:
 * - Pure: the rules in force and what the catalog holds go in, records come out; when those are in
 *   the catalog, nothing is missing.
 * - The rule's own members (name, hashes, version, log source) are the rule's; owner, team, adoption
 *   and whatever else people say of the asset stay as they said it, and so does a deletion by them.
 * - A text that does the same under the same name and version is no change: nothing is published.
 */

import { join } from 'node:path'
import { canonicalJson } from '../core/hash.ts'
import type { LogRecord } from '../core/kafka.ts'
import type { Emit, Rule } from '../rules/rule.ts'
import { catalogTime, parseCatalog } from '../schemas/catalog.ts'

/** Members that the log alone cannot give; only an actor of ours may state them. */
export interface RuleAssetRecord {
  readonly kind: 'detection_asset' | 'mapping'
  readonly id: string
  readonly op: 'put' | 'delete'
  readonly event_time: string
  readonly actor: string
  readonly reason: string
  readonly entity: Entity
  readonly derived?: Entity
}

type Entity = Readonly<Record<string, unknown>>

export const ruleActor = 'ttpstream:rules'

export function ruleAssetId(ruleId: string): string {
  return `rule:${ruleId}`
}

/** What the catalog holds of one asset or mapping that goes by a rule's id. */
interface Held {
  readonly op: 'put' | 'delete'
  readonly isOurs: boolean
  readonly eventTimeMs: number
  readonly entity: Entity
  /** Of the last record that stated one. */
  readonly logicHash: string
  /** Of the last record alone. */
  readonly hasHash: boolean
  /** What people said last; null if nobody has. */
  readonly said: Entity | null
  /** We put it once: it may be ours to delete. */
  readonly wasOurs: boolean
}

/** Folds the catalog's records in log order. */
export class RuleAssetHoldings {
  readonly #held = new Map<string, Held>()

  /** The key of the asset or mapping that the record is about, and whose it is; null if none of ours. */
  apply(record: LogRecord): { readonly key: string; readonly isOurs: boolean } | null {
    const change = changeOf(record)
    if (change === null) return null
    const { kind, id, op, actor, entity, derived, eventTimeMs } = change
    const key = `${kind}:${id}`
    const before = this.#held.get(key)
    const isOurs = actor === ruleActor
    const stated = derived['logic_hash']
    this.#held.set(key, {
      op,
      isOurs,
      eventTimeMs,
      entity,
      logicHash: typeof stated === 'string' ? stated : (before?.logicHash ?? ''),
      hasHash: typeof stated === 'string',
      said: isOurs ? (before?.said ?? null) : op === 'put' ? entity : null,
      wasOurs: isOurs || before?.wasOurs === true,
    })
    return { key, isOurs }
  }

  get(kind: string, id: string): Held | undefined {
    return this.#held.get(`${kind}:${id}`)
  }

  entries(): Iterable<readonly [string, Held]> {
    return this.#held
  }
}

/**
 * The records to publish, assets before their mappings. `folders` are cut off the front of file
 * paths, so that workers whose rules lie elsewhere say the same. An empty set of rules is a folder
 * that is not there yet, not a team without rules: it deletes nothing.
 */
export function missingRuleAssets(
  rules: readonly Rule[],
  holdings: RuleAssetHoldings,
  folders: readonly string[],
  nowMs: number,
): readonly RuleAssetRecord[] {
  if (rules.length === 0) return []
  const wanted = new Set<string>()
  const records: RuleAssetRecord[] = []
  for (const rule of rules) {
    const id = ruleAssetId(rule.id)
    const held = holdings.get('detection_asset', id)
    wanted.add(`detection_asset:${id}`)
    const asset = missingAsset(rule, held, folders, nowMs)
    if (asset !== null) records.push(asset)
    for (const [techniqueId, emit] of techniquesOf(rule)) {
      const mappingId = `${id}/${techniqueId}`
      wanted.add(`mapping:${mappingId}`)
      if (held !== undefined && isGone(held)) continue
      const mapping = missingMapping(
        rule,
        techniqueId,
        emit,
        holdings.get('mapping', mappingId),
        nowMs,
      )
      if (mapping !== null) records.push(mapping)
    }
  }
  return [...records, ...deletions(holdings, wanted, nowMs)]
}

function missingAsset(
  rule: Rule,
  held: Held | undefined,
  folders: readonly string[],
  nowMs: number,
): RuleAssetRecord | null {
  if (held !== undefined && isGone(held)) return null
  const entity = assetEntity(rule, held?.said ?? null, folders)
  const isSameLogic = held?.logicHash === rule.logicHash
  if (held?.op === 'put' && held.hasHash && isSameLogic && isSame(held.entity, entity)) return null
  // Somebody's word on the asset states no hash. Ours follows at the same instant, so that no
  // moment lies between them in which the rule looks changed.
  const isRestated = held?.op === 'put' && isSameLogic && !held.isOurs
  const timeMs = isRestated ? held.eventTimeMs : Math.max(nowMs, held?.eventTimeMs ?? 0)
  return {
    kind: 'detection_asset',
    id: ruleAssetId(rule.id),
    op: 'put',
    ...told(timeMs, reasonOf(held, isSameLogic)),
    entity,
    derived: { rule_hash: rule.ruleHash, logic_hash: rule.logicHash },
  }
}

function reasonOf(held: Held | undefined, isSameLogic: boolean): string {
  if (held === undefined) return 'rule loaded'
  if (held.op === 'delete') return 'rule restored'
  return isSameLogic ? 'rule restated' : 'logic changed'
}

function assetEntity(rule: Rule, said: Entity | null, folders: readonly string[]): Entity {
  const platform = rule.logsource.product
  const source = logSourceName(rule)
  return {
    ...said,
    name: (rule.name || rule.id).slice(0, 500),
    ...(rule.description === '' ? {} : { description: rule.description }),
    asset_type: rule.language,
    ...(platform === undefined ? {} : { platform: platform.toLowerCase().slice(0, 64) }),
    ...(source === undefined ? {} : { log_source_name: source }),
    rule_language: rule.language,
    rule_version: rule.version,
    rule_file_path: relativePath(rule.file, folders),
    adoption: said === null ? 'candidate' : (said['adoption'] ?? 'adopted'),
    external_ids: [
      ...externalIds(said).filter((item) => !isOwnName(item)),
      { system: 'ttpstream', id: rule.id },
    ],
  }
}

/** As the log source goes by where its arrival is counted: the most telling pair that the rule names. */
function logSourceName(rule: Rule): string | undefined {
  const { product, category, service } = rule.logsource
  const detail = category ?? service
  if (product !== undefined && detail !== undefined) return `${product}/${detail}`.toLowerCase()
  return (product ?? detail ?? rule.kinds?.[0])?.toLowerCase()
}

function relativePath(file: string, folders: readonly string[]): string {
  const folder = folders.map((path) => join(path, '/')).find((path) => file.startsWith(path))
  return folder === undefined ? file : file.slice(folder.length)
}

function externalIds(said: Entity | null): readonly unknown[] {
  const ids = said?.['external_ids']
  return Array.isArray(ids) ? ids : []
}

function isOwnName(item: unknown): boolean {
  return (
    typeof item === 'object' && item !== null && 'system' in item && item.system === 'ttpstream'
  )
}

/** By most specific id; techniques that a field of the event names are known only then. */
function techniquesOf(rule: Rule): ReadonlyMap<string, Emit> {
  const emits = rule.emits.filter(({ techniqueFrom }) => techniqueFrom === undefined)
  return new Map(emits.map((emit) => [emit.subTechniqueId || emit.techniqueId, emit]))
}

function missingMapping(
  rule: Rule,
  techniqueId: string,
  emit: Emit,
  held: Held | undefined,
  nowMs: number,
): RuleAssetRecord | null {
  // What people said of the mapping, or that it is none, stays.
  if (held?.isOurs === false) return null
  const entity = {
    asset_id: ruleAssetId(rule.id),
    technique_id: techniqueId,
    confidence_level: levelOf(emit.confidence),
  }
  if (held?.op === 'put' && isSame(held.entity, entity)) return null
  return {
    kind: 'mapping',
    id: `${ruleAssetId(rule.id)}/${techniqueId}`,
    op: 'put',
    ...told(Math.max(nowMs, held?.eventTimeMs ?? 0), 'the rule emits it'),
    entity,
  }
}

function levelOf(confidence: number): 'low' | 'medium' | 'high' {
  if (confidence >= 0.8) return 'high'
  return confidence >= 0.5 ? 'medium' : 'low'
}

function deletions(
  holdings: RuleAssetHoldings,
  wanted: ReadonlySet<string>,
  nowMs: number,
): readonly RuleAssetRecord[] {
  const gone: RuleAssetRecord[] = []
  for (const [key, held] of holdings.entries()) {
    if (held.op === 'delete' || !held.wasOurs || wanted.has(key)) continue
    const kind = key.startsWith('mapping:') ? 'mapping' : 'detection_asset'
    const why = kind === 'mapping' ? 'no rule emits it any more' : 'rule removed'
    const time = told(Math.max(nowMs, held.eventTimeMs), why)
    gone.push({ kind, id: key.slice(kind.length + 1), op: 'delete', ...time, entity: {} })
  }
  return gone
}

/** Somebody deleted it: it does not come back by itself. */
function isGone(held: Held): boolean {
  return held.op === 'delete' && !held.isOurs
}

function told(timeMs: number, reason: string) {
  return { event_time: new Date(timeMs).toISOString(), actor: ruleActor, reason }
}

function isSame(a: Entity, b: Entity): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

function changeOf(record: LogRecord) {
  if (record.value === null) return null
  const text = Buffer.from(record.value).toString('utf8')
  // Most of the catalog is about something else; it need not be parsed to be passed over.
  if (!text.includes('"rule:')) return null
  const input = parsed(text)
  const eventTimeMs = catalogTime(input) ?? record.timestampMs
  const change = parseCatalog(input, { eventTimeMs, validityDays: 0 })
  if (!change.ok || !change.value.id.startsWith('rule:')) return null
  const { kind } = change.value
  return kind === 'detection_asset' || kind === 'mapping' ? { ...change.value, eventTimeMs } : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
