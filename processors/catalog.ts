import { signer } from '../core/hash.ts'
import { type CatalogFacts, catalogTime, parseCatalog } from '../schemas/catalog.ts'
import { formatProblems } from '../schemas/check.ts'
import { eventTimeOf } from '../schemas/event-time.ts'
import type { Row } from '../schemas/table.ts'
import { BlockReader, positionOf } from './block-reader.ts'
import type { JsonLimits } from './json-record.ts'
import type { Processor } from './processor.ts'

/** Changes of maintained entities → a row each, with what we derive from the entity. */

export interface CatalogOptions extends JsonLimits {
  /** Validity of a validation that states no end, in days. Default 180. */
  readonly validityDays?: number
  /** Signs validations (HMAC-SHA-256); without it they carry no integrity hash. */
  readonly integrityKey?: string
}

const validityDaysDefault = 180

export function createCatalogProcessor(options: CatalogOptions): Processor {
  const { integrityKey } = options
  const constant: Omit<CatalogFacts, 'eventTimeMs'> = {
    validityDays: options.validityDays ?? validityDaysDefault,
    ...(integrityKey === undefined ? {} : { sign: signer(integrityKey) }),
  }
  return {
    table: 'catalog_events',
    process(context, records) {
      const reader = new BlockReader(context, options)
      const rows: Row<'catalog_events'>[] = []
      for (const record of records) {
        const read = reader.read(record)
        if (read === null) continue
        const time = eventTimeOf(catalogTime(read.value), read.recordTimeMs)
        const facts = { ...constant, eventTimeMs: time.eventTimeMs }
        const checked = parseCatalog(read.value, facts)
        if (!checked.ok) {
          reader.refuse(read, 'invalid-catalog', formatProblems(checked.problems))
          continue
        }
        const { kind, id, op, actor, reason, entity, derived } = checked.value
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
      }
      return {
        rows: { catalog_events: rows, dead_letters: reader.deadLetters },
        events: rows.length,
        deletions: reader.deletions,
        dropped: {},
      }
    },
  }
}
