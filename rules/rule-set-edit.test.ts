import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ruleContext } from './language/context.ts'
import type { RuleFile } from './loaded-file.ts'
import { buildRuleSet } from './rule-set.ts'
import { editRuleSet } from './rule-set-edit.ts'

const context = ruleContext()
const paths = ['a.yaml', 'b.yaml', 'c.yaml', 'd.yaml']

const sigmaRule = (id: string, value: string) => `title: ${id}
id: ${id}
name: name-${id.slice(-1)}
logsource: { category: process_creation, product: windows }
detection: { s: { Image|endswith: '${value}' }, condition: s }
tags: [attack.discovery, attack.t1033]
level: low
`
const idOf = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`

/** Mostly rules under ids of their own file; now and then a text of every other sort. */
const text = (path: number) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('x', 'y', 'z').map((v) => sigmaRule(idOf(path), v)) },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom('x', 'y')
        .map((v) => `${sigmaRule(idOf(path), v)}---\n${sigmaRule(idOf(path + 4), v)}`),
    },
    { weight: 1, arbitrary: fc.nat(8).map((other) => sigmaRule(idOf(other), 'x')) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '',
        '{',
        sigmaRule(idOf(path), 'x').replace('level', 'levels'),
        sigmaRule(idOf(path), 'x').replace('detection:', 'detection: 1 #'),
        sigmaRule(idOf(path), 'x').replace(/name: .*/, 'name: renamed'),
        `title: f\nid: ${idOf(9)}\nlogsource: { product: windows }\nfilter: { rules: [name-${path}], s: { User: me }, condition: not s }\n`,
        `title: c\nid: ${idOf(8)}\ncorrelation: { type: event_count, rules: [name-1], group-by: [User], timespan: 1m, condition: { gte: 2 } }\nlevel: low\n`,
      ),
    },
  )
const state = fc.tuple(...paths.map((_, path) => text(path)))
const edit = fc.nat(paths.length - 1).chain((path) => text(path).map((to) => ({ path, to })))

test('an edit of some files gives what all files give', () => {
  let shortcuts = 0
  const property = fc.property(state, fc.array(edit, { maxLength: 8 }), (first, edits) => {
    const texts = [...first]
    const all = (): RuleFile[] => paths.map((path, index) => ({ path, text: texts[index] ?? '' }))
    let set = buildRuleSet(all(), context)
    for (const { path, to } of edits) {
      texts[path] = to
      const whole = buildRuleSet(all(), context, set)
      const edited = editRuleSet(set, [{ path: paths[path] ?? '', text: to }], context)
      if (edited !== null) {
        shortcuts += 1
        const { revision, ...rest } = edited
        const { revision: wholeRevision, ...wholeRest } = whole
        expect(rest).toEqual(wholeRest)
        expect(revision.id).toBe(wholeRevision.id)
        // A save that changes nothing is no new revision.
        expect(revision === set.revision).toBe(wholeRevision === set.revision)
      }
      set = edited ?? whole
    }
  })
  fc.assert(property, { numRuns: 200, seed: 20261121 })
  expect(shortcuts).toBeGreaterThan(100)
})

test('what may concern other files is left to a look at all of them', () => {
  const files = [
    { path: 'a.yaml', text: sigmaRule(idOf(1), 'x') },
    { path: 'b.yaml', text: sigmaRule(idOf(2), 'x') },
  ]
  const set = buildRuleSet(files, context)
  const edited = (to: string) => editRuleSet(set, [{ path: 'a.yaml', text: to }], context)
  expect(edited(sigmaRule(idOf(1), 'y'))?.rules.map(({ id }) => id)).toEqual([idOf(1), idOf(2)])
  expect(edited(sigmaRule(idOf(2), 'x'))).toBeNull()
  expect(edited('')).toBeNull()
  expect(edited('{')).toBeNull()
  expect(editRuleSet(set, [{ path: 'a.yaml', problem: 'EACCES' }], context)).toBeNull()
  expect(
    editRuleSet(set, [{ path: 'new.yaml', text: sigmaRule(idOf(3), 'x') }], context),
  ).toBeNull()
})
