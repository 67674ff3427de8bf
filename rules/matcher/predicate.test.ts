import { expect, test } from 'vitest'
import type { Leaf, Node } from '../node.ts'
import { EventValues } from './event-values.ts'
import { FieldNames } from './field-names.ts'
import { compilePredicate } from './predicate.ts'

const names = new FieldNames()
const values = new EventValues(names, 1000)

function holds(node: Node, fields: Readonly<Record<string, unknown>>): boolean {
  values.begin(fields)
  return compilePredicate(node, names)(values)
}

test('alternatives answered together are still told apart to the last character', () => {
  const literals = ['abcdé', ...'fghijklm'].map(
    (value): Leaf => ({ op: 'contains', field: 'x', value, isCased: false }),
  )
  const either: Node = { op: 'or', nodes: literals }
  expect(holds(either, { x: 'ABCDÉ' })).toBe(true)
  // The low bytes of é (U+00E9) and ǩ (U+01E9) are the same.
  expect(holds(either, { x: 'abcdǩ' })).toBe(false)
  expect(holds(either, { x: ['none', 'of', 'M'] })).toBe(true)
  expect(holds(either, {})).toBe(false)
})

test('a regex whose literals are missing is never run', () => {
  const broken: Leaf = { op: 'regex', field: 'x', pattern: 'needle(a{1000}){1000}', flags: '' }
  expect(holds(broken, { x: 'hay' })).toBe(false)
  expect(() => holds(broken, { x: `needle${'a'.repeat(16)}` })).toThrow('repeat')
})
