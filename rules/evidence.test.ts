import { expect, test } from 'vitest'
import { evidenceBytesMax, evidenceFieldsMax, evidenceOf, isSecretName } from './evidence.ts'
import { ruleContext } from './language/context.ts'
import { parseRules } from './language/parse.ts'
import type { Rule } from './rule.ts'

function sigma(detection: string): Rule {
  const text = `title: t\nid: t\nlogsource: {product: windows}\ndetection:\n${detection}`
  const [rule] = parseRules('a.yml', text, ruleContext()).rules
  if (rule === undefined) throw new Error('no rule')
  return rule
}

function native(kind: string, evidence: readonly string[]): Rule {
  const text = `
rule_id: t
rule_version: 1
name: t
applies_to: [${kind}]
match: { s: { event_id|exists: true }, condition: s }
emits: [{ technique_id: T1033, confidence: 0.5 }]
evidence_fields: [${evidence.join(', ')}]
`
  const { rules, diagnostics } = parseRules('a.yml', text, ruleContext())
  const [rule] = rules
  if (rule === undefined) throw new Error(diagnostics.map((one) => one.message).join())
  return rule
}

const event = (fields: Record<string, unknown>, kind = 'process') => ({
  kind,
  logsource: {},
  fields,
})

test('a native rule keeps the fields it declares, in their order, those that are there', () => {
  const rule = native('command', ['pwd', 'command_text', 'uid'])
  expect(evidenceOf(rule, event({ command_text: 'ls', uid: 0, host: 'h' }, 'command'))).toEqual({
    command_text: 'ls',
    uid: 0,
  })
})

test('a Sigma rule keeps the fields of the selections that hold, and of their branches that hold', () => {
  const rule = sigma(
    `  one: {Image: a, User: [b, c]}
  two: [{Cmd|contains: x}, {Path|contains: x}]
  three: {Other: z}
  filter: {Parent: p}
  condition: (one or three) and two and not filter
`,
  )
  const fields = { Image: 'A', User: 'C', Cmd: 'no', Path: 'xx', Other: 'q', Parent: 'q', More: 1 }
  expect(evidenceOf(rule, event(fields))).toEqual({ Image: 'A', User: 'C', Path: 'xx' })
})

test('a keyword keeps the fields it was found in, by their paths', () => {
  const rule = sigma('  k: [needle]\n  condition: k\n')
  const fields = { a: { b: ['hay', 'a needle'], password: 'needle' }, c: 'NEEDLE', d: 'hay' }
  expect(evidenceOf(rule, event(fields))).toEqual({ 'a.b': ['hay', 'a needle'], c: 'NEEDLE' })
})

test('each field is cut at 1 KB between characters, and there are at most 32', () => {
  const rule = sigma('  s: {F|contains: é, G|exists: true}\n  condition: s\n')
  const kept = evidenceOf(
    rule,
    event({ F: `x${'é'.repeat(5000)}`, G: Array(100).fill('y'.repeat(100)) }),
  )
  expect(Buffer.byteLength(String(kept['F']))).toBe(evidenceBytesMax - 1)
  expect(String(kept['F']).endsWith('é')).toBe(true)
  expect(kept['G']).toHaveLength(10)
  const many = Array.from({ length: 50 }, (_, n) => `F${n}`)
  const wide = sigma(`  s: {${many.map((name) => `${name}: 1`).join(', ')}}\n  condition: s\n`)
  const fields = Object.fromEntries(many.map((name) => [name, 1]))
  expect(Object.keys(evidenceOf(wide, event(fields)))).toHaveLength(evidenceFieldsMax)
})

test('fields named like secrets are left out, those about secrets are not', () => {
  const secret = [
    'password',
    'userPassword',
    'X-Api-Key',
    'headers.authorization',
    'access_token',
    'api.key',
    'SessionCookie',
    'password_hash',
  ]
  const harmless = [
    'password_count',
    'TokenElevationType',
    'shared_password_hash',
    'pwd',
    'TargetObject',
    'keyboard',
    'token_kind',
    'Monkey',
  ]
  expect(secret.filter((name) => !isSecretName(name))).toEqual([])
  expect(harmless.filter(isSecretName)).toEqual([])
  const rule = sigma('  s: {user: u, password: p}\n  condition: s\n')
  expect(evidenceOf(rule, event({ user: 'u', password: 'p' }))).toEqual({ user: 'u' })
})

test('the operator can redact further fields', () => {
  const rule = native('command', ['command_text', 'uid'])
  const fields = { command_text: 'ls', uid: 0 }
  const redacted = new Set(['command_text'])
  expect(evidenceOf(rule, event(fields, 'command'), { redacted })).toEqual({ uid: 0 })
})

test('mail evidence never holds an address, a body, a subject, a URL or a file name', () => {
  const canary = 'canary-7f3a@example.test'
  const rule = sigma('  k: [canary]\n  s: {rcpt_count|gt: 0}\n  condition: k and s\n')
  const fields = {
    subject: canary,
    from: canary,
    body_text: canary,
    urls: [`https://x/${canary}`],
    filename: `${canary}.doc`,
    x_mailer: canary,
    smtp_command: `RCPT TO:<${canary}>`,
    user: canary,
    rcpt_count: 7,
    from_domain: 'canary.test',
  }
  expect(evidenceOf(rule, event(fields, 'email'))).toEqual({
    rcpt_count: 7,
    from_domain: 'canary.test',
  })
})

test('a native rule cannot declare private mail fields or secrets as evidence', () => {
  expect(() => native('email', ['subject'])).toThrow('evidence')
  expect(() => native('email', ['body_text'])).toThrow('evidence')
  expect(() => native('auth_attempt', ['password'])).toThrow('evidence')
  expect(native('email', ['rcpt_count', 'body_sha256']).evidenceFields).toHaveLength(2)
})
