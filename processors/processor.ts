import type { LogRecord, OutRecord } from '../core/kafka.ts'
import type { CorrelatedRule } from '../rules/correlated-rule.ts'
import type { Revision, RuleState } from '../rules/rule.ts'
import type { Row, TableName } from '../schemas/table.ts'

/**
 * The life of a record, in one pure function per kind of event: parse → match rules → rows.
 *
 * Contract:
 * - Pure: the same context and records give the same outcome, byte for byte. No clock, no I/O. What a
 *   processor with a memory says depends on the records before in the same log too, on nothing else.
 * - Total: every record ends as a row of the topic's own table, a dead letter or a deletion;
 *   `records = events + dead letters + deletions`. It never throws for what a record holds.
 * - Batches, not records, cross this boundary.
 */
export interface Processor {
  /** The fact table that gets one row per accepted record. */
  readonly table: TableName
  process(context: BlockContext, records: readonly LogRecord[]): Outcome
  readonly memory?: ProcessorMemory
}

/** Some records can only be judged by what came before them. */
export interface ProcessorMemory {
  /** The processor of one assignment, with what tables hold of the partition, in log order. */
  recall(rows: readonly Row<'catalog_events'>[]): Processor
}

/** All that a block's rows may depend on besides its records: everything here comes from the intent. */
export interface BlockContext {
  /** Random id of this incarnation of the partition; part of every default event id. */
  readonly log: string
  readonly topic: string
  readonly partition: number
  /** The intent's time: `ingest_time` and `tagged_time` of every row. Epoch milliseconds. */
  readonly timeMs: number
  readonly revision: Revision
  readonly states: ReadonlyMap<string, RuleState>
  /** Rules that correlations refer to, by id. */
  readonly correlated?: ReadonlyMap<string, CorrelatedRule>
}

export type Rows = { readonly [Name in TableName]?: readonly Row<Name>[] }

export type DropReason =
  | 'below_floor'
  /** An evaluation that did not happen; the others are tags of matches. */
  | 'disabled'
  | 'shadow'
  | 'correlated'
  | 'quarantined'
  | 'rate_limited'
  | 'no_anchor'
  | 'no_technique'
  | 'rule_error'

/** What became of a tag: it was written, or why not. */
export type TagOutcome = 'written' | DropReason

/** What one rule did in a block. */
export interface RuleOutcome {
  /** Events that it matched. */
  readonly matches: number
  readonly tags: Readonly<Partial<Record<TagOutcome, number>>>
}

export interface WithheldMatch {
  readonly offset: number
  /** '' where an exception cost the event all rules. */
  readonly ruleId: string
}

export interface Outcome {
  /** Everything but `ingest_progress`, which is the engine's. */
  readonly rows: Rows
  readonly events: number
  readonly deletions: number
  /** Tags not written, by reason; of disabled rules, evaluations spared. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
  /** By rule id, of rules that matched or are disabled. */
  readonly byRule?: ReadonlyMap<string, RuleOutcome>
  /** Matches whose tags were withheld for a reason that is not in the rule, in offset order. */
  readonly withheld?: readonly WithheldMatch[]
  /** The first exception of each rule whose tags it cost, by rule id; '' where it cost an event all. */
  readonly ruleErrors?: ReadonlyMap<string, string>
}

/** The topics written from rows that are durable: tags and dead letters. Pure, so that recovery can repeat it. */
export type Publish = (rows: Rows) => readonly OutRecord[]
