import { scalarTest, textMatches } from '../leaf.ts'
import type { Leaf, Node, ScalarLeaf } from '../node.ts'
import { isNull, someScalar, textOf } from '../value.ts'
import { AskingOrder } from './asking-order.ts'
import type { EventValues } from './event-values.ts'
import type { FieldNames } from './field-names.ts'
import { keywordPredicate } from './keyword-predicate.ts'
import { requiredLiterals } from './regex-literals.ts'
import { textGroups } from './text-group.ts'
import { casedPredicate, globPredicate, textPredicate } from './text-predicate.ts'

export type Predicate = (values: EventValues) => boolean

/**
 * A tree as closures, one per node, the cheap ones first. The answer is the tree's meaning
 * (`language/evaluate.ts`) on the event with its over-long values cut.
 */
export function compilePredicate(node: Node, names: FieldNames): Predicate {
  switch (node.op) {
    case 'and':
      return decidedBy(false, parts('and', node.nodes, names))
    case 'or':
      return decidedBy(true, parts('or', node.nodes, names))
    case 'atleast': {
      const predicates = node.nodes.map((child) => compilePredicate(child, names))
      return (values) => countOf(predicates, values) >= node.count
    }
    case 'not': {
      const predicate = compilePredicate(node.node, names)
      return (values) => !predicate(values)
    }
    case 'constant':
      return () => node.value
    default:
      return leafPredicate(node, names)
  }
}

/** The children of an AND or OR, what can be asked together as one, the cheap ones first. */
function parts(
  op: 'and' | 'or',
  nodes: readonly Node[],
  names: FieldNames,
): AskingOrder<Predicate> {
  const { groups, rest } = textGroups(op, nodes, names)
  const all = [
    ...groups.map(({ leaves, predicate }) => ({ cost: costOf({ op, nodes: leaves }), predicate })),
    ...rest.map((node) => ({ cost: costOf(node), predicate: compilePredicate(node, names) })),
  ]
  all.sort((left, right) => left.cost - right.cost)
  return new AskingOrder(
    all.map(({ predicate }) => predicate),
    all.map(({ cost }) => cost),
  )
}

/** The first part to answer `decisive` gives the answer; if none does, it is the opposite. */
function decidedBy(decisive: boolean, order: AskingOrder<Predicate>): Predicate {
  const { parts } = order
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  return (values) => {
    for (let place = 0; place < parts.length; place += 1) {
      if (parts[place]?.(values) !== decisive) continue
      order.decided(place)
      return decisive
    }
    return !decisive
  }
}

function countOf(predicates: readonly Predicate[], values: EventValues): number {
  let count = 0
  for (const predicate of predicates) if (predicate(values)) count += 1
  return count
}

function leafPredicate(leaf: Leaf, names: FieldNames): Predicate {
  if (leaf.op === 'keyword' || (leaf.op === 'regex' && leaf.field === '')) {
    return keywordPredicate(leaf)
  }
  const slot = names.slotOf(leaf.field)
  switch (leaf.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains':
      return leaf.isCased ? casedPredicate(leaf, slot) : textPredicate(leaf.op, slot, leaf.value)
    case 'glob':
      return globPredicate(leaf.glob, slot)
    case 'boolean':
      return textPredicate('equals', slot, String(leaf.value))
    case 'regex':
      return gated(requiredLiterals(leaf.pattern, leaf.flags), slot, scalarPredicate(leaf, slot))
    case 'null':
      return (values) => isNull(values.whole(slot))
    case 'present':
      return (values) => values.whole(slot) !== undefined
    case 'fieldref': {
      const other = names.slotOf(leaf.other)
      const textIn = (text: string) => (leaf.isCased ? text : text.toLowerCase())
      return (values) =>
        someScalar(values.value(slot), (left) =>
          someScalar(values.value(other), (right) =>
            textMatches(leaf.how, textIn(textOf(left)), textIn(textOf(right))),
          ),
        )
    }
    default:
      return scalarPredicate(leaf, slot)
  }
}

/** The leaf's own test, made when it is first needed: most patterns never get past their gate. */
function scalarPredicate(leaf: ScalarLeaf, slot: number): Predicate {
  let test: ReturnType<typeof scalarTest> | undefined
  return (values) => {
    test ??= scalarTest(leaf)
    return someScalar(values.value(slot), test)
  }
}

/** A regex is run only on a text that holds a literal of each choice it requires. */
function gated(choices: readonly string[][], slot: number, regex: Predicate): Predicate {
  if (choices.length === 0) return regex
  return (values) => {
    const text = values.lower(slot)
    if (text === null) return false
    if (typeof text === 'string') {
      for (const choice of choices) if (!hasSome(text, choice)) return false
    }
    return regex(values)
  }
}

function hasSome(text: string, literals: readonly string[]): boolean {
  for (const literal of literals) if (text.includes(literal)) return true
  return false
}

/** Relative to comparing a short text. */
const costs: Readonly<Record<Leaf['op'] | 'constant', number>> = {
  constant: 0,
  null: 1,
  present: 1,
  equals: 1,
  number: 1.2,
  boolean: 1.2,
  startswith: 1.4,
  endswith: 1.4,
  lt: 2,
  lte: 2,
  gt: 2,
  gte: 2,
  contains: 5,
  fieldref: 6,
  cidr: 10,
  glob: 12,
  timepart: 20,
  regex: 40,
  keyword: 60,
}

function costOf(node: Node): number {
  switch (node.op) {
    case 'and': {
      // Usually its cheapest part decides.
      const children = node.nodes.map(costOf)
      return Math.min(...children) + 0.2 * sum(children)
    }
    case 'or':
    case 'atleast':
      return sum(node.nodes.map(costOf))
    case 'not':
      return costOf(node.node)
    default:
      return costs[node.op]
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
