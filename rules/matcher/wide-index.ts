import type { IdSet } from './id-set.ts'
import type { Literal } from './literal-index.ts'

/**
 * Finds literals by one character above U+00FF each: for those that have no ASCII to speak of.
 * Soundness: wherever the literal stands its key character does too, at a known distance from the
 * literal's start, and the literal is verified there. One pass over the text, whatever it repeats.
 */
export class WideIndex {
  readonly #byUnit = new Map<number, Entry[]>()

  /** Every literal must hold a character above U+00FF. */
  constructor(literals: readonly Literal[]) {
    for (const literal of literals) {
      const offset = keyOffset(literal.text)
      const unit = literal.text.charCodeAt(offset)
      const entries = this.#byUnit.get(unit)
      if (entries === undefined) this.#byUnit.set(unit, [{ literal, offset }])
      else entries.push({ literal, offset })
    }
  }

  find(text: string, found: IdSet): void {
    for (let at = 0; at < text.length; at += 1) {
      const unit = text.charCodeAt(at)
      if (unit <= 0xff) continue
      for (const { literal, offset } of this.#byUnit.get(unit) ?? none) {
        if (found.has(literal.id)) continue
        if (at >= offset && text.startsWith(literal.text, at - offset)) found.add(literal.id)
      }
    }
  }
}

interface Entry {
  readonly literal: Literal
  readonly offset: number
}

const none: readonly Entry[] = []

/** The last wide unit that tells symbols apart; else the last wide unit. */
function keyOffset(text: string): number {
  let any = -1
  for (let at = text.length - 1; at >= 0; at -= 1) {
    const unit = text.charCodeAt(at)
    if (unit <= 0xff) continue
    if (!isCommon(unit)) return at
    if (any === -1) any = at
  }
  if (any === -1) throw new RangeError('No wide character in a literal.')
  return any
}

/** High surrogates, the emoji variation selector and the joiner stand in most emoji. */
function isCommon(unit: number): boolean {
  return (unit >= 0xd800 && unit <= 0xdbff) || unit === 0xfe0f || unit === 0x200d
}
