import { expect, test } from 'vitest'
import { formatDiagnostic } from '../../core/diagnostic.ts'
import type { LogSource } from '../../schemas/event.ts'
import { sigmaConfidence, sigmaLevels, sigmaStatuses } from './confidence.ts'
import { ruleContext } from './context.ts'
import { naiveRevision } from './naive-revision.ts'
import { parseRules } from './parse.ts'

const context = ruleContext()

const rule = `
title: Someone asks who they are
id: 3e8f1f2a-6d1b-4b0e-9c53-0a6c5d0f7e11
name: who_am_i
status: test
date: 2024-03-01
modified: 2025-01-02
tags:
  - attack.discovery
  - attack.t1033
  - cve.2024-1234
logsource:
  product: Windows
  category: process_creation
detection:
  selection:
    Image|endswith: '\\whoami.exe'
  condition: selection
level: high
custom_key: allowed
`

function parse(text: string) {
  const file = parseRules('a.yml', text, context)
  return {
    ...file,
    codes: file.diagnostics.map(({ severity, code }) =>
      severity === 'error' ? code : `(${code})`,
    ),
  }
}

function emitsFor(...tags: string[]) {
  const text = rule.replace(/tags:\n(?: {2}- .*\n)+/, `tags: [${tags.join(', ')}]\n`)
  const { rules, codes } = parse(text)
  return {
    codes,
    emits: rules[0]?.emits.map((emit) => [
      emit.subTechniqueId || emit.techniqueId,
      emit.tactics.join(),
      emit.inRelease,
    ]),
  }
}

test('an unmodified Sigma rule becomes a rule', () => {
  const { rules, diagnostics } = parse(rule)
  expect(diagnostics.map(formatDiagnostic)).toEqual([])
  expect(rules[0]).toMatchObject({
    id: '3e8f1f2a-6d1b-4b0e-9c53-0a6c5d0f7e11',
    language: 'sigma',
    name: 'Someone asks who they are',
    reference: 'who_am_i',
    severity: 'high',
    kinds: null,
    logsource: { product: 'windows', category: 'process_creation' },
    condition: { op: 'endswith', field: 'Image', value: '\\whoami.exe', isCased: false },
    emits: [
      {
        techniqueId: 'T1033',
        subTechniqueId: '',
        tactics: ['TA0007'],
        inRelease: true,
        confidence: 0.8,
      },
    ],
    evidenceFields: null,
    samples: [],
  })
  expect(rules[0]?.version).toBe(`2025-01-02~${rules[0]?.logicHash.slice(0, 8)}`)
})

test('the declared version is modified, else date, else 0', () => {
  const declared = (text: string) => parse(text).rules[0]?.version.split('~')[0]
  expect(declared(rule.replace(/modified.*\n/, ''))).toBe('2024-03-01')
  expect(declared(rule.replace(/modified.*\n/, '').replace(/date.*\n/, ''))).toBe('0')
})

test('every level and status maps to a confidence at or above the floor, and worse is never surer', () => {
  for (const level of sigmaLevels) {
    const row = sigmaStatuses.map((status) => sigmaConfidence[level][status])
    for (const confidence of row) {
      expect(confidence).toBeGreaterThanOrEqual(0.3)
      expect(confidence).toBeLessThanOrEqual(1)
    }
    const settled = row.slice(0, 5)
    expect(settled).toEqual(settled.toSorted((a, b) => b - a))
  }
  for (const status of sigmaStatuses) {
    const column = sigmaLevels.slice(0, 5).map((level) => sigmaConfidence[level][status])
    expect(column).toEqual(column.toSorted((a, b) => b - a))
  }
})

test('the table of confidences is this one', () => {
  expect(
    sigmaLevels.map((level) => sigmaStatuses.map((status) => sigmaConfidence[level][status])),
  ).toEqual([
    [0.95, 0.9, 0.8, 0.7, 0.6, 0.85],
    [0.85, 0.8, 0.7, 0.6, 0.5, 0.75],
    [0.7, 0.65, 0.55, 0.45, 0.4, 0.6],
    [0.55, 0.5, 0.4, 0.35, 0.3, 0.45],
    [0.4, 0.35, 0.3, 0.3, 0.3, 0.35],
    [0.6, 0.55, 0.45, 0.4, 0.35, 0.5],
  ])
})

test('tactics are those that the rule and the catalogue share, else the catalogue’s', () => {
  expect(emitsFor('attack.t1078', 'attack.persistence', 'attack.initial-access').emits).toEqual([
    ['T1078', 'TA0001,TA0003', true],
  ])
  expect(emitsFor('attack.t1033', 'attack.impact').emits).toEqual([['T1033', 'TA0007', true]])
  expect(emitsFor('attack.t1059.001').emits).toEqual([['T1059.001', 'TA0002', true]])
})

test('tactics of ATT&CK v19 are read as the one they were split from', () => {
  expect(emitsFor('attack.t1027', 'attack.stealth')).toEqual({
    codes: [],
    emits: [['T1027', 'TA0005', true]],
  })
  expect(emitsFor('attack.t1078', 'attack.defense-impairment').emits).toEqual([
    ['T1078', 'TA0005', true],
  ])
  expect(emitsFor('attack.t1078', 'attack.defense_evasion').emits).toEqual([
    ['T1078', 'TA0005', true],
  ])
})

test('a revoked technique is followed, an unknown one kept and marked, both with a warning', () => {
  expect(emitsFor('attack.t1086')).toEqual({
    codes: ['(revoked-technique)'],
    emits: [['T1059.001', 'TA0002', true]],
  })
  expect(emitsFor('attack.t1685.002', 'attack.stealth')).toEqual({
    codes: ['(unknown-technique)'],
    emits: [['T1685.002', 'TA0005', false]],
  })
  expect(emitsFor('attack.t1086', 'attack.t1059.001').emits).toHaveLength(1)
})

test('groups, software and other namespaces emit nothing, an unknown tactic is a warning', () => {
  expect(
    emitsFor('attack.g0016', 'attack.s0002', 'car.2013-05-002', 'detection.threat-hunting'),
  ).toEqual({
    codes: [],
    emits: [],
  })
  expect(emitsFor('attack.exectuion').codes).toEqual(['(unknown-tactic)'])
})

test('a rule without an id is known by its title, wherever it lies', () => {
  const unnamed = rule.replace(/id: .*\n/, '')
  const { rules, codes } = parse(unnamed)
  expect(codes).toEqual(['(missing-id)'])
  expect(parseRules('elsewhere/b.yml', `# moved\n${unnamed}`, context).rules[0]?.id).toBe(
    rules[0]?.id,
  )
  expect(parse('detection: {s: {A: 1}, condition: s}\nlogsource: {product: x}\n').codes).toEqual([
    'missing-key',
  ])
})

test.each([
  ['  category: process_creation\n', '', []],
  ['logsource:\n  product: Windows\n  category: process_creation\n', '', ['missing-key']],
  [
    'logsource:\n  product: Windows\n  category: process_creation\n',
    'logsource: {}\n',
    ['(open-logsource)'],
  ],
  ['level: high', 'level: hihg', ['(unknown-level)']],
  ['status: test', 'status: finished', ['(unknown-status)']],
  ['custom_key: allowed', 'taxonomy: acme', ['taxonomy']],
  ['  condition: selection\n', '', ['missing-condition']],
  ['selection\n', 'selection | count() > 5\n', ['condition-aggregation']],
  ["'\\whoami.exe'", '{a: b}', ['value-type']],
])('%j as %j reports %j', (from, to, expected) => {
  expect(rule).toContain(from)
  expect(parse(rule.replace(from, to)).codes).toEqual(expected)
})

test('a log source dimension keeps a rule from an event only where both have it', () => {
  const { rules } = parse(rule)
  const revision = naiveRevision(rules)
  const meets = (logsource: LogSource) =>
    revision.match({ kind: 'any', logsource, fields: { Image: 'C:\\x\\whoami.exe' } }).length === 1
  expect(meets({ product: 'windows', category: 'process_creation', service: 'sysmon' })).toBe(true)
  expect(meets({ product: 'windows' })).toBe(true)
  expect(meets({})).toBe(true)
  expect(meets({ product: 'linux', category: 'process_creation' })).toBe(false)
  expect(meets({ category: 'file_event' })).toBe(false)
})

test('a generic category sees its specific ones', () => {
  const { rules } = parse(rule.replace('process_creation', 'registry_event'))
  const revision = naiveRevision(rules)
  const meets = (category: string) =>
    revision.match({ kind: 'any', logsource: { category }, fields: { Image: 'a\\whoami.exe' } })
      .length === 1
  expect(
    ['registry_event', 'registry_set', 'registry_add', 'registry_delete', 'registry_rename'].map(
      meets,
    ),
  ).toEqual([true, true, true, true, true])
  expect(meets('file_event')).toBe(false)
})

test('a collection repeats and completes its documents', () => {
  const { rules, codes } = parse(`
action: global
title: Common title
logsource: {product: windows}
detection: {condition: selection}
level: low
---
id: one
logsource: {category: process_creation}
detection: {selection: {A: 1}}
---
action: repeat
id: two
detection: {selection: {A: 2}}
---
action: reset
---
id: three
title: Alone
logsource: {product: linux}
detection: {selection: {A: 3}, condition: selection}
`)
  expect(codes).toEqual([])
  expect(
    rules.map(({ id, name, severity, logsource, condition }) => ({
      id,
      name,
      severity,
      logsource,
      condition,
    })),
  ).toEqual([
    {
      id: 'one',
      name: 'Common title',
      severity: 'low',
      logsource: { product: 'windows', category: 'process_creation' },
      condition: { op: 'number', field: 'A', value: 1 },
    },
    {
      id: 'two',
      name: 'Common title',
      severity: 'low',
      logsource: { product: 'windows', category: 'process_creation' },
      condition: { op: 'number', field: 'A', value: 2 },
    },
    {
      id: 'three',
      name: 'Alone',
      severity: 'medium',
      logsource: { product: 'linux' },
      condition: { op: 'number', field: 'A', value: 3 },
    },
  ])
  expect(parse('action: globl\ntitle: x\n---\ntitle: y\n').codes).toContain('collection-action')
})
