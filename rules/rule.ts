import type { LogSource, MatchEvent } from '../schemas/event.ts'
import type { Node } from './node.ts'

/**
 * A checked rule and an immutable set of them. Native TTP rules and Sigma rules are the same thing
 * from here on.
 */

export type Severity = 'informational' | 'low' | 'medium' | 'high' | 'critical'

/** What a match says: a technique with its confidence. Unique by technique and sub-technique in a rule. */
export interface Emit {
  /** Parent, `Tnnnn`. '' where `techniqueFrom` names a field instead. */
  readonly techniqueId: string
  /** Full `Tnnnn.nnn`, or ''. */
  readonly subTechniqueId: string
  /** Tactic ids in catalogue order; `tactics[0]` is the tag's `tactic`. */
  readonly tactics: readonly string[]
  readonly inRelease: boolean
  readonly confidence: number
  /** Emit only if this selection matched too. */
  readonly when?: string
  /** confidence × field / over, never above `confidence`. */
  readonly scale?: { readonly field: string; readonly over: number }
  /** A field of the event that holds one technique id or a list of them. */
  readonly techniqueFrom?: string
}

/** A sample in the rule's own file. */
export interface RuleSample {
  readonly kind: string
  readonly logsource: LogSource
  readonly fields: Readonly<Record<string, unknown>>
  /** Techniques (most specific id) that must come out; [] for a negative sample. */
  readonly emits: readonly string[]
  readonly line: number
}

export interface Rule {
  readonly id: string
  readonly language: 'native' | 'sigma'
  readonly name: string
  /** Sigma's `name`, by which correlations and filters may refer to the rule. */
  readonly reference?: string
  readonly description: string
  /** G2: `<declared>~<first 8 hex of logicHash>`. */
  readonly version: string
  /** SHA-256 of the rule's text. */
  readonly ruleHash: string
  /** SHA-256 of the canonical compiled form: a comment or a title does not change it. */
  readonly logicHash: string
  readonly severity: Severity
  /** Native: the kinds it reads. Sigma: null, it is routed by log source. */
  readonly kinds: readonly string[] | null
  readonly logsource: LogSource
  readonly condition: Node
  /** By name, for `when`, for evidence and for explaining. */
  readonly selections: ReadonlyMap<string, Node>
  readonly emits: readonly Emit[]
  /** Native: the declared fields. Sigma: null, the fields of the selections that matched. */
  readonly evidenceFields: readonly string[] | null
  /** Its matches are counted; it writes no tags. */
  readonly isShadow?: boolean
  readonly samples: readonly RuleSample[]
  readonly file: string
  readonly line: number
}

/**
 * An immutable compiled rule set. An event never meets half of one.
 * Contract: `match` is pure, and equal to evaluating every rule that the event's kind and log source
 * route to, one by one. The returned array is reused: read it before the next call.
 */
export interface Revision {
  /** Hash over ids, versions and hashes: equal sets have equal ids on every worker. */
  readonly id: string
  readonly rules: readonly Rule[]
  /** `mute`: rules that are not evaluated, and so do not match. */
  match(event: MatchEvent, mute?: Mute): readonly Rule[]
}

export interface Mute {
  readonly ruleIds: ReadonlySet<string>
  /** Told of each that would have been evaluated: one that the event matches always is, others may be. */
  readonly onSkip: (rule: Rule) => void
}

/** S1. Any rule without an entry is enabled. */
export interface RuleState {
  /** `disabled`: not evaluated. `shadow` and `quarantined`: matches are counted, no tags written. */
  readonly state: 'enabled' | 'disabled' | 'clipped' | 'shadow' | 'quarantined'
  readonly confidenceMax: number | null
  readonly expiresAtMs: number | null
  readonly reason: string | null
  readonly setBy: string | null
  readonly setAtMs: number | null
}
