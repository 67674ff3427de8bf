import { expect, test } from 'vitest'
import { keywordLiteral } from './keyword-literal.ts'
import { KeywordScan } from './keyword-scan.ts'
import { ScanBuffer } from './scan-buffer.ts'

const buffer = new ScanBuffer()

test('a keyword is looked for by its longest printable part', () => {
  expect(keywordLiteral(['', 'C:\\Tools\\mimikatz.exe', ''])).toBe('c:\\tools\\mimikatz.exe')
  expect(keywordLiteral(['', 'a"béd', 'lsass', ''])).toBe('lsass')
  expect(keywordLiteral(['', '/a/b/c/longer/d', ''])).toBe('a/b/c/longer')
  expect(keywordLiteral(['', 'é', ''])).toBe(null)
  expect(keywordLiteral(['', 'ab', ''])).toBe(null)
})

test('a literal is found however JSON spells it', () => {
  const literals = ['"quoted"', '\\pipe\\x', '/bin/sh', '${#', 'plain text']
  const scan = new KeywordScan(literals)
  const found = (bytes: string) => {
    scan.found.clear()
    expect(scan.findInJson(Buffer.from(bytes), buffer)).toBe(true)
    return literals.filter((_, id) => scan.found.has(id))
  }
  for (const literal of literals) {
    const json = JSON.stringify({ x: `…${literal.toUpperCase()}…` })
    expect(found(json)).toEqual([literal])
    expect(found(json.replaceAll('/', '\\/'))).toEqual([literal])
  }
  expect(found('{"x":"\\/bin/sh"}')).toEqual(['/bin/sh'])
  expect(found('{"x":"bin/sh pipe x quoted # plain"}')).toEqual([])
})

test('a run that a number could have is not used, for JSON may write it in other digits', () => {
  for (const text of ['1000', '1e+21', '-4.5', 'infinity', 'fin']) {
    expect(keywordLiteral(['', text, ''])).toBe(null)
  }
  expect(keywordLiteral(['', '4688x', ''])).toBe('4688x')
})

test.each([0, 200])('raw JSON is searched in any case, with %i other literals', (others) => {
  const fillers = Array.from({ length: others }, (_, n) => `another literal ${n}`)
  const scan = new KeywordScan(['mimikatz', 'sekurlsa', ...fillers])
  scan.findInJson(Buffer.from('{"Message":"C:\\\\MimiKatz.exe"}'), buffer)
  expect([scan.found.has(0), scan.found.has(1)]).toEqual([true, false])
})

test('no other character becomes ASCII in lower case', () => {
  const others: string[] = []
  for (let code = 0x80; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const character = String.fromCodePoint(code)
    if (/[ -~]/.test(character.toLowerCase())) others.push(character)
  }
  expect(others).toEqual(['\u0130', '\u212a'])
})

test('wherever JSON hides ASCII, the scan says that it does not show everything', () => {
  const literals = ['abc', 'abcd.', 'mimikatz', 'mimikatz.exe']
  const hidden = [
    '\\u0020',
    '\\u006D',
    '\\u007f',
    '\\u212a',
    '\\u212A',
    '\\u0130',
    '\u212a',
    '\u0130',
  ]
  // With many others they are found by their grams, which are sampled as the shortest literal allows, the last without
  // signs; a few are found by a pair.
  const fillers = Array.from({ length: 200 }, (_, n) => `another literal ${n}`)
  const sets = [...literals.map((literal) => [literal, ...fillers]), literals]
  for (const set of sets) {
    const scan = new KeywordScan(set)
    const findInJson = (text: string) => {
      scan.found.clear()
      return scan.findInJson(Buffer.from(text), buffer)
    }
    for (const one of hidden) {
      for (let before = 0; before < 24; before += 1) {
        for (const next of ['"', '\\', '0', 'a', 'é']) {
          const json = `{"a":"${'x'.repeat(before)}${next}${one}${next}"}`
          expect([json, findInJson(json)]).toEqual([json, false])
        }
      }
    }
    for (const shown of ['\\u0007 \\u00e9 é', 'C:\\\\users', '0040 u0041', '®'.repeat(40)]) {
      expect([shown, findInJson(`{"a":"${shown}"}`)]).toEqual([shown, true])
    }
  }
})
