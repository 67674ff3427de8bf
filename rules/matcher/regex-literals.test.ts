import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileRegex, regexProblem } from '../regex.ts'
import { requiredLiterals } from './regex-literals.ts'

test('literals are as long as the pattern lets them be', () => {
  expect(requiredLiterals('http[s]?://[0-9]{1,3}\\.0', '')).toEqual([
    ['https://', 'http://'],
    ['.0'],
  ])
  expect(requiredLiterals('cmd.{0,5}(?:/c|/r).+clip(?:\\.exe)?', '')).toEqual([
    ['cmd'],
    ['/c', '/r'],
    ['clip.exe', 'clip'],
  ])
  expect(requiredLiterals('^[Cc]:\\\\[Pp]rogram[Dd]ata\\\\', '')).toEqual([['c:\\programdata\\']])
  expect(requiredLiterals('(\\.doc|\\.xls|.*x)\\.exe', '')).toEqual([
    ['.doc', '.xls', 'x'],
    ['.exe'],
  ])
  expect(requiredLiterals('a{2,}b', '')).toEqual([['aa'], ['b']])
})

test('where nothing is sure, nothing is said', () => {
  for (const pattern of [
    '',
    '.*',
    'a|',
    '(abc)?',
    '[a-z]+',
    '(?:a|.)',
    'x{0}',
    '\\pL',
    '(?i)abc',
  ]) {
    expect(requiredLiterals(pattern, '')).toEqual([])
  }
})

test('without regard to case an s may be a long s, so it is part of no literal', () => {
  expect(requiredLiterals('System32', 'i')).toEqual([['y'], ['tem32']])
  expect(compileRegex('system', 'i').test('\u017fY\u017fTEM')).toBe(true)
})

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'K',
    's',
    '1',
    '-',
    ' ',
    '\\.',
    '\\\\',
    '\\x41',
    '.',
    '\\d',
    '\\w',
    '\\b',
    '^',
    '$',
  ],
  ...['[ab]', '[Kk]', '[^a]', '[a-k]', '["]', '[s]'],
)
const repeat = fc.constantFrom('', '', '', '?', '*', '+', '{2}', '{1,3}', '{0,2}', '{3,}', '{0}')
const piece = fc.tuple(atom, repeat).map(([a, r]) => a + (/^(\\[bB]|[$^])$/.test(a) ? '' : r))
const sequence = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''))
const pattern = fc.oneof(
  sequence,
  fc.tuple(sequence, sequence).map(([a, b]) => `${a}|${b}`),
  fc
    .tuple(sequence, sequence, sequence, repeat, sequence)
    .map(([a, b, c, r, d]) => `${a}(${b}|${c})${r}${d}`),
)
const flags = fc.constantFrom('', 'i', 's', 'im')
const character = fc.constantFrom(...'aAbBkKsS1-_ .\\"\u017f\u212a'.split(''), 'ABK', 'aa', 'ss')
const text = fc.array(character, { maxLength: 10 }).map((all) => all.join(''))

test('every text that a pattern matches has a literal of each choice', () => {
  let matches = 0
  let choices = 0
  fc.assert(
    fc.property(pattern, flags, fc.array(text, { minLength: 1, maxLength: 20 }), (p, f, texts) => {
      if (regexProblem(p, f) !== undefined) return
      const required = requiredLiterals(p, f)
      const regex = compileRegex(p, f)
      for (const one of texts) {
        if (!regex.test(one)) continue
        matches += 1
        choices += required.length
        const lower = one.toLowerCase()
        for (const choice of required) {
          expect([p, f, one, choice, choice.some((literal) => lower.includes(literal))]).toEqual([
            ...[p, f, one, choice, true],
          ])
        }
      }
    }),
    { numRuns: 4000 },
  )
  expect(matches).toBeGreaterThan(2000)
  expect(choices).toBeGreaterThan(500)
})
