import { canonicalJson } from '../../core/hash.ts'
import type { Leaf, Node } from '../node.ts'

/** Building and walking condition trees; and their canonical form. */

export function andOf(nodes: readonly Node[]): Node {
  return joined('and', nodes)
}

export function orOf(nodes: readonly Node[]): Node {
  return joined('or', nodes)
}

export function notOf(node: Node): Node {
  if (node.op === 'not') return node.node
  if (node.op === 'constant') return { op: 'constant', value: !node.value }
  return { op: 'not', node }
}

export function atLeastOf(count: number, nodes: readonly Node[]): Node {
  if (count === 1) return orOf(nodes)
  return count === nodes.length ? andOf(nodes) : { op: 'atleast', count, nodes }
}

/** Nested `and` in `and` and `or` in `or` become one; an `and` of one is that one. */
function joined(op: 'and' | 'or', nodes: readonly Node[]): Node {
  const flat = nodes.flatMap((node) => (node.op === op ? node.nodes : [node]))
  const [only] = flat
  if (only === undefined) return { op: 'constant', value: op === 'and' }
  return flat.length === 1 ? only : { op, nodes: flat }
}

/** Every leaf, from left to right. */
export function leavesOf(node: Node): readonly Leaf[] {
  switch (node.op) {
    case 'and':
    case 'or':
    case 'atleast':
      return node.nodes.flatMap(leavesOf)
    case 'not':
      return leavesOf(node.node)
    case 'constant':
      return []
    default:
      return [node]
  }
}

/** The fields that a leaf reads; none for a search of every value. */
export function fieldsOf(leaf: Leaf): readonly string[] {
  if (leaf.op === 'keyword' || leaf.field === '') return []
  return leaf.op === 'fieldref' ? [leaf.field, leaf.other] : [leaf.field]
}

/** Text that is equal for trees that are equal but for the order, and repetition, of children. */
export function canonicalNode(node: Node): string {
  switch (node.op) {
    case 'and':
    case 'or': {
      const children = [...new Set(node.nodes.map(canonicalNode))].sort()
      const [only] = children
      return children.length === 1 && only !== undefined ? only : `${node.op}(${children.join()})`
    }
    case 'atleast':
      return `${node.count}of(${node.nodes.map(canonicalNode).sort().join()})`
    case 'not':
      return `not(${canonicalNode(node.node)})`
    default:
      return canonicalJson(node)
  }
}
