import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ruleContext } from './language/context.ts'
import type { RuleFile } from './loaded-file.ts'
import { ruleChanges } from './rule-change.ts'
import { buildRuleSet, type RuleSet } from './rule-set.ts'

const context = ruleContext()

function ruleText(id: string, value = 'x', extra = ''): string {
  return `rule_id: ${id}
rule_version: 1
name: ${id}
applies_to: [command]
match: { s: { command_text|contains: '${value}' }, condition: s }
emits: [{ technique_id: T1033, confidence: 0.5 }]
${extra}
`
}

function build(files: Record<string, string | undefined>, previous?: RuleSet): RuleSet {
  const list = Object.entries(files).map(
    ([path, text]): RuleFile => (text === undefined ? { path, problem: 'EACCES' } : { path, text }),
  )
  return buildRuleSet(list, context, previous)
}

const inForce = (set: RuleSet) =>
  set.rules.map((rule) =>
    [rule.id, rule.condition.op === 'contains' ? rule.condition.value : '?'].join('='),
  )
const codes = (set: RuleSet) => set.diagnostics.map((diagnostic) => diagnostic.code)
const changes = (before: RuleSet | undefined, after: RuleSet) =>
  ruleChanges(before, after).map(({ change, ruleId, file }) => `${change} ${ruleId} ${file}`)

test('rules of all files come by path, then by line', () => {
  const set = build({
    'b.yaml': `${ruleText('b1')}---\n${ruleText('b2')}`,
    'a.yaml': ruleText('a'),
  })
  expect(set.rules.map((rule) => rule.id)).toEqual(['a', 'b1', 'b2'])
  expect(changes(undefined, set)).toEqual([
    'loaded a a.yaml',
    'loaded b1 b.yaml',
    'loaded b2 b.yaml',
  ])
})

test('of two rules with one id the first by path is in force and the other is reported', () => {
  const first = build({ 'a.yaml': ruleText('same', 'one'), 'b.yaml': ruleText('same', 'two') })
  expect(inForce(first)).toEqual(['same=one'])
  expect(first.diagnostics[0]).toMatchObject({
    code: 'duplicate-id',
    file: 'b.yaml',
    line: 1,
    note: 'the one in force is at a.yaml:1',
  })
  const second = build({ 'b.yaml': ruleText('same', 'two') }, first)
  expect(inForce(second)).toEqual(['same=two'])
  expect(changes(first, second)).toEqual(['reloaded same b.yaml'])
})

test('a broken edit keeps the last good version, until the file is mended or gone', () => {
  const good = build({ 'a.yaml': ruleText('a', 'one'), 'b.yaml': ruleText('b') })
  const broken = build(
    { 'a.yaml': ruleText('a', 'two', 'nonsense: 1'), 'b.yaml': ruleText('b') },
    good,
  )
  expect(inForce(broken)).toEqual(['a=one', 'b=x'])
  expect(broken.revision).toBe(good.revision)
  expect(changes(good, broken)).toEqual(['rejected a a.yaml'])
  const again = build(
    { 'a.yaml': ruleText('a', 'two', 'nonsense: 1'), 'b.yaml': ruleText('b') },
    broken,
  )
  expect(changes(broken, again)).toEqual([])
  const worse = build({ 'a.yaml': '{', 'b.yaml': ruleText('b') }, again)
  expect(inForce(worse)).toEqual(['a=one', 'b=x'])
  const mended = build({ 'a.yaml': ruleText('a', 'three'), 'b.yaml': ruleText('b') }, worse)
  expect(inForce(mended)).toEqual(['a=three', 'b=x'])
  expect(changes(worse, mended)).toEqual(['reloaded a a.yaml'])
  const gone = build({ 'b.yaml': ruleText('b') }, worse)
  expect(changes(worse, gone)).toEqual(['removed a a.yaml'])
})

test('a rule broken in a file of several takes no other with it', () => {
  const text = (one: string, two: string) => `${one}---\n${two}`
  const good = build({ 'a.yaml': text(ruleText('one', '1'), ruleText('two', '2')) })
  const edited = build(
    { 'a.yaml': text(ruleText('one', '1', 'bad: x'), ruleText('two', '3')) },
    good,
  )
  expect(inForce(edited)).toEqual(['one=1', 'two=3'])
  const unread = build({ 'a.yaml': undefined }, edited)
  expect(inForce(unread)).toEqual(['one=1', 'two=3'])
  expect(codes(unread)).toEqual(['unreadable-file'])
  const emptied = build({ 'a.yaml': '# nothing\n' }, unread)
  expect(inForce(emptied)).toEqual([])
})

test('a file broken from the start is reported, and the others run', () => {
  const set = build({ 'a.yaml': '{', 'b.yaml': ruleText('b'), 'c.yaml': 'just text' })
  expect(inForce(set)).toEqual(['b=x'])
  expect(codes(set)).toEqual(['yaml', 'not-a-rule'])
  expect(changes(undefined, set)).toEqual([
    'loaded b b.yaml',
    'rejected  a.yaml',
    'rejected  c.yaml',
  ])
})

test('an id that changes in its file is one rule gone and one come', () => {
  const before = build({ 'a.yaml': ruleText('old') })
  const after = build({ 'a.yaml': ruleText('new') }, before)
  expect(changes(before, after)).toEqual(['loaded new a.yaml', 'removed old a.yaml'])
})

test('a good rule elsewhere comes before the last good version of a broken one', () => {
  const good = build({ 'a.yaml': ruleText('r', 'one') })
  const broken = build({ 'a.yaml': ruleText('r', 'one', 'bad: x') }, good)
  const moved = build(
    { 'a.yaml': ruleText('r', 'one', 'bad: x'), 'b.yaml': ruleText('r', 'two') },
    broken,
  )
  expect(inForce(moved)).toEqual(['r=two'])
  expect(codes(moved)).toEqual(['unknown-key'])
})

test('a rule that moved and broke at once keeps its last good version', () => {
  const good = build({ 'a.yaml': ruleText('r', 'one') })
  expect(inForce(build({ 'b.yaml': ruleText('r', 'one', 'bad: x') }, good))).toEqual(['r=one'])
})

test('what did not change is the same object, and an equal set is the same revision', () => {
  const before = build({ 'a.yaml': ruleText('a'), 'b.yaml': ruleText('b') })
  const after = build({ 'a.yaml': ruleText('a'), 'b.yaml': ruleText('b', 'y') }, before)
  expect(after.rules[0]).toBe(before.rules[0])
  expect(after.rules[1]).not.toBe(before.rules[1])
  expect(after.revision.id).not.toBe(before.revision.id)
  const back = build({ 'b.yaml': ruleText('b'), 'a.yaml': ruleText('a') }, after)
  expect(back.revision.id).toBe(before.revision.id)
  expect(build({ 'a.yaml': ruleText('a'), 'b.yaml': ruleText('b') }, back).revision).toBe(
    back.revision,
  )
})

const sigma = `title: Sigma rule
id: one
name: first_rule
logsource: {product: windows}
detection: {s: {A: 1}, condition: s}
tags: [attack.t1033]
`
const filter = `title: A filter
id: filter-one
logsource: {product: windows}
filter: {rules: [first_rule], s: {User: me}, condition: not s}
`

test('a filter in one file changes the rule in another, and gives it back', () => {
  const before = build({ 'a.yml': sigma })
  const after = build({ 'a.yml': sigma, 'f.yml': filter }, before)
  expect(after.rules[0]?.condition.op).toBe('and')
  expect(changes(before, after)).toEqual(['reloaded one a.yml'])
  const broken = build({ 'a.yml': sigma, 'f.yml': filter.replace('not s', 'not z') }, after)
  expect(broken.rules[0]).toBe(after.rules[0])
  expect(changes(after, broken)).toEqual(['rejected filter-one f.yml'])
  const gone = build({ 'a.yml': sigma }, broken)
  expect(gone.rules[0]?.version).toBe(before.rules[0]?.version)
})

test('a filter or correlation that refers to no rule is a warning', () => {
  const correlation =
    'title: c\nid: c\ncorrelation: {type: event_count, rules: [first_rule, nobody], timespan: 1m, condition: {gte: 2}}\n'
  const set = build({
    'a.yml': sigma,
    'c.yml': correlation,
    'f.yml': filter.replace('first_rule', 'none'),
  })
  expect(set.correlations.map(({ id }) => id)).toEqual(['c'])
  expect(set.diagnostics.map(({ message }) => message)).toEqual([
    'no rule has the id or name `nobody`',
    'no rule has the id or name `none`',
  ])
})

test('whatever the edits on the way, the end is what a fresh start would have', () => {
  const content = fc.constantFrom(
    '',
    ruleText('a', '1'),
    ruleText('a', '2'),
    ruleText('b', '3'),
    `${ruleText('a', '4')}---\n${ruleText('c', '5')}`,
    sigma,
    filter,
    undefined,
  )
  const state = fc.dictionary(fc.constantFrom('1.yaml', '2.yaml', '3.yaml', '4.yaml'), content, {
    maxKeys: 4,
  })
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
      let set: RuleSet | undefined
      let known = new Set<string>()
      for (const files of states) {
        const text = Object.fromEntries(
          Object.entries(files).filter(([, one]) => one !== undefined),
        )
        const next: RuleSet = build(text, set)
        for (const { change, ruleId } of ruleChanges(set, next)) {
          if (change === 'loaded') expect(known.has(ruleId)).toBe(false)
          if (change === 'removed' || change === 'reloaded') expect(known.has(ruleId)).toBe(true)
        }
        set = next
        known = new Set(set.rules.map((rule) => rule.id))
        const fresh = build(text)
        expect(set.rules).toEqual(fresh.rules)
        expect(set.diagnostics).toEqual(fresh.diagnostics)
        expect(set.revision.id).toBe(fresh.revision.id)
      }
    }),
    { numRuns: 150, seed: 20261120 },
  )
})
