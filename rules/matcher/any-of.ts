import type { Leaf, Node } from '../node.ts'
import type { EventValues } from './event-values.ts'
import type { FieldNames } from './field-names.ts'
import { grouped } from './grouped.ts'
import { IdSet } from './id-set.ts'
import { LiteralIndex } from './literal-index.ts'
import type { Predicate } from './predicate.ts'
import { someLower } from './text-predicate.ts'

/** Fewer alternatives than this are tried one by one. */
const equalsMin = 4
const containsMin = 8

interface Merged {
  readonly merged: Predicate[]
  /** What is still to be compiled node by node. */
  readonly rest: Node[]
}

/** Alternatives of an OR that ask the same of the same field, answered together. */
export function anyOfPredicates(nodes: readonly Node[], names: FieldNames): Merged {
  const rest = nodes.filter((node) => !isPlain(node))
  const groups = grouped(nodes.filter(isPlain), ({ op, field }) => `${op}\0${field}`)
  const merged: Predicate[] = []
  for (const group of groups.values()) {
    const [first] = group
    const enough = first?.op === 'equals' ? equalsMin : containsMin
    if (first === undefined || group.length < enough) rest.push(...group)
    else merged.push(anyOf(first, group, names.slotOf(first.field)))
  }
  return { merged, rest }
}

type Plain = Leaf & { readonly op: 'equals' | 'contains' }

function isPlain(node: Node): node is Plain {
  return (node.op === 'equals' || node.op === 'contains') && !node.isCased && node.value !== ''
}

function anyOf(first: Plain, group: readonly Plain[], slot: number): Predicate {
  if (first.op === 'equals') {
    const wanted = new Set(group.map((leaf) => leaf.value))
    return (values) => someLower(values, slot, (text) => wanted.has(text))
  }
  return containsAny(
    group.map((leaf) => leaf.value),
    slot,
  )
}

/** The index may name a literal that only looks like one in the text, so a hit is looked at again. */
function containsAny(literals: readonly string[], slot: number): Predicate {
  const index = new LiteralIndex(literals.map((text, id) => ({ text, id })))
  const found = new IdSet(literals.length)
  const holdsSome = (text: string, values: EventValues): boolean => {
    found.clear()
    index.find(text, values.buffer, found)
    for (let at = 0; at < found.size; at += 1) {
      if (text.includes(literals[found.at(at)] ?? '')) return true
    }
    return false
  }
  return (values) => someLower(values, slot, (text) => holdsSome(text, values))
}
