/**
 * The one compiled form of a condition, native or Sigma: a flattened tree of predicates over fields.
 *
 * Contract:
 * - A missing field makes every leaf false but `null`; it is never an error.
 * - An array field matches where any of its elements does.
 * - Text is compared without regard to case unless `isCased`; literals of uncased leaves are stored
 *   lower-case.
 * - Trees are immutable and hold no functions, so that they can be hashed, printed and compared.
 */

export type TextOp = 'equals' | 'startswith' | 'endswith' | 'contains'
export type CompareOp = 'lt' | 'lte' | 'gt' | 'gte'

/** A wildcard pattern cut at `*`: ['a', ''] is `a*`, ['', ''] any text. In a segment, `anyCharacter` stands for `?`. */
export interface Glob {
  readonly segments: readonly string[]
  readonly isCased: boolean
}

/** Private-use character that stands for `?` in a glob segment. */
export const anyCharacter = '\uFFFE'

export type Node =
  | { readonly op: 'and' | 'or'; readonly nodes: readonly Node[] }
  | { readonly op: 'atleast'; readonly count: number; readonly nodes: readonly Node[] }
  | { readonly op: 'not'; readonly node: Node }
  | { readonly op: 'constant'; readonly value: boolean }
  | Leaf

export type Leaf =
  | ScalarLeaf
  /** Missing, null, or an array of nothing but nulls. */
  | { readonly op: 'null'; readonly field: string }
  /** The field is there, whatever it holds, null too. */
  | { readonly op: 'present'; readonly field: string }
  | {
      readonly op: 'fieldref'
      readonly field: string
      readonly other: string
      readonly how: TextOp
      readonly isCased: boolean
    }

/** Leaves that look at one value at a time. */
export type ScalarLeaf =
  | {
      readonly op: TextOp
      readonly field: string
      readonly value: string
      readonly isCased: boolean
    }
  | { readonly op: 'glob'; readonly field: string; readonly glob: Glob }
  /** `flags` of i, m, s; matched by a linear-time engine, unanchored. Field '' is every value of the event. */
  | {
      readonly op: 'regex'
      readonly field: string
      readonly pattern: string
      readonly flags: string
    }
  | { readonly op: 'number'; readonly field: string; readonly value: number }
  | { readonly op: CompareOp; readonly field: string; readonly value: number }
  | { readonly op: 'boolean'; readonly field: string; readonly value: boolean }
  | { readonly op: 'cidr'; readonly field: string; readonly network: string }
  | {
      readonly op: 'timepart'
      readonly field: string
      readonly part: TimePart
      readonly value: number
    }
  /** Searched in every value of the event. */
  | { readonly op: 'keyword'; readonly glob: Glob }

export type TimePart = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year'
