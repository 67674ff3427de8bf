import type { Fields } from '../../schemas/event.ts'
import { someScalarWithin, textOf } from '../value.ts'

/** Stands between joined values; a literal that holds it is searched value by value. */
export const separator = '\uFFFF'

/** Keywords are searched in this many times the limit of one field. */
const fieldsSearched = 4

/**
 * Every value of an event, for keyword rules: one by one, and lower-cased in one text, where a
 * literal is found in one search. Each value is cut to `charsMax`, and so is the whole to a few
 * times as much.
 */
export class KeywordTexts {
  readonly texts: readonly string[]
  readonly isCut: boolean
  #joined: string | undefined

  constructor(fields: Fields, charsMax: number) {
    const texts: string[] = []
    let left = charsMax * fieldsSearched
    let isCut = false
    someScalarWithin(fields, (scalar) => {
      const text = textOf(scalar)
      const kept = text.slice(0, Math.min(charsMax, left))
      isCut ||= kept.length < text.length
      texts.push(kept)
      left -= kept.length + 1
      return left <= 0
    })
    this.texts = texts
    this.isCut = isCut || left <= 0
  }

  get joined(): string {
    this.#joined ??= this.texts.map((text) => text.toLowerCase()).join(separator)
    return this.#joined
  }
}
