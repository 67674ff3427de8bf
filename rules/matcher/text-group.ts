import { groupBy } from '../../core/group-by.ts'
import { textMatches } from '../leaf.ts'
import type { Node, TextOp } from '../node.ts'
import { AskingOrder } from './asking-order.ts'
import type { EventValues } from './event-values.ts'
import type { FieldNames } from './field-names.ts'
import { IdSet } from './id-set.ts'
import { LiteralIndex } from './literal-index.ts'
import type { Predicate } from './predicate.ts'
import { someLower } from './text-predicate.ts'

/**
 * Leaves that ask the same of the same field, under one AND or OR, as one predicate: the text is
 * fetched once, and many alternatives are looked for together.
 */
export interface TextGroup {
  readonly leaves: readonly PlainText[]
  readonly predicate: Predicate
}

export interface PlainText {
  readonly op: TextOp
  readonly field: string
  readonly value: string
  readonly isCased: boolean
}

/** Fewer alternatives than this are tried one by one. */
const setMin = 4
const indexMin = 8

/** The groups among `nodes`, the children of an `op`; and the nodes that are in none. */
export function textGroups(
  op: 'and' | 'or',
  nodes: readonly Node[],
  names: FieldNames,
): { groups: TextGroup[]; rest: Node[] } {
  const groups: TextGroup[] = []
  const rest: Node[] = nodes.filter((node) => !isPlain(node))
  const sameAsked = groupBy(nodes.filter(isPlain), (leaf) => `${leaf.op}\0${leaf.field}`)
  for (const leaves of sameAsked.values()) {
    const [first, second] = leaves
    if (first === undefined || second === undefined) rest.push(...leaves)
    else {
      const slot = names.slotOf(first.field)
      const literals = leaves.map((leaf) => leaf.value)
      const predicate =
        op === 'or' ? anyOf(first.op, literals, slot) : allOf(first.op, literals, slot)
      groups.push({ leaves, predicate })
    }
  }
  return { groups, rest }
}

function isPlain(node: Node): node is PlainText {
  switch (node.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains':
      return !node.isCased
    default:
      return false
  }
}

function anyOf(op: TextOp, literals: readonly string[], slot: number): Predicate {
  if (op === 'equals' && literals.length >= setMin) {
    const wanted = new Set(literals)
    return (values) => someLower(values, slot, (text) => wanted.has(text))
  }
  if (op === 'contains' && literals.length >= indexMin && !literals.includes('')) {
    return containsAny(literals, slot)
  }
  const test = someTest(op, literals)
  return (values) => {
    const text = values.lower(slot)
    if (typeof text === 'string') return test(text)
    return text?.some(test) ?? false
  }
}

/** A loop for each operation: the call in it is then always the same one. */
function someTest(op: TextOp, literals: readonly string[]): (text: string) => boolean {
  const order = new AskingOrder(literals)
  const { parts } = order
  const decidedBy = (place: number): true => {
    order.decided(place)
    return true
  }
  switch (op) {
    case 'equals':
      return (text) => {
        for (const literal of literals) if (text === literal) return true
        return false
      }
    case 'startswith':
      return (text) => {
        for (let place = 0; place < parts.length; place += 1) {
          if (text.startsWith(parts[place] ?? '')) return decidedBy(place)
        }
        return false
      }
    case 'endswith':
      return (text) => {
        for (let place = 0; place < parts.length; place += 1) {
          if (text.endsWith(parts[place] ?? '')) return decidedBy(place)
        }
        return false
      }
    case 'contains':
      return (text) => {
        for (let place = 0; place < parts.length; place += 1) {
          if (text.includes(parts[place] ?? '')) return decidedBy(place)
        }
        return false
      }
  }
}

/** Each literal in some text of the field, which for an array need not be the same one. */
function allOf(op: TextOp, literals: readonly string[], slot: number): Predicate {
  const order = new AskingOrder(literals)
  const { parts } = order
  return (values) => {
    const text = values.lower(slot)
    if (text === null) return false
    for (let place = 0; place < parts.length; place += 1) {
      const literal = parts[place] ?? ''
      const holds =
        typeof text === 'string'
          ? textMatches(op, text, literal)
          : text.some((one) => textMatches(op, one, literal))
      if (holds) continue
      order.decided(place)
      return false
    }
    return true
  }
}

/**
 * The index may name a literal that only looks like one in the text, so a hit is looked at again. What was found last
 * is looked for first while it goes on being found: for a filter that holds of most events, that is most of the cost.
 */
function containsAny(literals: readonly string[], slot: number): Predicate {
  const index = new LiteralIndex(literals.map((text, id) => ({ text, id })))
  const found = new IdSet(literals.length)
  let usual: string | null = null
  const firstIn = (text: string, values: EventValues): string | null => {
    found.clear()
    index.find(text, values.buffer, found)
    for (let at = 0; at < found.size; at += 1) {
      const literal = literals[found.at(at)] ?? ''
      if (text.includes(literal)) return literal
    }
    return null
  }
  const holdsSome = (text: string, values: EventValues): boolean => {
    if (usual !== null && text.includes(usual)) return true
    usual = firstIn(text, values)
    return usual !== null
  }
  return (values) => someLower(values, slot, (text) => holdsSome(text, values))
}
