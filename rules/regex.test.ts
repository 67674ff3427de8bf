import fc from 'fast-check'
import { RE2JS } from 're2js'
import { expect, test } from 'vitest'
import {
  compileRegex,
  normalizeRegex,
  regexCounters,
  regexProblem,
  regexTextCharsMax,
} from './regex.ts'

const runs = { numRuns: 3000, seed: 20261120 }

const atom = fc.oneof(
  fc.constantFrom('a', 'b', 'K', 's', 'é', '1', '-', '_', ' ', '\\.', '\\\\', '\\n', '\\x41', '/'),
  fc.constantFrom('.', '\\d', '\\w', '\\s', '\\S', '\\W', '\\D', '\\b', '\\B', '^', '$'),
  fc.constantFrom('[ab]', '[^a]', '[a-k1-3]', '[\\w-]', '[^\\s/]', '[]a]', '[.k]', '[S-]'),
)
const repeat = fc.constantFrom('', '', '', '?', '*', '+', '{2}', '{1,3}', '{0,2}?', '*?', '+?')
const piece = fc.tuple(atom, repeat).map(([a, r]) => a + (/^(\\[bB]|[$^])$/.test(a) ? '' : r))
const sequence = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''))
const pattern = fc.oneof(
  sequence,
  fc.tuple(sequence, sequence).map(([a, b]) => `${a}|${b}`),
  fc.tuple(sequence, sequence, sequence, repeat).map(([a, b, c, r]) => `${a}(${b}|${c})${r}`),
  fc.tuple(sequence, sequence).map(([a, b]) => `(?:${a}){0,2}${b}`),
)
const flags = fc.constantFrom('', 'i', 's', 'm', 'im', 'ims')
const character = fc.constantFrom(
  ...'aAbBkKsS1-_ .\\/\n\r\té\u017f\u212a\u00a0\u2028'.split(''),
  '😀',
)
const text = fc.array(character, { maxLength: 14 }).map((all) => all.join(''))

test('whichever engine runs a pattern, it answers as RE2 does', () => {
  let onV8 = 0
  fc.assert(
    fc.property(pattern, flags, fc.array(text, { minLength: 1, maxLength: 8 }), (p, f, texts) => {
      if (regexProblem(p, f) !== undefined) return
      const regex = compileRegex(p, f)
      if (regex.engine === 'v8') onV8 += 1
      const reference = RE2JS.compile(f === '' ? p : `(?${f})${p}`)
      for (const one of texts)
        expect([p, f, one, regex.test(one)]).toEqual([p, f, one, reference.test(one)])
    }),
    runs,
  )
  expect(onV8).toBeGreaterThan(500)
})

test('a pattern goes to V8 only when its work at one place is bounded', () => {
  const engine = (p: string) => compileRegex(p, '').engine
  expect(engine('cmd\\.exe')).toBe('v8')
  expect(engine('a{1,20}b')).toBe('v8')
  expect(engine('.*whoami.*')).toBe('v8')
  expect(engine('x+y')).toBe('v8')
  expect(engine('a.*b')).toBe('re2')
  expect(engine('b(a|aa)+c')).toBe('re2')
  expect(engine('x(a{0,9}){0,9}b')).toBe('re2')
  expect(engine('x(a?){0,20}c')).toBe('re2')
  expect(engine('é')).toBe('re2')
})

test('a text that makes a backtracking engine explode is answered at once', () => {
  const hostile = `${'a'.repeat(60_000)}!`
  expect(compileRegex('a(a|aa)+b', '').test(hostile)).toBe(false)
  expect(compileRegex('(.*a){12}b', '').test(hostile)).toBe(false)
  expect(compileRegex('x(x+x+)+y', '').test('x'.repeat(60_000))).toBe(false)
})

test('a text is searched up to its limit, and the rest is counted', () => {
  const before = regexCounters.truncatedTotal
  const regex = compileRegex('needle', '')
  expect(regex.test(`${'x'.repeat(regexTextCharsMax - 6)}needle`)).toBe(true)
  expect(regexCounters.truncatedTotal).toBe(before)
  expect(regex.test(`${'x'.repeat(regexTextCharsMax)}needle`)).toBe(false)
  expect(regexCounters.truncatedTotal).toBe(before + 1)
})

test('flags at the head of a pattern are flags, in one order', () => {
  expect(normalizeRegex('(?si)a', 'mi')).toEqual({ pattern: 'a', flags: 'ims' })
  expect(normalizeRegex('a(?i)b', '')).toEqual({ pattern: 'a(?i)b', flags: '' })
})

test('what the linear engine refuses is named', () => {
  expect(regexProblem('a(?=b)', '')).toMatch(/\(\?=/)
  expect(regexProblem('(a', '')).toMatch(/\)/)
  expect(regexProblem('(a)\\1', '')).toBeDefined()
  expect(regexProblem('a{2,4}', 'ims')).toBeUndefined()
})
