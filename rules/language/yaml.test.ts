import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDiagnostic } from '../../core/diagnostic.ts'
import { Report } from './report.ts'
import { parseYaml, plainValue, type YamlNode } from './yaml.ts'

function parse(text: string): { values: readonly unknown[]; problems: readonly string[] } {
  const report = new Report('a.yaml', text)
  const values = parseYaml(report).map(plainValue)
  return { values, problems: report.diagnostics.map((diagnostic) => diagnostic.code) }
}

test('plain scalars that a number would shorten keep their text', () => {
  const text = 'a: 00050429\nb: 0x1410\nc: 2024-03-01\nd: 1e3\ne: +5\nf: 0o17\ng: yes\nh: 12:30\n'
  expect(parse(text).values).toEqual([
    {
      a: '00050429',
      b: '0x1410',
      c: '2024-03-01',
      d: '1e3',
      e: '+5',
      f: '0o17',
      g: 'yes',
      h: '12:30',
    },
  ])
})

test('plain numbers, booleans and nulls are what they say, quoted ones are text', () => {
  const text = `a: 4688\nb: -1.50\nc: true\nd: ~\ne:\nf: '4688'\ng: "null"\nh: !!str 7\n`
  expect(parse(text).values).toEqual([
    { a: 4688, b: -1.5, c: true, d: null, e: null, f: '4688', g: 'null', h: '7' },
  ])
})

test('an integer too large to be exact stays text', () => {
  expect(parse('a: 9214364837600034816').values).toEqual([{ a: '9214364837600034816' }])
})

test('documents, blocks, aliases and merge keys are read', () => {
  const text = '---\na: &x {k: v, l: w}\nb: *x\nc: {<<: *x, l: own}\n---\nd: |\n  one\n  two\n---\n'
  expect(parse(text)).toEqual({
    values: [
      { a: { k: 'v', l: 'w' }, b: { k: 'v', l: 'w' }, c: { l: 'own', k: 'v' } },
      { d: 'one\ntwo\n' },
    ],
    problems: [],
  })
})

test.each([
  ['a: 1\na: 2\n', 'duplicate-key'],
  ['a: *nobody\n', 'yaml-alias'],
  ['a: &x [*x]\n', 'yaml-alias'],
  ['a: !!python/object x\n', 'yaml-tag'],
  ['a: [1, 2\nb: 3\n', 'yaml'],
  ['? [a]\n: 1\n', 'yaml-key'],
  ['a: "\\q"\n', 'yaml'],
  ['a: \u0000\n', 'yaml'],
])('%j is refused as %s', (text, code) => {
  expect(parse(text).problems).toEqual([code])
})

test('aliases count in full, so that a small file cannot become a large one', () => {
  const levels = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let level = 1; level < 12; level++) {
    const alias = `*a${level - 1}`
    levels.push(`k${level}: &a${level} [${Array(10).fill(alias).join(', ')}]`)
  }
  const started = process.memoryUsage().heapUsed
  expect(parse(levels.join('\n')).problems).toEqual(['yaml-too-many-nodes'])
  expect(process.memoryUsage().heapUsed - started).toBeLessThan(200e6)
})

test('nesting deeper than any rule is refused, not overflowed', () => {
  expect(parse(`a: ${'['.repeat(5000)}`).problems).toEqual(['yaml'])
  expect(
    parse(Array.from({ length: 200 }, (_, n) => `${' '.repeat(n)}k:`).join('\n')).problems,
  ).toEqual(['yaml'])
})

test('a diagnostic names file, line and column and underlines the text', () => {
  const report = new Report('rules/web/x.yaml', 'first: 1\n\tb: 2\n')
  parseYaml(report)
  const [diagnostic] = report.diagnostics
  expect(diagnostic?.line).toBe(2)
  const crlf = new Report('a.yaml', 'match:\r\n  field: raw_ulr\r\n')
  crlf.error(
    'unknown-field',
    '`raw_ulr` is not a field',
    { start: 17, end: 24 },
    'did you mean it?',
  )
  expect(formatDiagnostic(crlf.diagnostics[0] ?? fail())).toBe(
    [
      'a.yaml:2:10: unknown-field: `raw_ulr` is not a field',
      '      field: raw_ulr',
      '             ^^^^^^^   did you mean it?',
    ].join('\n'),
  )
})

test('positions of nodes are where their text stands', () => {
  const text = "key: 'value'\nlist:\n  - one\n  - {deep: two}\n"
  const [root] = parseYaml(new Report('a.yaml', text))
  const seen: string[] = []
  const walk = (node: YamlNode): void => {
    if (node.kind === 'scalar') seen.push(text.slice(node.start, node.end))
    else if (node.kind === 'list') node.items.forEach(walk)
    else for (const { key, value } of node.entries) [key, value].forEach(walk)
  }
  if (root !== undefined) walk(root)
  expect(seen).toEqual(['key', 'value', 'list', 'one', 'deep', 'two'])
})

test('no text makes the parser throw', () => {
  const piece = fc.constantFrom(
    'a',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    '&x ',
    '*x',
    '<<: ',
    '"',
    "'",
    '|',
    '>',
    '#',
    '!!str ',
    '---\n',
    '...\n',
    '\t',
    '%',
    '\u2028',
    '😀',
    '\ud800',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      parse(pieces.join(''))
    }),
    { numRuns: 3000, seed: 20261120 },
  )
})

function fail(): never {
  throw new Error('nothing was reported')
}
