import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { readRecord, recordsFile } from './records-input.ts'

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-records-'))

afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

test('one record may be spread over lines; of many one is named by its line, empty ones not counted', () => {
  expect(readRecord(file('one.json', '{\n "a": 1\n}\n'), '').record).toEqual({ a: 1 })
  const many = file('many.ndjson.gz', gzipSync('{"a":1}\n\n{"a":2}\n'))
  expect(readRecord(many, '2').record).toEqual({ a: 2 })
  expect(readRecord(many, '2').json.toString()).toBe('{"a":2}')
})

test('what cannot be read is said with the file and what to do', () => {
  const many = file('many.ndjson', '{"a":1}\n{"a":2}\n')
  expect(() => readRecord(many, '')).toThrow(/many.ndjson holds 2 records: say which with --line/)
  expect(() => readRecord(many, '3')).toThrow(/has 2 lines, none is 3/)
  expect(() => readRecord(many, 'two')).toThrow(/none is two/)
  expect(() => readRecord(file('bad.json', '{"a":'), '')).toThrow(/bad.json is not a JSON object/)
  expect(() => readRecord(file('bad.gz', 'text'), '')).toThrow(/bad.gz cannot be read/)
  expect(() => readRecord(join(folder, 'none'), '')).toThrow(/none is not there/)
  expect(() => recordsFile(folder)).toThrow(/is a folder/)
})
