import type { Rule } from '../rules/rule.ts'
import type { SourceEvent } from '../schemas/event.ts'
import type { Refusal } from '../schemas/source.ts'
import type { Row } from '../schemas/table.ts'
import { BlockReader, type ReadRecord } from './block-reader.ts'
import type { JsonLimits } from './json-record.ts'
import type { BlockContext, Processor, Rows } from './processor.ts'
import { redactRecord, sensitiveKinds } from './redact.ts'
import { Tagging, type TaggingOptions } from './tag-row.ts'

/**
 * The life of a record on a topic whose events meet rules: parse → match → row and tags. What a topic
 * adds is how it reads a record and what its row holds.
 */
export interface TaggedTopic<Name extends FactTable> {
  readonly table: Name
  interpret(context: BlockContext, read: ReadRecord): Interpreted<Name> | Refusal
  /** The rows under their table's name. */
  rows(rows: readonly Row<Name>[]): Rows
}

export interface Interpreted<Name extends FactTable> {
  readonly event: SourceEvent
  /** Do rules read this record? */
  readonly isMatched: boolean
  /** Is the record kept even where no rule matches? */
  readonly isKept: boolean
  /** `raw` is '' where it is not kept. */
  row(raw: string): Row<Name>
}

type FactTable = 'commands' | 'alert_events' | 'test_events'

export type TaggedOptions = JsonLimits & TaggingOptions

export function taggedProcessor<Name extends FactTable>(
  topic: TaggedTopic<Name>,
  options: TaggedOptions,
): Processor {
  return {
    table: topic.table,
    process(context, records) {
      const reader = new BlockReader(context, options)
      const tagging = new Tagging(context, options)
      const rows: Row<Name>[] = []
      reader.each(records, (read) => {
        const { record } = read
        const interpreted = topic.interpret(context, read)
        if ('refused' in interpreted) {
          reader.refuse(read, interpreted.refused, interpreted.reason)
          return
        }
        const { event } = interpreted
        const matched = interpreted.isMatched ? tagging.match(record, event) : noRules
        const isKept = interpreted.isKept || matched.length > 0
        const row = interpreted.row(isKept ? rawOf(read, event.kind) : '')
        if (interpreted.isMatched) tagging.addFinding(record, event)
        // Nothing is thrown from here on: a record is a row or a dead letter, never both.
        rows.push(row)
        if (matched.length > 0 && !tagging.add(record, event, matched)) {
          reader.note(read, 'no_anchor', noAnchor, event.kind)
        }
      })
      return {
        rows: {
          ...topic.rows(rows),
          tags: tagging.tags,
          rule_matches: tagging.ruleMatches,
          dead_letters: reader.deadLetters,
        },
        events: rows.length,
        deletions: reader.deletions,
        dropped: tagging.dropped,
        byRule: tagging.byRule,
        ruleErrors: tagging.ruleErrors,
        withheld: tagging.withheld,
      }
    },
  }
}

const noRules: readonly Rule[] = []
const noAnchor =
  'a rule matched, but the event names no identity, attacker, session, host or user to tag'

/** The record as it came; of kinds that carry secrets and mail, without them. */
function rawOf(read: ReadRecord, kind: string): string {
  if (!sensitiveKinds.has(kind)) return read.text
  return JSON.stringify(redactRecord(JSON.parse(read.text), kind))
}
