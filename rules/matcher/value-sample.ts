import { numberOf } from '../value.ts'
import { type Atom, atomKey } from './atom.ts'
import type { EventValues } from './event-values.ts'
import type { FieldNames } from './field-names.ts'
import { guessedRate, type Rarity } from './rarity.ts'

/** Beginnings of texts tell enough of how often an atom holds. */
const textCharsMax = 1024
/** How much a guess counts beside what was seen: it decides between atoms that were not seen. */
const guessWeight = 0.02

/** Values that some fields had in a sample of events, and what they say about rarity. */
export class ValueSample {
  events = 0
  /** Field → lower-case text → events that had it. */
  readonly #texts: ReadonlyMap<string, Map<string, number>>

  constructor(fields: Iterable<string>) {
    this.#texts = new Map([...fields].map((field) => [field, new Map()]))
  }

  add(values: EventValues, names: FieldNames): void {
    this.events += 1
    for (const [field, counts] of this.#texts) {
      const text = values.lower(names.slotOf(field))
      for (const one of typeof text === 'string' ? [text] : (text ?? [])) {
        const head = one.slice(0, textCharsMax)
        counts.set(head, (counts.get(head) ?? 0) + 1)
      }
    }
  }

  textsOf(field: string): string[] {
    return [...(this.#texts.get(field)?.keys() ?? [])]
  }

  rarity(): Rarity {
    const known = new Map<string, number>()
    return (atom) => {
      const key = atomKey(atom)
      const rate = known.get(key) ?? this.#rate(atom)
      known.set(key, rate)
      return rate
    }
  }

  #rate(atom: Atom): number {
    const guess = guessedRate(atom)
    const counts = atom.op === 'keyword' ? undefined : this.#texts.get(atom.field)
    if (counts === undefined || this.events === 0) return guess
    let seen = 0
    for (const [text, count] of counts) if (holdsOf(atom, text)) seen += count
    return Math.min(1, seen / this.events + guess * guessWeight)
  }
}

function holdsOf(atom: Atom, text: string): boolean {
  switch (atom.op) {
    case 'present':
      return true
    case 'number':
      return numberOf(text) === atom.value
    case 'equals':
      return text === atom.literal
    case 'startswith':
      return text.startsWith(atom.literal)
    case 'endswith':
      return text.endsWith(atom.literal)
    case 'contains':
    case 'keyword':
      return text.includes(atom.literal)
  }
}
