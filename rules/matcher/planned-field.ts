import { someScalar } from '../value.ts'
import type { EventValues } from './event-values.ts'
import type { FieldAtom, FieldIndex } from './field-index.ts'
import type { IdSet } from './id-set.ts'
import { IndexedField, type Waiting } from './indexed-field.ts'
import type { SharedCache } from './shared-cache.ts'

/**
 * One field of a plan. Its index is built when an event first has the field, and shared with every
 * other plan in which the same rules wait for the same of it.
 */
export class PlannedField {
  readonly name: string
  readonly slot: number
  readonly #waiting: Waiting<FieldAtom>[] = []
  readonly #choices: number[] = []
  readonly #cache: SharedCache<IndexedField>
  #indexed: IndexedField | null = null

  constructor(name: string, slot: number, cache: SharedCache<IndexedField>) {
    this.name = name
    this.slot = slot
    this.#cache = cache
  }

  /** Before the field is first looked at. */
  add(atom: FieldAtom, rule: number, choice: number): void {
    this.#waiting.push({ atom, rule })
    if (this.#choices.at(-1) !== choice) this.#choices.push(choice)
  }

  /** Builds the index, if nobody has. `sample`: texts that the field has had. */
  index(sample: readonly string[] = []): IndexedField {
    this.#indexed ??= this.#cache.get(
      `${this.name}\0${this.#choices.join()}`,
      () => new IndexedField(this.#waiting, sample),
    )
    return this.#indexed
  }

  get isIndexed(): boolean {
    return this.#indexed !== null
  }

  /** Adds the rules whose witness may be in `value`, the field's value in the event. */
  find(value: unknown, values: EventValues, candidates: IdSet): void {
    const { index, postings } = this.#indexed ?? this.index()
    index.found.clear()
    index.findPresent()
    if (typeof value === 'string') {
      index.findText(values.lowerString(this.slot, value), values.buffer)
    } else if (typeof value === 'number') {
      index.findNumber(value, values.buffer)
    } else if (typeof value === 'boolean') {
      index.findText(String(value), values.buffer)
    } else if (Array.isArray(value)) {
      this.#findInArray(index, values)
    }
    if (index.found.size !== 0) postings.addRules(index.found, candidates)
  }

  #findInArray(index: FieldIndex, values: EventValues): void {
    const texts = values.lower(this.slot)
    if (typeof texts === 'string') index.findText(texts, values.buffer)
    else for (const text of texts ?? []) index.findText(text, values.buffer)
    // The text of a large number (1e+21) does not look like one.
    someScalar(values.value(this.slot), (scalar) => {
      if (typeof scalar === 'number') index.findNumber(scalar, values.buffer)
      return false
    })
  }
}
