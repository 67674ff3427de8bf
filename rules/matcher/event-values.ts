import type { Fields } from '../../schemas/event.ts'
import { someScalar, textOf } from '../value.ts'
import { cut, isOverLong } from './cut.ts'
import type { FieldNames } from './field-names.ts'
import { KeywordTexts } from './keyword-texts.ts'
import { ScanBuffer } from './scan-buffer.ts'

/** Lower-case text of a value: one, several of an array, or null for none. */
export type LowerText = string | readonly string[] | null

/**
 * The event at hand, as predicates read it: values by slot, over-long ones cut, lower-cased once and
 * on demand.
 */
export class EventValues {
  /** For whoever scans a text of this event. */
  readonly buffer = new ScanBuffer()
  /** How many values were cut so far. */
  cutTotal = 0
  readonly #names: FieldNames
  readonly #charsMax: number
  #fields: Fields = {}
  readonly #lowered: (LowerText | undefined)[] = []
  /** Slots that are set, and how many: resetting a length costs more than counting. */
  readonly #touched: number[] = []
  #touchedCount = 0
  #keywords: KeywordTexts | undefined

  constructor(names: FieldNames, charsMax: number) {
    this.#names = names
    this.#charsMax = charsMax
  }

  begin(fields: Fields): void {
    this.#fields = fields
    this.#keywords = undefined
    const touched = this.#touched
    for (let index = 0; index < this.#touchedCount; index += 1) {
      this.#lowered[touched[index] ?? 0] = undefined
    }
    this.#touchedCount = 0
  }

  /** As the event has it. */
  whole(slot: number): unknown {
    return this.#names.valueOf(this.#fields, slot)
  }

  /** As rules see it: cut. */
  value(slot: number): unknown {
    const value = this.whole(slot)
    return isOverLong(value, this.#charsMax) ? cut(value, this.#charsMax) : value
  }

  lower(slot: number): LowerText {
    const known = this.#lowered[slot]
    if (known !== undefined) return known
    const value = this.whole(slot)
    if (typeof value === 'string') return this.lowerString(slot, value)
    return this.#keep(slot, this.#lowerOther(value))
  }

  /** `lower(slot)`, for a caller who has the slot's value in hand. */
  lowerString(slot: number, value: string): string {
    let text = value
    if (value.length > this.#charsMax) {
      this.cutTotal += 1
      text = value.slice(0, this.#charsMax)
    }
    const lower = text.toLowerCase()
    this.#keep(slot, lower)
    return lower
  }

  keywords(): KeywordTexts {
    if (this.#keywords === undefined) {
      this.#keywords = new KeywordTexts(this.#fields, this.#charsMax)
      if (this.#keywords.isCut) this.cutTotal += 1
    }
    return this.#keywords
  }

  #lowerOther(value: unknown): LowerText {
    let scalars = value
    if (isOverLong(value, this.#charsMax)) {
      this.cutTotal += 1
      scalars = cut(value, this.#charsMax)
    }
    const texts: string[] = []
    someScalar(scalars, (scalar) => {
      texts.push(textOf(scalar).toLowerCase())
      return false
    })
    return texts.length > 1 ? texts : (texts[0] ?? null)
  }

  #keep<Text extends LowerText>(slot: number, lower: Text): Text {
    this.#lowered[slot] = lower
    this.#touched[this.#touchedCount] = slot
    this.#touchedCount += 1
    return lower
  }
}
