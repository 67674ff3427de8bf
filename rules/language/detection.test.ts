import { expect, test } from 'vitest'
import type { Node } from '../node.ts'
import { parseDetection } from './detection.ts'
import { evaluate } from './evaluate.ts'
import { Report } from './report.ts'
import { canonicalNode } from './tree.ts'
import { parseYaml } from './yaml.ts'

function detect(text: string, placeholders: Record<string, readonly string[]> = {}) {
  const report = new Report('a.yaml', text)
  const [root] = parseYaml(report)
  if (root?.kind !== 'map') throw new Error('not a map')
  const detection = parseDetection(report, root, {
    placeholders: new Map(Object.entries(placeholders)),
    reserved: ['timeframe'],
  })
  const codes = report.diagnostics.map(({ severity, code }) =>
    severity === 'error' ? code : `(${code})`,
  )
  return { condition: detection?.condition, codes, report }
}

/** The tree of one item, `key: value` in YAML. */
function node(item: string, placeholders: Record<string, readonly string[]> = {}): Node {
  const { condition, codes } = detect(`s:\n  ${item}\ncondition: s\n`, placeholders)
  if (condition === undefined) throw new Error(codes.join())
  return condition
}

function matches(item: string, fields: Record<string, unknown>, placeholders = {}): boolean {
  return evaluate(node(item, placeholders), { kind: 'x', logsource: {}, fields })
}

test('wildcards and escapes are those of the specification', () => {
  const text = (value: string) => matches(`F: '${value}'`, { F: String.raw`C:\Win\a*b?c\\d` })
  expect(text(String.raw`C:\Win\a\*b\?c\\\\d`)).toBe(true)
  expect(text(String.raw`c:\WIN\A\*B\?C\\\\D`)).toBe(true)
  expect(text(String.raw`C:\\Win\\a\*b\?c\\\\d`)).toBe(true)
  expect(text(String.raw`C:\Win\*`)).toBe(false)
  expect(text(String.raw`C:\Win\\*`)).toBe(true)
  expect(text(String.raw`?:*\a*\?c*`)).toBe(true)
  expect(text(String.raw`*\\\*`)).toBe(false)
  expect(text(String.raw`*b???\\d`)).toBe(true)
  expect(text(String.raw`*b??\\d`)).toBe(false)
  expect(text(String.raw`*b?c\\\\?`)).toBe(true)
})

test('the simplest leaf is made', () => {
  const isCased = false
  expect(node("F: 'AbC'")).toEqual({ op: 'equals', field: 'F', value: 'abc', isCased })
  expect(node("F: 'AbC*'")).toEqual({ op: 'startswith', field: 'F', value: 'abc', isCased })
  expect(node("F|endswith: '*AbC'")).toEqual({ op: 'endswith', field: 'F', value: 'abc', isCased })
  expect(node('F|contains: 7')).toEqual({ op: 'contains', field: 'F', value: '7', isCased })
  expect(node("F: ''")).toEqual({ op: 'equals', field: 'F', value: '', isCased })
  expect(node("F: '*'")).toEqual({ op: 'glob', field: 'F', glob: { segments: ['', ''], isCased } })
  expect(node("F|contains: 'a**b'")).toEqual({
    op: 'glob',
    field: 'F',
    glob: { segments: ['', 'a', 'b', ''], isCased },
  })
  expect(node('F: 4688')).toEqual({ op: 'number', field: 'F', value: 4688 })
  expect(node("F: '4688'")).toEqual({ op: 'equals', field: 'F', value: '4688', isCased })
  expect(node('F: true')).toEqual({ op: 'boolean', field: 'F', value: true })
  expect(node('F: null')).toEqual({ op: 'null', field: 'F' })
  expect(node('F: []')).toEqual({ op: 'null', field: 'F' })
  expect(node('F|exists: yes')).toEqual({ op: 'present', field: 'F' })
  expect(node('F|cased: AbC')).toEqual({ op: 'equals', field: 'F', value: 'AbC', isCased: true })
})

test('numbers and decimal text meet, ids with leading zeros do not', () => {
  expect(matches('F: 4688', { F: 4688 })).toBe(true)
  expect(matches('F: 4688', { F: '4688' })).toBe(true)
  expect(matches('F: 4688', { F: ['1', '4688'] })).toBe(true)
  expect(matches("F: '4688'", { F: 4688 })).toBe(true)
  expect(matches('F: 429', { F: '00429' })).toBe(false)
  expect(matches('F: 00429', { F: '00429' })).toBe(true)
  expect(matches('F: 00429', { F: 429 })).toBe(false)
  expect(matches('F: true', { F: 'True' })).toBe(true)
  expect(matches("F: 'true'", { F: true })).toBe(true)
})

test('null is missing or null; exists is there, null too', () => {
  expect(matches('F: null', {})).toBe(true)
  expect(matches('F: null', { F: null })).toBe(true)
  expect(matches('F: null', { F: [] })).toBe(true)
  expect(matches('F: null', { F: '' })).toBe(false)
  expect(matches("F: ''", {})).toBe(false)
  expect(matches('F|exists: true', { F: null })).toBe(true)
  expect(matches('F|exists: true', {})).toBe(false)
  expect(matches('F|exists: false', {})).toBe(true)
  expect(matches('F|neq: a', {})).toBe(true)
})

test('all joins by and, neq is none of them', () => {
  expect(matches('F|contains|all: [a, b]', { F: 'xBxA' })).toBe(true)
  expect(matches('F|contains|all: [a, b]', { F: 'xB' })).toBe(false)
  expect(matches('F|neq: [a, b]', { F: 'c' })).toBe(true)
  expect(matches('F|neq: [a, b]', { F: 'B' })).toBe(false)
})

test('regular expressions are searched, cased unless told', () => {
  expect(matches("F|re: 'a.c'", { F: 'xABCx' })).toBe(false)
  expect(matches("F|re|i: 'a.c'", { F: 'xABCx' })).toBe(true)
  expect(matches("F|re: '(?i)a.c'", { F: 'xABCx' })).toBe(true)
  expect(matches("F|re|i|s: 'a.c'", { F: 'A\nC' })).toBe(true)
  expect(matches("F|re|m: '^b$'", { F: 'a\nb\nc' })).toBe(true)
  expect(matches("F|re: '^b$'", { F: 'a\nb\nc' })).toBe(false)
  expect(matches("F|re|startswith: 'b|c'", { F: 'ac' })).toBe(false)
  expect(matches("F|re|endswith: 'b|c'", { F: 'ac' })).toBe(true)
  expect(matches("F|re: '^[0-9]+$'", { F: 4688 })).toBe(true)
})

test('cidr takes IPv4, IPv6 and IPv4 inside IPv6', () => {
  expect(matches('F|cidr: 10.0.0.0/8', { F: '10.1.2.3' })).toBe(true)
  expect(matches('F|cidr: 10.0.0.0/8', { F: '::ffff:10.1.2.3' })).toBe(true)
  expect(matches('F|cidr: 10.0.0.0/8', { F: '11.1.2.3' })).toBe(false)
  expect(matches('F|cidr: 2001:db8::/32', { F: '2001:0DB8::1' })).toBe(true)
  expect(matches('F|cidr: 2001:db8::/32', { F: '10.0.0.1' })).toBe(false)
  expect(matches('F|cidr: 10.0.0.0/8', { F: 'not an address' })).toBe(false)
  expect(matches('F|cidr: [10.0.0.0/8, 192.0.2.7]', { F: '192.0.2.7' })).toBe(true)
})

test('comparisons take numbers, also as text', () => {
  expect(matches('F|gte: 5', { F: '5' })).toBe(true)
  expect(matches('F|lt: 5.5', { F: 5 })).toBe(true)
  expect(matches('F|gt: 5', { F: 'many' })).toBe(false)
  expect(matches('F|lte: 5', {})).toBe(false)
})

test('parts of a time are read in UTC', () => {
  const time = { F: '2026-01-01 23:59:30', G: '2025-12-31T23:30:00-02:00', H: 1767311970 }
  expect(matches('F|hour: 23', time)).toBe(true)
  expect(matches('F|minute: 59', time)).toBe(true)
  expect(matches('F|day: 1', time)).toBe(true)
  expect(matches('F|week: 1', time)).toBe(true)
  expect(matches('F|month: [1, 2]', time)).toBe(true)
  expect(matches('G|year: 2026', time)).toBe(true)
  expect(matches('H|hour: 23', time)).toBe(true)
  expect(matches('F|hour: 23', { F: 'yesterday' })).toBe(false)
})

test('fieldref compares two fields of the event', () => {
  expect(matches('F|fieldref: G', { F: 'Bob', G: 'BOB' })).toBe(true)
  expect(matches('F|fieldref|cased: G', { F: 'Bob', G: 'BOB' })).toBe(false)
  expect(matches('F|fieldref|endswith: G', { F: 'x\\bob', G: 'Bob' })).toBe(true)
  expect(matches('F|fieldref: G', { F: 'Bob' })).toBe(false)
  expect(matches('F|fieldref|neq: G', { F: 'Bob', G: 'Eve' })).toBe(true)
})

test('base64 and its offsets find a value inside encoded text', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64')
  expect(matches('F|base64|contains: whoami', { F: encode('whoami') })).toBe(true)
  for (const before of ['', 'x', 'xy', 'xyz']) {
    for (const after of ['', 'q', 'qr']) {
      expect(
        matches('F|base64offset|contains: whoami', { F: encode(`${before}whoami${after}`) }),
      ).toBe(true)
    }
  }
  expect(matches('F|base64offset|contains: whoami', { F: encode('who am i') })).toBe(false)
  const wide = Buffer.from('xIEX (new', 'utf16le').toString('base64')
  expect(matches("F|wide|base64offset|contains: 'IEX ('", { F: wide })).toBe(true)
  expect(matches("F|utf16le|base64offset|contains: 'IEX ('", { F: wide })).toBe(true)
  const big = Buffer.from('IEX', 'utf16le').swap16().toString('base64')
  expect(matches('F|utf16be|base64: IEX', { F: big })).toBe(true)
  const marked = Buffer.from('\ufeffIEX', 'utf16le').toString('base64')
  expect(matches('F|utf16|base64: IEX', { F: marked })).toBe(true)
})

test('windash takes any dash where one opens a word, and only there', () => {
  const item = "F|contains|windash: ' -param-name '"
  for (const dash of ['-', '/', '–', '—', '―']) {
    expect(matches(item, { F: `x.exe ${dash}param-name y` })).toBe(true)
  }
  expect(matches(item, { F: 'x.exe -param/name y' })).toBe(false)
  expect(matches("F|windash|contains: '/a -b'", { F: '-a /b' })).toBe(true)
  expect(node("F|contains|windash: 'no dash'")).toMatchObject({ op: 'contains' })
})

test('placeholders stand for configured values, which may hold wildcards', () => {
  const names = { servers: ['srv*', 'dc?'] }
  expect(matches("F|expand: '%servers%'", { F: 'SRV01' }, names)).toBe(true)
  expect(matches("F|expand: '%servers%'", { F: 'dc12' }, names)).toBe(false)
  expect(matches("F|contains|expand: 'x-%servers%-\\%'", { F: 'a x-dc1-% b' }, names)).toBe(true)
  expect(matches("F: '%servers%'", { F: '%servers%' }, names)).toBe(true)
  expect(detect("s:\n  F|expand: '%nobody%'\ncondition: s\n").codes).toEqual(['placeholder'])
})

test('keywords are searched in every value, also numbers and nested ones', () => {
  const keywords = (text: string, fields: Record<string, unknown>) => {
    const { condition } = detect(text)
    return condition !== undefined && evaluate(condition, { kind: 'x', logsource: {}, fields })
  }
  const list = 'k:\n  - mimikatz\n  - 4711\ncondition: k\n'
  expect(keywords(list, { a: { b: ['run MimiKatz now'] } })).toBe(true)
  expect(keywords(list, { a: 14711 })).toBe(true)
  expect(keywords(list, { mimikatz: 'no' })).toBe(false)
  const all = "k:\n  '|all':\n    - one\n    - 'two*three'\ncondition: k\n"
  expect(keywords(all, { a: 'ONE', b: 'two and three' })).toBe(true)
  expect(keywords(all, { a: 'ONE' })).toBe(false)
  expect(keywords("k:\n  '|re': '^a[0-9]$'\ncondition: k\n", { x: ['b', 'a1'] })).toBe(true)
  expect(keywords('k: word\ncondition: k\n', { x: 'a WORD here' })).toBe(true)
})

test('a list of maps, or of maps and keywords, matches where one of them does', () => {
  const { condition } = detect('s:\n  - A: 1\n    B: 2\n  - C: 3\n  - word\ncondition: s\n')
  const match = (fields: Record<string, unknown>) =>
    condition !== undefined && evaluate(condition, { kind: 'x', logsource: {}, fields })
  expect([match({ A: 1 }), match({ A: 1, B: 2 }), match({ C: 3 }), match({ D: 'a word' })]).toEqual(
    [false, true, true, true],
  )
})

test('fields are looked up whole first, then as a path through objects and arrays', () => {
  expect(matches('a.b: 1', { 'a.b': 1 })).toBe(true)
  expect(matches('a.b: 1', { a: { b: 1 } })).toBe(true)
  expect(matches('a.b: 1', { 'a.b': 2, a: { b: 1 } })).toBe(false)
  expect(matches('a.b: 1', { a: [{ b: 2 }, { b: [3, 1] }] })).toBe(true)
  expect(matches('a.b: 1', { a: 'b' })).toBe(false)
  expect(matches('constructor.name|exists: true', {})).toBe(false)
})

const threeSelections = 'sel_a: {A: 1}\nsel_b: {B: 1}\n_hidden: {H: 1}\nfilter: {F: 1}\n'

test.each([
  ['sel_a and sel_b', 'AB', true],
  ['sel_a AND NOT filter', 'A', true],
  ['sel_a and not filter', 'AF', false],
  ['sel_a or sel_b and filter', 'A', true],
  ['(sel_a or sel_b) and filter', 'A', false],
  ['not sel_a and not sel_b', '', true],
  ['not (sel_a or sel_b)', 'B', false],
  ['1 of sel_*', 'B', true],
  ['all of sel_*', 'B', false],
  ['all of sel_*', 'AB', true],
  ['any of them', 'H', false],
  ['1 of them', 'F', true],
  ['2 of them', 'AF', true],
  ['2 of them', 'A', false],
  ['2 of s*', 'AB', true],
  ['all of them', 'ABF', true],
  ['1 of _*', 'H', true],
  ['not 1 of sel_* or filter', 'AF', true],
  ['not not sel_a', 'A', true],
])('the condition `%s` over %s is %s', (condition, present, expected) => {
  const { condition: tree, codes } = detect(`${threeSelections}condition: ${condition}\n`)
  expect(codes.filter((code) => !code.startsWith('('))).toEqual([])
  const fields = Object.fromEntries([...present].map((name) => [name, 1]))
  expect(tree !== undefined && evaluate(tree, { kind: 'x', logsource: {}, fields })).toBe(expected)
})

test('several conditions are joined by or', () => {
  const { condition } = detect(`${threeSelections}condition:\n  - sel_a and sel_b\n  - filter\n`)
  expect(condition && canonicalNode(condition)).toMatch(/^or\(/)
})

test.each([
  ['sel_a and', 'condition'],
  ['sel_a sel_b', 'condition'],
  ['(sel_a', 'condition'],
  ['sel_a)', 'condition'],
  ['', 'condition'],
  ['sel_x', 'unknown-selection'],
  ['1 of filtr*', 'unknown-selection'],
  ['0 of them', 'condition'],
  ['9 of them', 'condition'],
  ['few of them', 'condition'],
  ['sel_a | count() by x > 5', 'condition-aggregation'],
  [`${'('.repeat(500)}sel_a`, 'condition'],
])('the condition `%s` is refused as %s', (condition, code) => {
  expect(detect(`${threeSelections}condition: "${condition}"\n`).codes).toEqual([code])
})

test.each([
  ['s: {F|containss: x}\ncondition: s', ['unknown-modifier']],
  ['s: {F|contains|endswith: x}\ncondition: s', ['modifier-conflict']],
  ['s: {F|re|base64: x}\ncondition: s', ['modifier-conflict']],
  ['s: {F|i: x}\ncondition: s', ['modifier-conflict']],
  ['s: {F|cidr|lt: x}\ncondition: s', ['modifier-conflict']],
  ["s: {F|re: '(a'}\ncondition: s", ['regex']],
  ["s: {F|re: 'a(?=b)'}\ncondition: s", ['regex']],
  ['s: {F|cidr: 10.0.0.0/99}\ncondition: s', ['network']],
  ['s: {F|lt: many}\ncondition: s', ['value-type']],
  ['s: {F|hour: noon}\ncondition: s', ['value-type']],
  ['s: {F|exists: perhaps}\ncondition: s', ['value-type']],
  ['s: {F|contains: null}\ncondition: s', ['value-type']],
  ["s: {F|base64: 'a*'}\ncondition: s", ['value-encoding']],
  ["s: {F|windash: '-a -b -c -d -e'}\ncondition: s", ['value-encoding']],
  ['s: {F: {G: x}}\ncondition: s', ['value-type']],
  ['s: {F: [[x]]}\ncondition: s', ['value-type']],
  ['s: []\ncondition: s', ['empty-selection']],
  ['s: {}\ncondition: s', ['empty-selection']],
  ["s: {'|all': []}\ncondition: s", ['empty-selection']],
  ["s: {'|cidr': 10.0.0.0/8}\ncondition: s", ['modifier-conflict']],
  ['s: [null]\ncondition: s', ['value-type']],
  ['s: {F: x}', ['missing-condition']],
  ['s: {F: x}\ncondition: {a: b}', ['value-type']],
  ['s: {F: x}\nt: {F: y}\ncondition: s', ['(unused-selection)']],
  [
    's: {F|lt: x, G|cidr: y}\nt: {H|re: "("}\ncondition: s and u',
    ['value-type', 'network', 'regex', 'unknown-selection'],
  ],
])('%j reports %j', (text, codes) => {
  expect(detect(`${text}\n`).codes).toEqual(codes)
})

test('an unknown modifier is underlined within its key', () => {
  const { report } = detect('s:\n  Field|contins: x\ncondition: s\n')
  expect(report.diagnostics[0]).toMatchObject({
    line: 2,
    column: 9,
    excerpt: { text: '  Field|contins: x', length: 7 },
    note: 'did you mean `contains`?',
  })
})

test('an unknown selection is underlined within the condition', () => {
  const { report } = detect('selection: {F: x}\ncondition: selection and selction\n')
  expect(report.diagnostics[0]).toMatchObject({
    line: 2,
    column: 26,
    note: 'did you mean `selection`?',
  })
})
