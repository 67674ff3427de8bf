import { expect, test } from 'vitest'
import { IdSet } from './id-set.ts'
import { keywordLiteral } from './keyword-literal.ts'
import { hidesAscii, KeywordScan } from './keyword-scan.ts'
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
    const ids = new IdSet(literals.length)
    scan.findInJson(Buffer.from(bytes), buffer, ids)
    return literals.filter((_, id) => ids.has(id))
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

test('raw JSON is searched in any case', () => {
  const scan = new KeywordScan(['mimikatz', 'sekurlsa'])
  const found = new IdSet(2)
  scan.findInJson(Buffer.from('{"Message":"C:\\\\MimiKatz.exe"}'), buffer, found)
  expect([found.has(0), found.has(1)]).toEqual([true, false])
})

test('JSON that hides ASCII from the scan is told apart', () => {
  const hides = (json: string) => hidesAscii(Buffer.from(json))
  expect(hides('{"a":"\\u006dimikatz"}')).toBe(true)
  expect(hides('{"a":"\\u212Aey"}')).toBe(true)
  expect(hides('{"a":"\\u0130"}')).toBe(true)
  expect(hides('{"a":"\u212aey"}')).toBe(true)
  expect(hides('{"a":"\u0130"}')).toBe(true)
  expect(hides(`{"a":"${'\\u0000'.repeat(40)}"}`)).toBe(true)
  expect(hides('{"a":"C:\\\\users\\\\u00","b":"\\u00e9 \\u0007","c":"é"}')).toBe(false)
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
