import { expect, test } from 'vitest'
import { ruleContext } from './context.ts'
import { filtered } from './filter.ts'
import { parseRules } from './parse.ts'

const context = ruleContext()
const parse = (text: string) => parseRules('a.yml', text, context)
const codes = (text: string) => parse(text).diagnostics.map((diagnostic) => diagnostic.code)

const failures = `
title: Many failed logins
id: 0b9d7e5e-3a7d-4a3e-8a43-6d7b44a11f01
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [Computer, user]
  timespan: 90m
  condition: {gte: 10, lt: 1000}
  aliases:
    user: {failed_login: TargetUserName}
tags: [attack.t1110.001]
level: high
`

test('a correlation is recognised and kept as data', () => {
  const { correlations, rules, diagnostics } = parse(failures)
  expect(diagnostics).toEqual([])
  expect(rules).toEqual([])
  expect(correlations[0]).toMatchObject({
    title: 'Many failed logins',
    type: 'event_count',
    rules: ['failed_login'],
    groupBy: ['Computer', 'user'],
    timespanMs: 5_400_000,
    bounds: [
      { op: 'gte', value: 10 },
      { op: 'lt', value: 1000 },
    ],
    aliases: { user: { failed_login: 'TargetUserName' } },
    isGenerating: false,
    severity: 'high',
    emits: [{ subTechniqueId: 'T1110.001', confidence: 0.75 }],
  })
})

test('more different rules than it names cannot be asked of a temporal correlation', () => {
  const of = (condition: string) =>
    codes(
      `title: t\nid: i\ncorrelation: {type: temporal, rules: [a, b], timespan: 1d, condition: ${condition}}\n`,
    )
  expect(of('{gte: 3}')).toEqual(['correlation-bound'])
  expect(of('{gte: 1, lt: 3}')).toEqual([])
})

test('a temporal correlation without a condition wants every rule', () => {
  const [correlation] = parse(
    'title: t\ncorrelation: {type: temporal_ordered, rules: [a, b, c], timespan: 1d, group-by: [h]}\n',
  ).correlations
  expect(correlation?.bounds).toEqual([{ op: 'gte', value: 3 }])
})

test.each([
  ['event_count', 'event_cuont', ['correlation-type']],
  ['rules: [failed_login]', 'rules: []', ['missing-key']],
  ['timespan: 90m', 'timespan: 90', ['value-type']],
  ['timespan: 90m', 'timespan: 0m', ['value-type']],
  ['  timespan: 90m\n', '', ['missing-key']],
  ['{gte: 10, lt: 1000}', '{gte: many}', ['value-type', 'missing-key']],
  ['{gte: 10, lt: 1000}', '{}', ['missing-key']],
  ['event_count', 'value_count', ['missing-key']],
  ['{gte: 10, lt: 1000}', '{gte: 10, lt: 10}', ['correlation-bound']],
  ['{gte: 10, lt: 1000}', '{lt: 1}', ['correlation-bound']],
  ['{gte: 10, lt: 1000}', '{eq: 0}', ['correlation-bound']],
  ['{gte: 10, lt: 1000}', '{eq: 3, neq: 3}', ['correlation-bound']],
  ['{gte: 10, lt: 1000}', '{gt: 1, lte: 2, neq: 3}', []],
  ['group-by', 'groupby', ['unknown-key']],
  ['{failed_login: TargetUserName}', 'TargetUserName', ['value-type']],
])('%j as %j reports %j', (from, to, expected) => {
  expect(failures).toContain(from)
  expect(codes(failures.replace(from, to))).toEqual(expected)
})

const rule = `
title: Process
id: rule-one
name: one
logsource: {product: windows, category: process_creation}
detection: {selection: {A: 1}, condition: selection}
tags: [attack.t1033]
`

test('a filter joins its condition to the rules it names, and their version shows it', () => {
  const { rules, filters, diagnostics } = parse(`${rule}---
title: Not the administrators
logsource: {product: windows}
filter:
  rules: [one]
  admins: {User|startswith: adm_}
  condition: not admins
`)
  expect(diagnostics.map(({ code }) => code)).toEqual(['missing-id'])
  const [one] = rules
  if (one === undefined) throw new Error('no rule')
  const after = filtered(one, filters)
  expect(after.condition).toEqual({
    op: 'and',
    nodes: [
      { op: 'number', field: 'A', value: 1 },
      { op: 'not', node: { op: 'startswith', field: 'User', value: 'adm_', isCased: false } },
    ],
  })
  expect(after.logicHash).not.toBe(one.logicHash)
  expect(after.version).toBe(`0~${after.logicHash.slice(0, 8)}`)
  expect(after.ruleHash).toBe(one.ruleHash)
})

test('a filter leaves rules of another log source or name alone', () => {
  const filter = (product: string, rules: string) => {
    const parsed = parse(`${rule}---
title: f
logsource: {product: ${product}}
filter: {rules: ${rules}, s: {U: x}, condition: not s}
`)
    const [one] = parsed.rules
    return one !== undefined && filtered(one, parsed.filters) !== one
  }
  expect(filter('windows', 'any')).toBe(true)
  expect(filter('windows', '[rule-one]')).toBe(true)
  expect(filter('windows', '[other]')).toBe(false)
  expect(filter('linux', 'any')).toBe(false)
})
