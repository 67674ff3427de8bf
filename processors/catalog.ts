import { signer } from '../core/hash.ts'
import { type CatalogFacts, catalogTime, parseCatalog } from '../schemas/catalog.ts'
import { formatProblems } from '../schemas/check.ts'
import { eventTimeOf } from '../schemas/event-time.ts'
import type { Row } from '../schemas/table.ts'
import { BlockReader, positionOf } from './block-reader.ts'
import type { JsonLimits } from './json-record.ts'
import { Merges } from './merges.ts'
import type { Processor } from './processor.ts'

/**
 * Changes of maintained entities → a row each, with what we derive from the entity. Whether a merge can
 * stand depends on those before it, which the processor remembers.
 */

export interface CatalogOptions extends JsonLimits {
  /** Validity of a validation that states no end, in days. Default 180. */
  readonly validityDays?: number
  /** Signs validations (HMAC-SHA-256); without it they carry no integrity hash. */
  readonly integrityKey?: string
}

const validityDaysDefault = 180

export function createCatalogProcessor(options: CatalogOptions, merges = new Merges()): Processor {
  const { integrityKey } = options
  const constant: Omit<CatalogFacts, 'eventTimeMs'> = {
    validityDays: options.validityDays ?? validityDaysDefault,
    ...(integrityKey === undefined ? {} : { sign: signer(integrityKey) }),
  }
  return {
    table: 'catalog_events',
    memory: { recall: (rows) => createCatalogProcessor(options, new Merges(rows)) },
    process(context, records) {
      const [first] = records
      if (first !== undefined) merges.rewind(context.log, first.offset)
      const reader = new BlockReader(context, options)
      const rows: Row<'catalog_events'>[] = []
      reader.each(records, (read) => {
        const { record } = read
        const time = eventTimeOf(catalogTime(read.value), read.recordTimeMs)
        const facts = { ...constant, eventTimeMs: time.eventTimeMs }
        const checked = parseCatalog(read.value, facts)
        if (!checked.ok) {
          reader.refuse(read, 'invalid-catalog', formatProblems(checked.problems))
          return
        }
        const { kind, id, op, actor, reason, entity, derived } = checked.value
        const refusal = kind === 'merge' ? merges.take(record.offset, checked.value) : null
        if (refusal !== null) {
          reader.refuse(read, refusal.code, refusal.reason)
          return
        }
        rows.push({
          ...positionOf(context, record),
          record_time: read.recordTimeMs,
          event_time: time.eventTimeMs,
          is_time_capped: time.isTimeCapped,
          kind,
          id,
          op,
          actor,
          reason,
          entity: JSON.stringify(entity),
          derived: JSON.stringify(derived),
        })
      })
      return {
        rows: { catalog_events: rows, dead_letters: reader.deadLetters },
        events: rows.length,
        deletions: reader.deletions,
        dropped: {},
      }
    },
  }
}
