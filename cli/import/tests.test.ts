import { expect, test } from 'vitest'
import { parseCsv } from './csv.ts'
import { importTests } from './tests.ts'

test('CSV with quotes, commas and line breaks in cells keeps the line of each row', () => {
  expect(parseCsv('\uFEFFa,b\r\n"x, ""y""\nz",2\r\n\r\n,\r\n3,4')).toEqual([
    { line: 1, cells: ['a', 'b'] },
    { line: 2, cells: ['x, "y"\nz', '2'] },
    { line: 6, cells: ['3', '4'] },
  ])
})

const atomic = `"Execution Time (UTC)","Execution Time (Local)","Technique","Test Number","Test Name","Hostname","IP Address","Username","GUID","ProcessId","ExitCode"
"2026-11-20T10:41:07Z","2026-11-20T12:41:07","T1003.006","1","DCSync","WS5","10.0.0.5","EXAMPLE\\op","129efd28-8497-4c87-a1b0-73b9a870ca3e","4242","0"
`

test('an execution log of Atomic Red Team gives one test a run', () => {
  const { format, tests, problems, mapping } = importTests(atomic, { zone: '' })
  expect(format).toBe('atomic')
  expect(problems).toEqual([])
  expect(mapping.get('Execution Time (Local)')).toBeNull()
  expect(tests[0]).toMatchObject({
    line: 2,
    record: {
      name: 'DCSync',
      technique_id: 'T1003.006',
      procedure_id: 'atomic:129efd28-8497-4c87-a1b0-73b9a870ca3e',
      hosts: ['WS5'],
      users: ['EXAMPLE\\op'],
      executed: true,
      red_started_at: '2026-11-20T10:41:07.000Z',
      source: { ExitCode: '0', 'Test Number': '1' },
    },
  })
})

test('a file imported twice gives the same ids, another run another', () => {
  const id = (text: string) => importTests(text, { zone: '' }).tests[0]?.record['test_id']
  expect(id(atomic)).toMatch(/^atomic:[0-9a-f]{24}$/)
  expect(id(atomic)).toBe(id(atomic))
  expect(id(atomic.replace('10:41:07Z', '10:41:08Z'))).not.toBe(id(atomic))
})

test.each([
  [
    'Completed',
    'Blocked',
    { state: 'validated', outcome: 'blocked', detection_result: 'detected' },
  ],
  ['Completed', 'Logged', { state: 'validated', detection_result: 'partially_detected' }],
  ['Completed', 'Not Detected', { state: 'validated', detection_result: 'not_detected' }],
  ['Completed', 'TBD', { state: 'in_review', outcome: 'tbd' }],
  ['Not Performed', '', { state: 'draft', executed: false }],
])('VECTR’s %s with outcome %s', (status, outcome, expected) => {
  const head = 'Campaign,Test Case Name,MITRE ID,Status,Outcome,Attack Start,Targets,Sources'
  const text = `${head}\nFIN7,DCSync,t1003.006,${status},${outcome},2026-11-20 10:41,dc1;dc2,ws5\n`
  const { format, tests, problems } = importTests(text, { zone: '+02:00' })
  expect({ format, problems }).toEqual({ format: 'vectr', problems: [] })
  expect(tests[0]?.record).toMatchObject({
    ...expected,
    exercise: 'FIN7',
    targets: ['dc1', 'dc2'],
    red_started_at: '2026-11-20T08:41:00.000Z',
    source: { Sources: 'ws5' },
  })
})

test('test cases of nested JSON take the name of their campaign', () => {
  const text = JSON.stringify({
    assessments: [
      {
        name: 'Q4',
        campaigns: [
          {
            name: 'FIN7',
            testCases: [
              {
                id: 'abc',
                name: 'DCSync',
                mitreId: 'T1003.006',
                outcome: 'Alerted',
                attackStart: 1_795_171_267_000,
                targets: [{ name: 'dc1' }],
              },
            ],
          },
        ],
      },
    ],
  })
  expect(importTests(text, { zone: '' }).tests).toMatchObject([
    {
      record: {
        test_id: 'abc',
        exercise: 'FIN7',
        technique_id: 'T1003.006',
        targets: ['dc1'],
        detection_result: 'detected',
      },
    },
  ])
})

test('what is wrong is told by its line, and the others are taken', () => {
  const text = `name,technique_id,red_started_at
good,T1033,2026-11-20T10:00:00Z
no zone,T1033,2026-11-20 10:00
no technique,,2026-11-20T10:00:00Z
bad technique,whoami,2026-11-20T10:00:00Z
`
  const { tests, problems } = importTests(text, { zone: '' })
  expect(tests.map(({ line }) => line)).toEqual([2])
  expect(problems).toMatchObject([
    { line: 3, problem: 'red_started_at: "2026-11-20 10:00" is no time with a zone' },
    { line: 4, problem: 'names no technique' },
    { line: 5, problem: expect.stringContaining('is not a technique') },
  ])
})
