import { globMatches } from './glob.ts'
import { parseNetwork } from './network.ts'
import type { ScalarLeaf, TextOp } from './node.ts'
import { compileRegex } from './regex.ts'
import { timePartOf } from './time-part.ts'
import { numberOf, type Scalar, textOf } from './value.ts'

export type ScalarTest = (scalar: Scalar) => boolean

/**
 * What a leaf asks of one value: the meaning that every matcher must keep. Throws for a pattern or a
 * network that no check has passed.
 */
export function scalarTest(leaf: ScalarLeaf): ScalarTest {
  switch (leaf.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains': {
      const { op, value, isCased } = leaf
      return (scalar) => {
        const text = textOf(scalar)
        return textMatches(op, isCased ? text : text.toLowerCase(), value)
      }
    }
    case 'glob':
    case 'keyword':
      return (scalar) => globMatches(leaf.glob, textOf(scalar))
    case 'regex': {
      const regex = compileRegex(leaf.pattern, leaf.flags)
      return (scalar) => regex.test(textOf(scalar))
    }
    case 'number':
      return (scalar) => numberOf(scalar) === leaf.value
    case 'lt':
      return (scalar) => numberOf(scalar) < leaf.value
    case 'lte':
      return (scalar) => numberOf(scalar) <= leaf.value
    case 'gt':
      return (scalar) => numberOf(scalar) > leaf.value
    case 'gte':
      return (scalar) => numberOf(scalar) >= leaf.value
    case 'boolean':
      return (scalar) => textOf(scalar).toLowerCase() === String(leaf.value)
    case 'cidr': {
      const network = parseNetwork(leaf.network)
      if (network === undefined) throw new TypeError(`not a network: ${leaf.network}`)
      return (scalar) => typeof scalar === 'string' && network.contains(scalar)
    }
    case 'timepart':
      return (scalar) => timePartOf(scalar, leaf.part) === leaf.value
  }
}

export function textMatches(op: TextOp, text: string, value: string): boolean {
  switch (op) {
    case 'equals':
      return text === value
    case 'startswith':
      return text.startsWith(value)
    case 'endswith':
      return text.endsWith(value)
    case 'contains':
      return text.includes(value)
  }
}
