import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRules } from '../compile.ts'
import { globMatches } from '../glob.ts'
import { anyCharacter, type Leaf, type Node } from '../node.ts'
import { ruleContext } from './context.ts'
import { evaluate } from './evaluate.ts'
import { naiveRevision } from './naive-revision.ts'
import { parseRules } from './parse.ts'
import { andOf, canonicalNode, notOf, orOf } from './tree.ts'
import { parseWildcards, textLeaf } from './wildcard.ts'

const context = ruleContext()
const seed = Number(process.env['SEED'] ?? 20261120)
const runs = { seed, numRuns: 1000 }
process.stderr.write(`laws of the rule language: SEED=${seed}\n`)

const name = fc.constantFrom('A', 'B', 'c.d', 'E')
const word = fc.constantFrom('', 'a', 'ab', 'B', 'ba', 'É', '7', '7.5', '10.0.0.1', 'true')
const isCased = fc.boolean()
const leaf: fc.Arbitrary<Leaf> = fc.oneof(
  fc.record({
    op: fc.constantFrom(
      'equals' as const,
      'startswith' as const,
      'endswith' as const,
      'contains' as const,
    ),
    field: name,
    value: word.map((one) => one.toLowerCase()),
    isCased: fc.constant(false),
  }),
  fc.record({
    op: fc.constant('glob' as const),
    field: name,
    glob: fc.record({
      segments: fc.array(fc.constantFrom('', 'a', `${anyCharacter}b`, 'b'), {
        minLength: 1,
        maxLength: 3,
      }),
      isCased: fc.constant(false),
    }),
  }),
  fc.record({ op: fc.constant('number' as const), field: name, value: fc.constantFrom(7, 7.5, 0) }),
  fc.record({
    op: fc.constantFrom('lt' as const, 'gte' as const),
    field: name,
    value: fc.constantFrom(7, 7.5),
  }),
  fc.record({ op: fc.constant('boolean' as const), field: name, value: fc.boolean() }),
  fc.record({ op: fc.constant('cidr' as const), field: name, network: fc.constant('10.0.0.0/8') }),
  fc.record({
    op: fc.constant('regex' as const),
    field: name,
    pattern: fc.constantFrom('^a', 'b+$', '.'),
    flags: fc.constantFrom('', 'i'),
  }),
  fc.record({ op: fc.constantFrom('null' as const, 'present' as const), field: name }),
)
const node: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map(andOf),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map(orOf),
    tie('node').map(notOf),
  ),
})).node
const scalar = fc.oneof(word, fc.constantFrom(0, 7, 7.5, -1), fc.boolean(), fc.constant(null))
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.record({ d: scalar }))
const fields = fc.dictionary(fc.constantFrom('A', 'B', 'c', 'c.d', 'E'), value, { maxKeys: 4 })
const holds = (one: Node, all: Record<string, unknown>) =>
  evaluate(one, { kind: 'x', logsource: {}, fields: all })

test('not, and, or keep De Morgan’s laws, and building a tree keeps its meaning', () => {
  fc.assert(
    fc.property(fc.array(node, { minLength: 1, maxLength: 4 }), fields, (nodes, all) => {
      const every = nodes.every((one) => holds(one, all))
      const some = nodes.some((one) => holds(one, all))
      expect(holds(andOf(nodes), all)).toBe(every)
      expect(holds(orOf(nodes), all)).toBe(some)
      expect(holds(notOf(andOf(nodes)), all)).toBe(holds(orOf(nodes.map(notOf)), all))
      expect(holds(notOf(notOf(orOf(nodes))), all)).toBe(some)
      const count = nodes.filter((one) => holds(one, all)).length
      expect(holds({ op: 'atleast', count: 2, nodes }, all)).toBe(count >= 2)
    }),
    runs,
  )
})

test('trees with one canonical form hold for the same events', () => {
  fc.assert(
    fc.property(node, node, fields, (a, b, all) => {
      const swapped = andOf([orOf([a, b]), b, b])
      const same = andOf([b, orOf([b, a])])
      expect(canonicalNode(swapped)).toBe(canonicalNode(same))
      expect(holds(swapped, all)).toBe(holds(same, all))
      if (canonicalNode(a) === canonicalNode(b)) expect(holds(a, all)).toBe(holds(b, all))
    }),
    runs,
  )
})

test('a missing field makes every leaf false but null; an array holds where an element does', () => {
  fc.assert(
    fc.property(leaf, fc.array(scalar, { minLength: 1, maxLength: 4 }), (one, elements) => {
      expect(holds(one, {})).toBe(one.op === 'null')
      if (one.op === 'null' || one.op === 'present' || one.op === 'keyword') return
      const field = one.field
      const single = elements.some((element) => holds(one, { [field]: element }))
      expect(holds(one, { [field]: elements })).toBe(single)
      expect(holds(one, { [field]: [elements] })).toBe(single)
    }),
    runs,
  )
})

test('upper and lower case are the same to an uncased leaf', () => {
  fc.assert(
    fc.property(leaf, word, (one, text) => {
      if (one.op === 'regex' || one.op === 'keyword') return
      expect(holds(one, { [one.field]: text.toUpperCase() })).toBe(
        holds(one, { [one.field]: text.toLowerCase() }),
      )
    }),
    runs,
  )
})

/** The definition of a wildcard pattern, by trying everything. */
function likeSlowly(segments: readonly string[], text: string): boolean {
  const pattern = segments.join('\0')
  const match = (p: number, t: number): boolean => {
    if (p === pattern.length) return t === text.length
    if (pattern[p] === '\0') return match(p + 1, t) || (t < text.length && match(p, t + 1))
    if (t >= text.length) return false
    return (pattern[p] === anyCharacter || pattern[p] === text[t]) && match(p + 1, t + 1)
  }
  return match(0, 0)
}

test('a glob matches what its definition does', () => {
  const part = fc
    .array(fc.constantFrom('a', 'b', anyCharacter), { maxLength: 3 })
    .map((all) => all.join(''))
  const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 }).map((all) => all.join(''))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), text, (segments, one) => {
      expect(globMatches({ segments, isCased: true }, one)).toBe(likeSlowly(segments, one))
    }),
    { seed, numRuns: 5000 },
  )
})

test('the simplest leaf of a pattern means what the pattern says', () => {
  const pattern = fc.array(fc.constantFrom('a', 'B', '*', '?', '\\', '\\*', '\\?', '\\\\'), {
    maxLength: 6,
  })
  const text = fc.array(fc.constantFrom('a', 'B', 'b', '*', '?', '\\'), { maxLength: 6 })
  fc.assert(
    fc.property(pattern, text, isCased, (pieces, characters, cased) => {
      const segments = parseWildcards(pieces.join(''))
      const one = characters.join('')
      const fold = (some: string) => (cased ? some : some.toLowerCase())
      expect(holds(textLeaf('F', segments, cased), { F: one })).toBe(
        likeSlowly(segments.map(fold), fold(one)),
      )
    }),
    { seed, numRuns: 5000 },
  )
})

const texts = [
  `rule_id: a.b
rule_version: 1
name: n
applies_to: [command, alert]
match:
  s: { host|contains: ['x', "y"], user|re: 'a+' }
  condition: s and not 1 of s*
emits:
  - technique_id: T1059
    sub_technique_id: T1059.004
    tactic: TA0002
    confidence: 0.9
    scale: { field: fields.score, over: 10 }
tests:
  - event: { host: x }
    emits: []
`,
  `title: t
id: i
status: test
logsource: { product: windows, category: process_creation }
detection:
  sel:
    - A|base64offset|contains: 'x'
    - B|windash|contains|all: [' -a', ' /b']
      C|cidr: 10.0.0.0/8
  kw: ['one', "two*"]
  condition: 1 of sel* or (kw and not sel)
level: high
tags: [attack.t1059.001, attack.execution]
`,
  `action: global
title: t
level: low
---
correlation:
  type: value_count
  rules: [a, b]
  group-by: [h]
  timespan: 5m
  condition: { gte: 3, field: u }
---
logsource: { product: x }
filter: { rules: any, s: { A: &anchor 1, B: *anchor }, condition: not s }
`,
]
const noise = fc.constantFrom(
  '',
  ' ',
  '\n',
  ':',
  '-',
  '[',
  ']',
  '{',
  '}',
  '|',
  '"',
  "'",
  '*',
  '&x',
  '!',
  '%',
  '\\',
  '0',
  'null',
  '\t',
  '---\n',
  'condition',
  'T9999',
  '(?',
  '\u0000',
  '\ud800',
  '😀',
)
const edit = fc.record({ at: fc.nat(1000), drop: fc.nat(20), put: noise })

test('no edit of a rule makes the parser throw, and what it lets pass runs', () => {
  const event = {
    kind: 'command',
    logsource: {},
    fields: { host: 'x', user: ['aa', null], A: 1, B: { c: true } },
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...texts),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      (text, edits) => {
        let mutated = text
        for (const { at, drop, put } of edits) {
          const from = at % (mutated.length + 1)
          mutated = mutated.slice(0, from) + put + mutated.slice(from + drop)
        }
        const parsed = parseRules('a.yaml', mutated, context)
        for (const { line, column, excerpt } of parsed.diagnostics) {
          expect(line).toBeGreaterThan(0)
          expect(column).toBeGreaterThan(0)
          if (excerpt !== undefined)
            expect(column + excerpt.length - 1).toBeLessThanOrEqual(excerpt.text.length + 1)
        }
        const ids = (rules: readonly { id: string }[]) => rules.map(({ id }) => id)
        expect(ids(compileRules(parsed.rules).match(event))).toEqual(
          ids(naiveRevision(parsed.rules).match(event)),
        )
      },
    ),
    { seed, numRuns: 3000 },
  )
})
