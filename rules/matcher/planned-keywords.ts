import type { Fields, MatchEvent } from '../../schemas/event.ts'
import { httpFields, shellFields, urlFields } from '../../schemas/kind.ts'
import { fieldValue } from '../field.ts'
import { someScalarWithin, textOf } from '../value.ts'
import type { EventValues } from './event-values.ts'
import type { IdSet } from './id-set.ts'
import type { Waiting } from './indexed-field.ts'
import { KeywordField } from './keyword-field.ts'
import type { KeywordScan } from './keyword-scan.ts'
import type { SharedCache } from './shared-cache.ts'

/**
 * The keywords of a plan. As with a field, their index is built with the first event, and shared
 * with every plan in which the same rules wait for the same.
 */
export class PlannedKeywords {
  readonly #waiting: readonly Waiting<string>[]
  readonly #choices: string
  readonly #cache: SharedCache<KeywordField>
  #indexed: KeywordField | null = null

  /** `choices`: ids of the choices that `waiting` comes from. */
  constructor(
    waiting: readonly Waiting<string>[],
    choices: readonly number[],
    cache: SharedCache<KeywordField>,
  ) {
    this.#waiting = waiting
    this.#choices = choices.join()
    this.#cache = cache
  }

  /** Adds the rules of which a keyword may be in the event. */
  find(event: MatchEvent, values: EventValues, candidates: IdSet): void {
    const { json, derived, fields } = event
    const { scan, postings } = this.#indexed ?? this.#index(json)
    scan.found.clear()
    if (json === undefined || !scan.findInJson(json, values.buffer)) {
      scan.findInText(values.keywords().joined, values.buffer)
    } else {
      for (const name of normalizedFields) {
        if (fields[name] !== undefined) findInField(name, scan, fields, values)
      }
      for (const name of derived ?? []) findInField(name, scan, fields, values)
    }
    if (scan.found.size !== 0) postings.addRules(scan.found, candidates)
  }

  /** The first event is a sample of what will be scanned: names of fields, if nothing else, recur. */
  #index(json: Uint8Array | undefined): KeywordField {
    const head = json === undefined ? '' : Buffer.from(json).toString('latin1', 0, sampleBytes)
    this.#indexed = this.#cache.get(
      this.#choices,
      () => new KeywordField(this.#waiting, [head.toLowerCase()]),
    )
    return this.#indexed
  }
}

const sampleBytes = 16_384

/** Text that the event's JSON may not show. */
function findInField(name: string, scan: KeywordScan, fields: Fields, values: EventValues): void {
  someScalarWithin(fieldValue(fields, name), (scalar) => {
    scan.findInText(textOf(scalar).toLowerCase(), values.buffer)
    return false
  })
}

/** What `schemas/normalize` adds; a producer may send fields of these names too. */
const normalizedFields = [...shellFields, ...urlFields, ...httpFields]
