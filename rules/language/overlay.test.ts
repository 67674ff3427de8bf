import { expect, test } from 'vitest'
import { ruleChanges } from '../rule-change.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'
import { ruleContext } from './context.ts'
import { parseRules } from './parse.ts'

const context = ruleContext()

const upstream = `title: Who am I
id: 5f1abf38-4d2f-4d3e-9f0e-6a3a5f0d5b11
name: whoami
date: 2026-01-02
logsource: { product: windows }
detection: { s: { Image|endswith: '\\whoami.exe' }, condition: s }
level: high
tags: [attack.t1033, attack.t1059]
`
const overlay = `overlay: site.whoami
rules: [whoami]
reason: our inventory runs it every hour
severity: low
confidence: 0.4
match: { inventory: { User: inventory }, condition: not inventory }
`

function build(files: Record<string, string>, previous?: RuleSet): RuleSet {
  const list = Object.entries(files).map(([path, text]) => ({ path, text }))
  return buildRuleSet(list, context, previous)
}

test('an overlay changes a rule of another file, and the version of its tags', () => {
  const before = build({ 'sigma.yml': upstream })
  const after = build({ 'sigma.yml': upstream, 'site.yaml': overlay }, before)
  expect(after.diagnostics).toEqual([])
  const [was] = before.rules
  expect(after.rules).toMatchObject([
    {
      id: was?.id,
      severity: 'low',
      ruleHash: was?.ruleHash,
      emits: [{ confidence: 0.4 }, { confidence: 0.4 }],
      condition: { op: 'and', nodes: [was?.condition, { op: 'not' }] },
    },
  ])
  expect(after.rules[0]?.version).not.toBe(was?.version)
  expect(after.rules[0]?.version.split('~')[0]).toBe('2026-01-02')
  expect(ruleChanges(before, after).map(({ change }) => change)).toEqual(['reloaded'])
})

test('an overlay survives an update of the rule it is for', () => {
  const before = build({ 'sigma.yml': upstream, 'site.yaml': overlay })
  const pulled = upstream.replace('whoami.exe', 'who.exe').replace('2026-01-02', '2026-03-04')
  const after = build({ 'sigma.yml': pulled, 'site.yaml': overlay }, before)
  expect(after.rules[0]?.severity).toBe('low')
  expect(after.rules[0]?.version).toMatch(/^2026-03-04~/)
})

test('an overlay can replace the techniques of a rule, or take the rule out', () => {
  const emits = 'overlay: o\nrules: [whoami]\nemits: [{ technique_id: T1087, confidence: 0.7 }]\n'
  const set = build({ 'sigma.yml': upstream, 'site.yaml': emits })
  expect(set.rules[0]?.emits).toMatchObject([{ techniqueId: 'T1087', tactics: ['TA0007'] }])
  const off = build(
    { 'sigma.yml': upstream, 'site.yaml': 'overlay: o\nrules: [whoami]\nenabled: false\n' },
    set,
  )
  expect(off.rules).toEqual([])
  expect(off.diagnostics).toEqual([])
  expect(ruleChanges(set, off).map(({ change }) => change)).toEqual(['removed'])
})

test('a broken overlay keeps its last good version, and one for nobody is a warning', () => {
  const before = build({ 'sigma.yml': upstream, 'site.yaml': overlay })
  const broken = build({ 'sigma.yml': upstream, 'site.yaml': overlay.replace('0.4', '4') }, before)
  expect(broken.rules[0]).toBe(before.rules[0])
  expect(ruleChanges(before, broken)).toMatchObject([{ change: 'rejected', ruleId: 'site.whoami' }])
  const nobody = build({ 'site.yaml': overlay })
  expect(nobody.diagnostics.map(({ code }) => code)).toEqual(['unknown-rule'])
})

test.each([
  ['overlay: site.whoami', 'overlay:', ['missing-key']],
  ['rules: [whoami]', 'rules: []', ['missing-key']],
  ['rules: [whoami]\n', '', ['missing-key']],
  ['severity: low', 'severity: lwo', ['severity']],
  ['confidence: 0.4', 'confidence: 1.4', ['confidence-range']],
  ['confidence: 0.4', 'emits: [{ technique_id: T1, confidence: 1 }]', ['unknown-technique']],
  ['confidence: 0.4', 'enabled: perhaps', ['value-type']],
  ['not inventory', 'not inventry', ['unknown-selection']],
  ['reason', 'raeson', ['unknown-key']],
])('%j as %j reports %j', (from, to, codes) => {
  expect(overlay).toContain(from)
  const { diagnostics } = parseRules('a.yaml', overlay.replace(from, to), context)
  expect(diagnostics.map(({ code }) => code)).toEqual(codes)
})
