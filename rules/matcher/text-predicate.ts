import { globMatches } from '../glob.ts'
import { textMatches } from '../leaf.ts'
import type { Glob, TextOp } from '../node.ts'
import { someScalar, textOf } from '../value.ts'
import type { EventValues } from './event-values.ts'
import type { Predicate } from './predicate.ts'

/** Leaves that compare text. The plain ones are most of all leaves, so each has its own closure. */
export function textPredicate(op: TextOp, slot: number, literal: string): Predicate {
  const ofMany = (texts: readonly string[]): boolean =>
    texts.some((text) => textMatches(op, text, literal))
  switch (op) {
    case 'equals':
      return (values) => {
        const text = values.lower(slot)
        if (typeof text === 'string') return text === literal
        return text !== null && ofMany(text)
      }
    case 'startswith':
      return (values) => {
        const text = values.lower(slot)
        if (typeof text === 'string') return text.startsWith(literal)
        return text !== null && ofMany(text)
      }
    case 'endswith':
      return (values) => {
        const text = values.lower(slot)
        if (typeof text === 'string') return text.endsWith(literal)
        return text !== null && ofMany(text)
      }
    case 'contains':
      return (values) => {
        const text = values.lower(slot)
        if (typeof text === 'string') return text.includes(literal)
        return text !== null && ofMany(text)
      }
  }
}

export function casedPredicate(
  leaf: { readonly op: TextOp; readonly value: string },
  slot: number,
): Predicate {
  return (values) =>
    someScalar(values.value(slot), (scalar) => textMatches(leaf.op, textOf(scalar), leaf.value))
}

export function globPredicate(glob: Glob, slot: number): Predicate {
  if (glob.isCased) {
    return (values) => someScalar(values.value(slot), (scalar) => globMatches(glob, textOf(scalar)))
  }
  // The text is lower-case already: nothing to fold.
  const folded: Glob = { segments: glob.segments, isCased: true }
  return (values) => someLower(values, slot, (text) => globMatches(folded, text))
}

/** Does some lower-case text of the value pass? */
export function someLower(
  values: EventValues,
  slot: number,
  test: (text: string) => boolean,
): boolean {
  const text = values.lower(slot)
  if (typeof text === 'string') return test(text)
  return text?.some(test) ?? false
}
