import fc from 'fast-check'
import { expect, test } from 'vitest'
import { tokens } from './lexer.ts'
import { parseStatement } from './statement.ts'

const parse = (text: string) => parseStatement(Buffer.from(text))
const insertOf = (text: string) => {
  const statement = parse(text)
  if (statement.kind !== 'insert') throw new Error(`not an insert: ${statement.kind}`)
  const { head, settings, format, dataStart } = statement
  return { head, settings, format, data: Buffer.from(text).toString('utf8', dataStart) }
}

test('an INSERT is cut before its FORMAT, and its data begins on the next line', () => {
  expect(insertOf('INSERT INTO t (a, b) FORMAT CSV\n1,2\n')).toEqual({
    head: 'INSERT INTO t (a, b) ',
    settings: '',
    format: 'CSV',
    data: '1,2\n',
  })
})

test('data may begin on the same line, and only one line feed is taken away', () => {
  expect(insertOf('INSERT INTO t FORMAT TSV 1\t2').data).toBe('1\t2')
  expect(insertOf('INSERT INTO t FORMAT TSV \t\r\n\n1').data).toBe('\n1')
})

test('what follows VALUES is data in the format Values', () => {
  const { head, format, data } = insertOf("INSERT INTO t (a) VALUES ('FORMAT TSV'), (';')")
  expect([head, format, data]).toEqual(['INSERT INTO t (a) ', 'Values', "('FORMAT TSV'), (';')"])
})

test('settings before FORMAT are kept apart, to stand behind the file', () => {
  expect(insertOf('INSERT INTO t SETTINGS async_insert = 0, x = 1 FORMAT JSONEachRow\n{}')).toEqual(
    {
      head: 'INSERT INTO t ',
      settings: 'SETTINGS async_insert = 0, x = 1 ',
      format: 'JSONEachRow',
      data: '{}',
    },
  )
})

test('a table may be called values or format, quoted or in a database, and hold non-ASCII text', () => {
  expect(insertOf('INSERT INTO values FORMAT TSV\n1').head).toBe('INSERT INTO values ')
  expect(insertOf('insert into table `for;mat` format TSV\n1').head).toBe(
    'insert into table `for;mat` ',
  )
  expect(insertOf('INSERT INTO d.`é` (`ü`) FORMAT TSV\n1').head).toBe('INSERT INTO d.`é` (`ü`) ')
})

test('comments and strings hide what they contain', () => {
  const text = '/* FORMAT A; */ INSERT -- FORMAT B;\nINTO t # FORMAT C\n (a) FORMAT D\nx'
  expect([insertOf(text).format, insertOf(text).data]).toEqual(['D', 'x'])
})

test('an INSERT … SELECT is a command, with or without WITH', () => {
  expect(parse("INSERT INTO t SELECT 'FORMAT TSV'").kind).toBe('command')
  expect(parse('INSERT INTO t (a) WITH 1 AS x SELECT x').kind).toBe('command')
})

test('a query is cut around its FORMAT', () => {
  expect(parse('SELECT 1 FORMAT JSON SETTINGS max_threads = 1;')).toEqual({
    kind: 'select',
    head: 'SELECT 1 ',
    format: 'JSON',
    tail: ' SETTINGS max_threads = 1',
  })
  expect(parse('(SELECT 1) -- done')).toEqual({
    kind: 'select',
    head: '(SELECT 1) -- done',
    format: undefined,
    tail: '',
  })
})

test('a column or alias called format is none', () => {
  expect(parse('SELECT 1 AS format FROM t')).toMatchObject({ format: undefined })
  expect(parse('SELECT x FROM (SELECT 1 AS x FORMAT JSON)')).toMatchObject({ format: undefined })
  expect(parse('SELECT 1 AS format FORMAT TSV')).toMatchObject({ format: 'TSV' })
})

test.each([
  ['SELECT 1; SELECT 2', 62],
  ['DROP TABLE a; DROP TABLE b', 62],
  ["SELECT 1 INTO OUTFILE 'x'", 358],
  ["INSERT INTO t FROM INFILE 'x' FORMAT TSV", 78],
  ['INSERT INTO t FORMAT TSV; 1', 62],
  ['\u{fffd}', 62],
  ['\0', 62],
])('%j is refused with code %i', (text, code) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code }))
})

test('nothing but white space, comments and semicolons is empty', () => {
  for (const text of ['', ' \n', ';', '-- SELECT 1', '/* SELECT 1 */;']) {
    expect(parse(text).kind).toBe('empty')
  }
})

test('what changes the connection is told from what does not', () => {
  for (const text of ['SET a = 1', 'USE d', 'CREATE TEMPORARY TABLE t (a Int8)']) {
    expect(parse(text)).toMatchObject({ kind: 'command', leavesState: true })
  }
  expect(parse('CREATE TABLE t (a Int8)')).toMatchObject({ kind: 'command', leavesState: false })
})

test('any bytes give tokens that follow each other and cover no byte twice', () => {
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
    const source = Buffer.from(text).toString('latin1')
    const all = [...tokens(source)]
    const bounds = [0, ...all.flatMap(({ start, end }) => [start, end]), source.length]
    expect(bounds).toEqual(bounds.toSorted((a, b) => a - b))
    expect(all.every(({ start, end }) => start < end)).toBe(true)
  })
  fc.assert(property)
})

test('a string with any content in it is one token', () => {
  const content = fc.string({ unit: fc.constantFrom('a', "'", '\\', ';', '\n', ')', '$', '`') })
  const property = fc.property(content, (text) => {
    const quoted = `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    expect([...tokens(`( ${quoted} ;`)].map((token) => token.text)).toEqual(['(', quoted, ';'])
  })
  fc.assert(property)
})
