import type { TextOp } from '../node.ts'

/**
 * The questions that an index can answer about one event without evaluating a rule. Literals are
 * lower-case and are looked for in lower-case text.
 */
export type Atom =
  | { readonly op: TextOp; readonly field: string; readonly literal: string }
  | { readonly op: 'number'; readonly field: string; readonly value: number }
  /** The field has a value other than null. */
  | { readonly op: 'present'; readonly field: string }
  /** The literal occurs in some value of the event. */
  | { readonly op: 'keyword'; readonly literal: string }

/** Equal atoms have equal keys. */
export function atomKey(atom: Atom): string {
  switch (atom.op) {
    case 'number':
      return `number\0${atom.field}\0${atom.value}`
    case 'present':
      return `present\0${atom.field}`
    case 'keyword':
      return `keyword\0${atom.literal}`
    default:
      return `${atom.op}\0${atom.field}\0${atom.literal}`
  }
}
