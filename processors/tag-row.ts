import { z } from 'zod'
import { messageOf } from '../core/error.ts'
import { uuid5 } from '../core/hash.ts'
import type { LogRecord } from '../core/kafka.ts'
import type { CorrelatedRule } from '../rules/correlated-rule.ts'
import { type EmittedTechnique, emitsOf } from '../rules/emit.ts'
import { type EvidenceOptions, evidenceOf } from '../rules/evidence.ts'
import { fieldValue } from '../rules/field.ts'
import type { Mute, Rule, RuleState } from '../rules/rule.ts'
import { loadAttack } from '../schemas/attack.ts'
import type { Anchors, SourceEvent } from '../schemas/event.ts'
import type { Row } from '../schemas/table.ts'
import { positionOf } from './block-reader.ts'
import type {
  BlockContext,
  DropReason,
  RuleOutcome,
  TagOutcome,
  WithheldMatch,
} from './processor.ts'
import { RateLimit } from './rate-limit.ts'

/**
 * The only place where tags are made (G1 to G5).
 *
 * Contract:
 * - One tag per (event, rule, emit); its id is the same on every path: live, recovered, replayed.
 * - A tag below the confidence floor or without an anchor is counted, not written. Adjustments only
 *   lower a confidence.
 * - A disabled rule is not evaluated. Each evaluation that it is spared counts as one of its drops.
 * - An exception in one rule costs that rule's tags of this event, no others.
 */

/** Confidence below this is not written; exactly this is (G4). */
export const confidenceFloor = 0.3

/** Fixed for ever: another namespace would give every tag another id. */
const tagNamespace = 'd9617f08-bf2d-418a-b925-8b1c552bedb4'

/** UUIDv5 over the six fields as a JSON array; `subTechniqueId` is '' if there is none. */
export function tagId(
  sourceKind: string,
  sourceId: string,
  ruleId: string,
  ruleVersion: string,
  techniqueId: string,
  subTechniqueId: string,
): string {
  const key = [sourceKind, sourceId, ruleId, ruleVersion, techniqueId, subTechniqueId]
  return uuid5(tagNamespace, JSON.stringify(key))
}

export interface TaggingOptions extends EvidenceOptions {
  /** Matches of one rule on one entity that become tags, per minute of event time; 0: all. */
  readonly ruleMatchesPerMinuteMax?: number
}

/** What a block's tagging adds up to. */
export class Tagging {
  readonly tags: Row<'tags'>[] = []
  readonly ruleMatches: Row<'rule_matches'>[] = []
  readonly dropped: Partial<Record<DropReason, number>> = {}
  readonly byRule = new Map<string, RuleAccount>()
  readonly ruleErrors = new Map<string, string>()
  readonly withheld: WithheldMatch[] = []
  readonly #context: BlockContext
  readonly #evidence: EvidenceOptions
  readonly #rateLimit: RateLimit
  readonly #attackRelease: string
  readonly #disabled: Mute | undefined

  constructor(context: BlockContext, options: TaggingOptions) {
    this.#context = context
    this.#evidence = options
    this.#rateLimit = new RateLimit(options.ruleMatchesPerMinuteMax ?? 0)
    this.#attackRelease = loadAttack().release
    this.#disabled = this.#disabledIn(context.states)
  }

  /** The rules that meet the event. */
  match(record: LogRecord, event: SourceEvent): readonly Rule[] {
    try {
      return this.#context.revision.match(event, this.#disabled)
    } catch (thrown) {
      this.#fail('', thrown, null)
      this.#withhold(record, '')
      return []
    }
  }

  #disabledIn(states: BlockContext['states']): Mute | undefined {
    const disabled = [...states].filter(([, { state }]) => state === 'disabled')
    if (disabled.length === 0) return undefined
    const onSkip = (rule: Rule) => this.#drop('disabled', 1, this.#accountOf(rule))
    return { ruleIds: new Set(disabled.map(([id]) => id)), onSkip }
  }

  /** Adds the tags of one event; false if a tag was lost for want of an anchor. */
  add(record: LogRecord, event: SourceEvent, matched: readonly Rule[]): boolean {
    let isAnchored = true
    for (const rule of matched) {
      const account = this.#accountOf(rule)
      account.matches += 1
      try {
        if (!this.#addRule(record, event, rule, account)) isAnchored = false
      } catch (thrown) {
        this.#fail(rule.id, thrown, account)
        this.#withhold(record, rule.id)
      }
    }
    return isAnchored
  }

  /** An alert of ours: what its correlation found is a match to those that refer to it. */
  addFinding(record: LogRecord, event: SourceEvent): void {
    if (event.kind !== 'alert' || (this.#context.correlated?.size ?? 0) === 0) return
    const finding = findingOf(event)
    const correlated = finding === null ? undefined : this.#context.correlated?.get(finding.id)
    if (finding === null || correlated === undefined) return
    const grouped = { ...event, fields: { ...finding.group, ...event.fields } }
    this.ruleMatches.push(this.#matchRow(record, grouped, finding, correlated))
  }

  #addRule(record: LogRecord, event: SourceEvent, rule: Rule, account: RuleAccount): boolean {
    const correlated = this.#context.correlated?.get(rule.id)
    const state = this.#context.states.get(rule.id)
    const withheld = withholding(rule, state)
    if (correlated !== undefined && withheld === null) {
      this.ruleMatches.push(this.#matchRow(record, event, rule, correlated))
    }
    if (rule.emits.length === 0) {
      this.#drop('no_technique', 1, account)
      return true
    }
    if (withheld !== null) {
      this.#drop(withheld, rule.emits.length, account)
      return true
    }
    if (correlated?.isTagging === false) {
      this.#drop('correlated', rule.emits.length, account)
      return true
    }
    const emits = emitsOf(rule, event)
    const written = emits.filter((emit) => clipped(emit.confidence, state) >= confidenceFloor)
    this.#drop('below_floor', emits.length - written.length, account)
    if (written.length === 0) {
      // Below the floor by itself, the rule says no; by a clip, somebody else does.
      if (emits.some(({ confidence }) => confidence >= confidenceFloor)) {
        this.#withhold(record, rule.id)
      }
      return true
    }
    if (!hasAnchor(event)) {
      this.#drop('no_anchor', written.length, account)
      this.#withhold(record, rule.id)
      return false
    }
    if (!this.#rateLimit.allows(rule.id, event)) {
      this.#drop('rate_limited', written.length, account)
      this.#withhold(record, rule.id)
      return true
    }
    const evidence = JSON.stringify(evidenceOf(rule, event, this.#evidence))
    for (const emit of written) {
      this.tags.push(
        this.#row(record, event, rule, emit, clipped(emit.confidence, state), evidence),
      )
    }
    count(account.tags, 'written', written.length)
    return true
  }

  #matchRow(
    record: LogRecord,
    event: SourceEvent,
    rule: Pick<Rule, 'id' | 'version'>,
    { fields }: CorrelatedRule,
  ): Row<'rule_matches'> {
    const held = fields.flatMap((field) => {
      const text = correlatedText(event, field)
      return text === null ? [] : [[field, text] as const]
    })
    return {
      ...positionOf(this.#context, record),
      rule_id: rule.id,
      rule_version: rule.version,
      event_time: event.eventTimeMs,
      source_kind: event.kind,
      source_id: event.id,
      identity_id: event.identityId,
      attacker_id: event.attackerId,
      host: event.host,
      user: event.user,
      field_names: held.map(([field]) => field),
      field_values: held.map(([, text]) => text),
    }
  }

  #row(
    record: LogRecord,
    event: SourceEvent,
    rule: Rule,
    emit: EmittedTechnique,
    confidence: number,
    evidence: string,
  ): Row<'tags'> {
    const { log, topic, partition, timeMs } = this.#context
    const { techniqueId, subTechniqueId, tactics } = emit
    return {
      log,
      topic,
      partition,
      offset: record.offset,
      ingest_time: timeMs,
      tag_id: tagId(event.kind, event.id, rule.id, rule.version, techniqueId, subTechniqueId),
      source_kind: event.kind,
      source_id: event.id,
      event_time: event.eventTimeMs,
      tagged_time: timeMs,
      identity_id: event.identityId,
      attacker_id: event.attackerId,
      session_id: event.sessionId,
      host: event.host,
      user: event.user,
      decoy: event.decoy,
      tactic: tactics[0] ?? '',
      tactics,
      technique_id: techniqueId,
      sub_technique_id: subTechniqueId,
      confidence,
      severity: rule.severity,
      rule_id: rule.id,
      rule_version: rule.version,
      rule_hash: rule.ruleHash,
      evidence,
      attack_release: this.#attackRelease,
      in_release: emit.inRelease,
    }
  }

  #accountOf({ id }: Rule): RuleAccount {
    const known = this.byRule.get(id)
    if (known !== undefined) return known
    const account = { matches: 0, tags: {} }
    this.byRule.set(id, account)
    return account
  }

  #fail(ruleId: string, thrown: unknown, account: RuleAccount | null): void {
    if (!this.ruleErrors.has(ruleId)) this.ruleErrors.set(ruleId, messageOf(thrown))
    this.#drop('rule_error', 1, account)
  }

  #withhold({ offset }: LogRecord, ruleId: string): void {
    this.withheld.push({ offset, ruleId })
  }

  #drop(reason: DropReason, tags: number, account: RuleAccount | null): void {
    if (tags <= 0) return
    count(this.dropped, reason, tags)
    if (account !== null) count(account.tags, reason, tags)
  }
}

interface RuleAccount extends RuleOutcome {
  matches: number
  readonly tags: Partial<Record<TagOutcome, number>>
}

function count<Name extends TagOutcome>(
  counts: Partial<Record<Name, number>>,
  name: Name,
  by: number,
): void {
  counts[name] = (counts[name] ?? 0) + by
}

/** Whether what a rule matches becomes tags: it is not so where its state or a correlation says otherwise. */
export function mayTag(
  rule: Rule,
  { states, correlated }: Pick<BlockContext, 'states' | 'correlated'>,
): boolean {
  const state = states.get(rule.id)
  if (state?.state === 'disabled' || withholding(rule, state) !== null) return false
  return correlated?.get(rule.id)?.isTagging !== false
}

/** Why a match writes no tags, whatever it says; null: it does. */
function withholding(rule: Rule, state: RuleState | undefined): DropReason | null {
  if (state?.state === 'quarantined') return 'quarantined'
  return state?.state === 'shadow' || rule.isShadow === true ? 'shadow' : null
}

function clipped(confidence: number, state: RuleState | undefined): number {
  if (state?.state !== 'clipped' || state.confidenceMax === null) return confidence
  return Math.min(confidence, state.confidenceMax)
}

/** The correlation, and its group, of an alert that a `Correlator` published; else null. */
function findingOf({ fields }: SourceEvent) {
  const parsed = findingSchema.safeParse(fields)
  if (!parsed.success) return null
  const { rule, correlation } = parsed.data
  return { id: rule.id, version: rule.version, group: correlation.group }
}

const findingSchema = z.object({
  rule: z.object({ system: z.literal('ttpstream'), id: z.string(), version: z.string() }),
  correlation: z.object({ group: z.record(z.string(), z.string()) }),
})

/** A field's text, whatever its case, as it is compared in a rule; anchors are fields too. */
function correlatedText(event: SourceEvent, field: string): string | null {
  const anchors: Readonly<Record<string, string>> = {
    host: event.host,
    user: event.user,
    attacker_id: event.attackerId,
    session_id: event.sessionId,
    identity_id: event.identityId,
  }
  const value = fieldValue(event.fields, field) ?? (anchors[field] || undefined)
  if (value === undefined || value === null || value === '') return null
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.slice(0, correlatedCharsMax).toLowerCase()
}

/** Longer values that begin alike are one. */
const correlatedCharsMax = 1_024

function hasAnchor({ identityId, attackerId, sessionId, host, user }: Anchors): boolean {
  return [identityId, attackerId, sessionId, host, user].some((anchor) => anchor !== '')
}
