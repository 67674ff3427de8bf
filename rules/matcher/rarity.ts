import type { Atom } from './atom.ts'

/**
 * How often an atom is expected to hold, as a share of events. Only costs depend on it, never
 * answers, so it may be a guess at first and be learned from the stream later.
 */
export type Rarity = (atom: Atom) => number

/** A guess from the literal alone: what is long is rare, except what fills every log. */
export function guessedRate(atom: Atom): number {
  switch (atom.op) {
    case 'present':
      return 1
    case 'number':
      return 0.05
    case 'equals':
      return atom.literal.length <= 4 ? 0.06 : 0.01
    case 'endswith':
      return atom.literal.length <= 4 ? 0.5 : 0.004
    case 'startswith':
      if (atom.literal.length <= 3) return 0.5
      return atom.literal.length <= 12 || isEverywhere(atom.literal) ? 0.15 : 0.02
    case 'keyword':
      return atom.literal.length >= 5 ? 0.002 : 0.5
    case 'contains':
      if (isEverywhere(atom.literal)) return 0.25
      return containsRates[atom.literal.length] ?? 0.004
  }
}

/** By length of the literal, from 0. */
const containsRates = [1, 0.5, 0.3, 0.08, 0.03, 0.012, 0.012]

function isEverywhere(literal: string): boolean {
  return everywhere.test(literal) && literal.length <= 24
}

const everywhere =
  /^(?:c:)?\\?(?:windows|system32|users|program files|software|microsoft|appdata|temp)\\|^\.(?:exe|dll)$|^http|^powershell/
