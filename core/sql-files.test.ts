import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { readSqlFiles, splitStatements } from './sql-files.ts'

const roots: string[] = []
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true })
})

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'sql-files-'))
  roots.push(root)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
  return root
}

const pathsOf = async (files: Readonly<Record<string, string>>) =>
  (await readSqlFiles(await folderOf(files))).objects.map((file) => file.path)

test('a statement ends with a semicolon at the end of a line, and nowhere else', () => {
  const text =
    "-- One row; per thing;\nSELECT ';', 1\n  -- really;\nFROM a;\n\n-- Next.\nSELECT 2;\n-- End.\n"
  expect(splitStatements(text)).toEqual([
    "-- One row; per thing;\nSELECT ';', 1\n  -- really;\nFROM a",
    '-- Next.\nSELECT 2',
  ])
})

test('a last statement needs no semicolon, and Windows line ends are line ends', () => {
  expect(splitStatements('SELECT 1;\r\nSELECT 2')).toEqual(['SELECT 1', 'SELECT 2'])
})

test('tables come before rollups before reads, each in alphabetical order', async () => {
  const files = {
    'reads/a.sql': 'A',
    'rollups/b.sql': 'B',
    'tables/d.sql': 'D',
    'tables/c.sql': 'C',
  }
  expect(await pathsOf(files)).toEqual([
    'tables/c.sql',
    'tables/d.sql',
    'rollups/b.sql',
    'reads/a.sql',
  ])
})

test('a file comes after those its header names, and those after theirs', async () => {
  const files = {
    'reads/a.sql': '-- What a row is.\n-- after: c, b\nSELECT 1;',
    'reads/b.sql': '-- after: d\nSELECT 1;',
    'reads/c.sql': 'SELECT 1;\n-- after: a',
    'reads/d.sql': 'SELECT 1;',
  }
  expect(await pathsOf(files)).toEqual(['reads/c.sql', 'reads/d.sql', 'reads/b.sql', 'reads/a.sql'])
})

test('a header may name a file of an earlier folder, which is there already', async () => {
  const files = { 'tables/tags.sql': 'T', 'reads/a.sql': '-- after: tags\nSELECT 1;' }
  expect(await pathsOf(files)).toEqual(['tables/tags.sql', 'reads/a.sql'])
})

test('a circle of headers is refused and shown', async () => {
  const files = {
    'reads/a.sql': '-- after: b',
    'reads/b.sql': '-- after: c',
    'reads/c.sql': '-- after: b',
  }
  await expect(pathsOf(files)).rejects.toThrow('b → c → b')
})

test('a header that names nothing is refused', async () => {
  await expect(pathsOf({ 'reads/a.sql': '-- after: bee' })).rejects.toThrow('no bee.sql')
})

test('the hash is of the statements: comments and indentation may change', async () => {
  const hashes = async (text: string) =>
    (await readSqlFiles(await folderOf({ 'tables/a.sql': text }))).objects[0]?.sha256
  const hash = await hashes('-- One.\nCREATE TABLE a\n  (b Int8);\n')
  expect(await hashes('-- Two.\n\nCREATE TABLE a\n(b Int8);')).toBe(hash)
  expect(await hashes('-- One.\nCREATE TABLE a\n  (b Int16);\n')).not.toBe(hash)
})

test('a migration is numbered, and says which present files it leads to', async () => {
  const files = { 'tables/a.sql': 'A', 'migrations/0001-b.sql': '-- changes: tables/a.sql\nALTER;' }
  const { migrations } = await readSqlFiles(await folderOf(files))
  expect(migrations.map(({ path, changes }) => [path, changes])).toEqual([
    ['migrations/0001-b.sql', ['tables/a.sql']],
  ])
  await expect(pathsOf({ 'migrations/b.sql': 'ALTER;' })).rejects.toThrow('NNNN-name.sql')
  await expect(pathsOf({ 'migrations/0001-b.sql': '-- changes: tables/a.sql' })).rejects.toThrow(
    'no such file',
  )
  const twins = { 'migrations/0001-b.sql': 'ALTER;', 'migrations/0001-c.sql': 'ALTER;' }
  await expect(pathsOf(twins)).rejects.toThrow('have one number')
})

const perRule = `-- What a row is.
CREATE OR REPLACE VIEW per_rule AS
SELECT rule, count() AS hits, ')' AS text -- of {at_s:Float64}
FROM tags
WHERE time <= {at_s:Float64} AND time > {from_s:Float64}
GROUP BY rule;`

const inliner = (call: string) =>
  folderOf({
    'reads/per_rule.sql': perRule,
    'reads/asked.sql': `-- inlines: per_rule\nCREATE OR REPLACE VIEW asked AS\nSELECT * FROM ${call} AS r;`,
  })

test('a view that is inlined is written out where it is called, with the values in place of parameters', async () => {
  const call = "per_rule(at_s = {at_s:Float64}, from_s = greatest(0, {at_s:Float64} - f(',')))"
  const { objects } = await readSqlFiles(await inliner(call))
  expect(objects.map(({ path }) => path)).toEqual(['reads/per_rule.sql', 'reads/asked.sql'])
  expect(objects[1]?.statements).toEqual([
    `-- inlines: per_rule
CREATE OR REPLACE VIEW asked AS
SELECT * FROM (
SELECT rule, count() AS hits, ')' AS text -- of ({at_s:Float64})
FROM tags
WHERE time <= ({at_s:Float64}) AND time > (greatest(0, {at_s:Float64} - f(',')))
GROUP BY rule
) AS r`,
  ])
})

test('a view is another one once what it inlines is', async () => {
  const hashes = async (where: string) => {
    const files = {
      'reads/a.sql': `CREATE OR REPLACE VIEW a AS\nSELECT 1 AS x WHERE ${where};`,
      'reads/b.sql': '-- inlines: a\nCREATE OR REPLACE VIEW b AS\nSELECT x FROM a();',
      'reads/c.sql': '-- inlines: b\nCREATE OR REPLACE VIEW c AS\nSELECT x FROM b();',
    }
    return (await readSqlFiles(await folderOf(files))).objects.map(({ sha256 }) => sha256)
  }
  const [before, after] = [await hashes('true'), await hashes('false')]
  expect(before.map((hash, index) => hash === after[index])).toEqual([false, false, false])
})

test.each([
  ['per_rule(at_s = 1)', 'reads/asked.sql: per_rule(…) has no value for from_s'],
  ['per_rule(at_s = 1, from_s = 0, to_s = 2)', 'reads/asked.sql: per_rule has no parameter to_s'],
  ['per_rule(1)', 'reads/asked.sql: per_rule(1): parameters are `name = value`'],
  ['other(at_s = 1)', 'reads/asked.sql: `-- inlines: per_rule`: it is not called'],
])('%s is refused where per_rule is inlined', async (call, why) => {
  await expect(readSqlFiles(await inliner(call))).rejects.toThrow(why)
})

test('what is no view, or has settings, is not inlined', async () => {
  const asked = '-- inlines: a\nCREATE OR REPLACE VIEW b AS SELECT * FROM a();'
  const table = { 'reads/a.sql': 'CREATE TABLE a (x Int8);', 'reads/b.sql': asked }
  await expect(pathsOf(table)).rejects.toThrow('it is no view')
  const settings = 'CREATE OR REPLACE VIEW a AS SELECT 1 AS x SETTINGS join_use_nulls = 0;'
  await expect(pathsOf({ 'reads/a.sql': settings, 'reads/b.sql': asked })).rejects.toThrow(
    'it has settings',
  )
})
