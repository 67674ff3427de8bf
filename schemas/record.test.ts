import { expect, test } from 'vitest'
import { parseAlert } from './alert.ts'
import { formatProblems } from './check.ts'
import { parseCommand } from './command.ts'
import { parseTest } from './test.ts'

function problems(checked: ReturnType<typeof parseTest | typeof parseAlert | typeof parseCommand>) {
  return checked.ok ? '' : formatProblems(checked.problems)
}

test('the smallest test is an id, and a full update parses to times in milliseconds', () => {
  expect(parseTest({ test_id: 't-17' }).ok).toBe(true)
  const full = parseTest({
    test_id: 'vectr:7c1e',
    event_time: '2026-11-20T11:02:10Z',
    round: 1,
    technique_id: 't1003.006',
    hosts: ['WORKSTATION5.example.local'],
    state: 'Validated',
    executed: true,
    red_started_at: 1_795_257_667_000,
    red_paused_seconds: 1.4,
    detections: [{ result_id: 'd1', asset_id: 'sigma:611eab06', triggered: true }],
    clear: ['outcome'],
    lab: { room: 4 },
  })
  expect(full).toMatchObject({
    ok: true,
    value: {
      event_time: Date.UTC(2026, 10, 20, 11, 2, 10),
      technique_id: 'T1003.006',
      state: 'validated',
      red_started_at: 1_795_257_667_000,
      red_paused_seconds: 1,
      lab: { room: 4 },
    },
  })
})

test('null is absent in every optional field', () => {
  const { ok } = parseTest({ test_id: 't', hosts: null, red_started_at: null, clear: null })
  expect(ok).toBe(true)
  expect(parseAlert({ alert_id: 'a', rule: null, technique_ids: null }).ok).toBe(true)
  expect(parseCommand({ kind: 'command', host: null, fields: null }).ok).toBe(true)
})

test('every problem is told, each with its place and what to send', () => {
  const text = problems(
    parseTest({
      round: 0,
      technique_id: 'DCSync',
      hosts: ['ws5', {}],
      red_started_at: '2026-11-20 10:41:07',
      blue_started_at: 1_795_257_667,
      detections: [{ asset_id: 'x' }],
      clear: ['hostnames'],
    }),
  )
  expect(text).toContain('test_id: is missing')
  expect(text).toContain('round: is too small: at least 1')
  expect(text).toContain('technique_id: `DCSync` is not a technique; write Tnnnn or Tnnnn.nnn')
  expect(text).toContain('hosts[1]: cannot be an object')
  expect(text).toContain('red_started_at: `2026-11-20 10:41:07` is not a time')
  expect(text).toContain('blue_started_at: 1795257667 looks like epoch seconds; send milliseconds')
  expect(text).toContain('detections[0].result_id: is missing')
  expect(text).toContain('clear[0]: must be one of')
})

test('a field given and cleared at once is refused', () => {
  const text = problems(parseTest({ test_id: 't', outcome: 'alerted', clear: ['outcome'] }))
  expect(text).toBe('clear: `outcome` is given and cleared in one record; send one of the two')
  expect(parseTest({ test_id: 't', outcome: null, clear: ['outcome'] }).ok).toBe(true)
})

test('an alert needs an id only; its rule may carry a number as version', () => {
  const alert = parseAlert({
    alert_id: 'sentinel:2517',
    raised_at: '2026-11-20T10:44:58Z',
    rule: { system: 'sentinel', id: 'AT-0042', version: 7, flavour: 'x' },
    severity: 'High',
  })
  expect(alert).toMatchObject({ ok: true, value: { severity: 'high', rule: { version: '7' } } })
  expect(parseAlert({ alert_id: 'a', status: 'closed' }).ok).toBe(true)
})

test('times outside 1970 to 2100 are refused', () => {
  expect(problems(parseAlert({ alert_id: 'a', raised_at: '1969-12-31T23:59:59Z' }))).toContain(
    'is before 1970',
  )
  expect(problems(parseAlert({ alert_id: 'a', raised_at: '2150-01-01T00:00:00Z' }))).toContain(
    'is after 2100',
  )
})

test('the envelope takes keys that it does not know and refuses a kind that is none', () => {
  const command = parseCommand({ kind: 'http_request', raw_url: '/?x', fields: { status: 200 } })
  expect(command).toMatchObject({ ok: true, value: { fields: { status: 200 } } })
  expect(problems(parseCommand({ kind: 'Bad Kind', fields: [] }))).toBe(
    'kind: must be a source kind: lower-case letters, digits and _; fields: must be an object',
  )
})
