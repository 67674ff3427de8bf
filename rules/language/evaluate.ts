import type { MatchEvent } from '../../schemas/event.ts'
import { fieldValue } from '../field.ts'
import { type ScalarTest, scalarTest, textMatches } from '../leaf.ts'
import type { Leaf, Node, ScalarLeaf } from '../node.ts'
import { isNull, someScalar, someScalarWithin, textOf } from '../value.ts'

/**
 * The reference evaluator: what a tree means, one node after the other, without any index. Slow and
 * short on purpose; every faster matcher is held to its answers.
 */
export function evaluate(node: Node, event: MatchEvent): boolean {
  switch (node.op) {
    case 'and':
      return node.nodes.every((child) => evaluate(child, event))
    case 'or':
      return node.nodes.some((child) => evaluate(child, event))
    case 'atleast': {
      let count = 0
      for (const child of node.nodes) if (evaluate(child, event)) count += 1
      return count >= node.count
    }
    case 'not':
      return !evaluate(node.node, event)
    case 'constant':
      return node.value
    default:
      return evaluateLeaf(node, event)
  }
}

function evaluateLeaf(leaf: Leaf, event: MatchEvent): boolean {
  if (leaf.op === 'keyword') return someScalarWithin(event.fields, testOf(leaf))
  if (leaf.op === 'regex' && leaf.field === '') return someScalarWithin(event.fields, testOf(leaf))
  const value = fieldValue(event.fields, leaf.field)
  switch (leaf.op) {
    case 'null':
      return isNull(value)
    case 'present':
      return value !== undefined
    case 'fieldref': {
      const other = fieldValue(event.fields, leaf.other)
      const textIn = (text: string) => (leaf.isCased ? text : text.toLowerCase())
      return someScalar(value, (left) =>
        someScalar(other, (right) =>
          textMatches(leaf.how, textIn(textOf(left)), textIn(textOf(right))),
        ),
      )
    }
    default:
      return someScalar(value, testOf(leaf))
  }
}

const tests = new WeakMap<ScalarLeaf, ScalarTest>()

function testOf(leaf: ScalarLeaf): ScalarTest {
  let test = tests.get(leaf)
  if (test === undefined) {
    test = scalarTest(leaf)
    tests.set(leaf, test)
  }
  return test
}
