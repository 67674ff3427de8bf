import { expect, test } from 'vitest'
import { documentOf, testApp, toZod } from './api-client.ts'

const document = documentOf(testApp())
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    key: `${method.toUpperCase()} ${path}`,
    path,
    operation,
  })),
)

test.each(operations)('$key says what it is, in words and by examples', ({ operation, path }) => {
  expect(operation.summary).not.toBe('')
  expect(operation.description.length).toBeGreaterThan(5)
  expect(operation.tags).toHaveLength(1)
  const named = operation.parameters.filter((parameter) => parameter.in === 'path')
  expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/{[^}]+}/g) ?? [])
  for (const parameter of operation.parameters) {
    expect(parameter['description'], parameter.name).toBeTypeOf('string')
  }
})

test.each(operations)(
  '$key declares every response with an example of it',
  ({ operation, key }) => {
    const responses = Object.entries(operation.responses)
    expect(responses.some(([status]) => status.startsWith('2'))).toBe(true)
    for (const [status, { content }] of responses) {
      for (const [type, { schema, example }] of Object.entries(content ?? {})) {
        const result = toZod(schema, document).safeParse(example)
        expect(result.error?.issues ?? [], `${key} ${status} ${type}`).toEqual([])
      }
    }
  },
)

test.each(operations)('$key gives an example of its body, if it has one', ({ operation, key }) => {
  const body = operation.requestBody?.content['application/json']
  if (operation.requestBody === undefined) return
  const result = toZod(body?.schema, document).safeParse(body?.example)
  expect(result.error?.issues ?? [], key).toEqual([])
})

test('the check of responses refuses a member that is missing, wrong or not declared', () => {
  const validator = toZod({ $ref: '#/components/schemas/TechniqueRollupPage' }, document)
  const row = {
    technique_id: 'T1059',
    technique_name: 'Command and Scripting Interpreter',
    sub_technique_id: null,
    sub_technique_name: null,
    tactic: 'TA0002',
    tactic_name: 'Execution',
    count: 1,
    first_seen: '2026-11-20T10:41:07.000Z',
    last_seen: '2026-11-20T10:41:07.000Z',
    confidence_max: 0.9,
    url: null,
  }
  const isValid = (first: object): boolean =>
    validator.safeParse({ data: [first], next_cursor: null, total: 1 }).success
  expect(isValid(row)).toBe(true)
  expect(isValid({ ...row, count: '1' })).toBe(false)
  expect(isValid({ ...row, count: null })).toBe(false)
  expect(isValid({ ...row, first_seen: '2026-11-20 10:41:07.000' })).toBe(false)
  expect(isValid({ ...row, extra: 1 })).toBe(false)
  const { count: _, ...rest } = row
  expect(isValid(rest)).toBe(false)
})
