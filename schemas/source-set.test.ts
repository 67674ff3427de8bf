import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { formatDiagnostic } from '../core/diagnostic.ts'
import type { SourceEvent } from './event.ts'
import { isRefusal, type ParsedRecord } from './source.ts'
import { builtinSources, loadSources } from './source-set.ts'

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-sources-'))
afterAll(() => rmSync(folder, { recursive: true }))

const recordTimeMs = Date.UTC(2026, 10, 20, 12)

function read(record: ParsedRecord, sources = builtinSources()): SourceEvent {
  const json = Buffer.from(JSON.stringify(record))
  const at = { log: 'l', topic: 'c', partition: 0, offset: 7, recordTimeMs, json }
  const event = sources.read(record, at)
  if (isRefusal(event)) throw new Error(`${event.refused}: ${event.reason}`)
  return event
}

function sysmon(extra: object = {}): ParsedRecord {
  return {
    Channel: 'Microsoft-Windows-Sysmon/Operational',
    EventID: 1,
    Hostname: 'WS5.example.local',
    host: 'collector.example.local',
    SourceName: 'Microsoft-Windows-Sysmon',
    RecordNumber: 41,
    UtcTime: '2026-11-20 10:41:07.805',
    '@timestamp': '2026-11-20T10:41:09.000Z',
    EventTime: '2026-11-20 06:41:07',
    AccountName: 'SYSTEM',
    Domain: 'NT AUTHORITY',
    User: 'EXAMPLE\\op',
    LogonGuid: '{b34bc01c-22a7-5f69-dfa7-100000000000}',
    CommandLine: 'whoami.exe /user',
    Image: 'C:\\Windows\\System32\\whoami.exe',
    ...extra,
  }
}

test('a flat Windows event is its own fields, and the machine is not the collector', () => {
  const record = sysmon()
  const event = read(record)
  expect(event).toMatchObject({
    source: 'windows-flat',
    kind: 'process',
    logsource: { product: 'windows', service: 'sysmon', category: 'process_creation' },
    id: 'win:ws5:Microsoft-Windows-Sysmon/Operational:41:1795171267805',
    eventTimeMs: Date.UTC(2026, 10, 20, 10, 41, 7, 805),
    isTimeEstimated: false,
    host: 'ws5.example.local',
    user: 'EXAMPLE\\op',
    sessionId: '{b34bc01c-22a7-5f69-dfa7-100000000000}',
    commandText: 'whoami.exe /user',
    attackerId: '',
  })
  expect(event.fields).toBe(record)
  expect(event.fields).toMatchObject({
    Computer: 'WS5.example.local',
    Provider_Name: 'Microsoft-Windows-Sysmon',
    host: 'ws5.example.local',
    command_text: 'whoami.exe /user',
  })
})

test('the first time that names its zone is used, and a local time never is', () => {
  const none = { UtcTime: undefined, '@timestamp': undefined }
  expect(read(sysmon({ UtcTime: undefined })).eventTimeMs).toBe(Date.UTC(2026, 10, 20, 10, 41, 9))
  expect(read(sysmon({ UtcTime: 'today' })).eventTimeMs).toBe(Date.UTC(2026, 10, 20, 10, 41, 9))
  expect(read(sysmon(none))).toMatchObject({ eventTimeMs: recordTimeMs, isTimeEstimated: true })
  const zoned = { ...none, EventTime: '2026-11-20T06:41:07-04:00' }
  expect(read(sysmon(zoned)).eventTimeMs).toBe(Date.UTC(2026, 10, 20, 10, 41, 7))
})

test('without a time of its own an event is known by its position', () => {
  const none = { UtcTime: undefined, '@timestamp': undefined }
  expect(read(sysmon(none)).id).toBe('l:c:0:7')
  expect(read(sysmon({ RecordNumber: undefined })).id).toBe('l:c:0:7')
})

test('a clock a day ahead is capped, a minute less is believed, and 1969 is no time', () => {
  const late = recordTimeMs + 86_400_000
  expect(read(sysmon({ UtcTime: new Date(late + 1).toISOString() }))).toMatchObject({
    eventTimeMs: recordTimeMs,
    isTimeCapped: true,
  })
  expect(read(sysmon({ UtcTime: new Date(late).toISOString() }))).toMatchObject({
    eventTimeMs: late,
    isTimeCapped: false,
  })
  expect(read(sysmon({ UtcTime: '1969-12-31 23:59:59' })).eventTimeMs).toBe(
    Date.UTC(2026, 10, 20, 10, 41, 9),
  )
  expect(read(sysmon({ UtcTime: '9999-12-31 23:59:59' })).isTimeCapped).toBe(true)
})

test.each([
  [{ EventID: 3 }, 'network_connection', 'sysmon'],
  [{ EventID: '7' }, 'image_load', 'sysmon'],
  [{ EventID: 12, EventType: 'CreateKey' }, 'registry_add', 'sysmon'],
  [{ EventID: 12, EventType: 'DeleteValue' }, 'registry_delete', 'sysmon'],
  [{ EventID: 12 }, 'registry_add', 'sysmon'],
  [{ EventID: 13 }, 'registry_set', 'sysmon'],
  [{ EventID: 18 }, 'pipe_created', 'sysmon'],
  [{ Channel: 'security', EventID: 4688 }, 'process', 'security'],
  [{ Channel: 'Security', EventID: 4624 }, 'security', 'security'],
  [
    { Channel: 'Microsoft-Windows-PowerShell/Operational', EventID: 4104 },
    'ps_script',
    'powershell',
  ],
  [{ Channel: 'Windows PowerShell', EventID: 400 }, 'ps_classic_start', 'powershell-classic'],
  [{ Channel: 'Acme/Debug', EventID: 4104 }, 'acme/debug', 'acme/debug'],
])('%o is a %s of %s', (extra, kind, service) => {
  const event = read(sysmon(extra))
  expect(event.kind).toBe(kind)
  expect(event.logsource.service).toBe(service)
})

test('a Security process creation answers to the names that Sigma uses', () => {
  const event = read({
    Channel: 'Security',
    EventID: 4688,
    Hostname: 'dc1',
    RecordNumber: 5,
    '@timestamp': '2026-11-20T10:41:09Z',
    NewProcessName: 'C:\\x.exe',
    ParentProcessName: 'C:\\p.exe',
    CommandLine: 'x /y',
    SubjectUserName: 'op',
    SubjectDomainName: 'EXAMPLE',
  })
  expect(event.fields).toMatchObject({
    Image: 'C:\\x.exe',
    ParentImage: 'C:\\p.exe',
    User: 'EXAMPLE\\op',
  })
  expect(event.user).toBe('EXAMPLE\\op')
})

test('who wrote the event is not who acted, unless it is PowerShell', () => {
  expect(read(sysmon({ User: '-' })).user).toBe('')
  const powershell = { Channel: 'Microsoft-Windows-PowerShell/Operational', EventID: 4104 }
  expect(read(sysmon({ ...powershell, User: undefined })).user).toBe('NT AUTHORITY\\SYSTEM')
})

const system = {
  Provider: { '#attributes': { Name: 'Microsoft-Windows-Sysmon' } },
  EventID: 1,
  TimeCreated: { '#attributes': { SystemTime: '2026-11-20T10:41:08.100000Z' } },
  EventRecordID: 41,
  Channel: 'Microsoft-Windows-Sysmon/Operational',
  Computer: 'WS5.example.local',
  Level: 4,
}
const data = { UtcTime: '2026-11-20 10:41:07.805', Image: 'C:\\x.exe', CommandLine: 'x' }
const flat = {
  EventID: 1,
  Channel: 'Microsoft-Windows-Sysmon/Operational',
  Computer: 'WS5.example.local',
  Provider_Name: 'Microsoft-Windows-Sysmon',
  Image: 'C:\\x.exe',
  CommandLine: 'x',
}

test.each([
  [
    'evtx_dump',
    { Event: { System: system, EventData: { '#attributes': { Name: 'x' }, ...data } } },
  ],
  [
    'evtx_dump with attributes beside and a qualified id',
    {
      Event: {
        System: {
          ...system,
          EventID: { '#attributes': { Qualifiers: 16384 }, '#text': 1 },
          Provider: null,
          Provider_attributes: { Name: 'Microsoft-Windows-Sysmon' },
          TimeCreated: null,
          TimeCreated_attributes: { SystemTime: '2026-11-20T10:41:08Z' },
        },
        EventData: data,
      },
    },
  ],
  [
    'xmltodict',
    {
      Event: {
        System: {
          ...system,
          EventID: '1',
          Provider: { '@Name': 'Microsoft-Windows-Sysmon' },
          TimeCreated: { '@SystemTime': '2026-11-20 10:41:08.1' },
        },
        EventData: {
          Data: Object.entries(data).map(([name, text]) => ({ '@Name': name, '#text': text })),
        },
      },
    },
  ],
  [
    'plain',
    {
      Event: {
        System: {
          ...system,
          Provider: { Name: 'Microsoft-Windows-Sysmon' },
          TimeCreated: { SystemTime: '2026-11-20T10:41:08Z' },
        },
        UserData: { Operation: data },
      },
    },
  ],
  [
    'winlogbeat',
    {
      '@timestamp': '2026-11-20T10:41:08.100Z',
      event: { code: '1', provider: 'Microsoft-Windows-Sysmon' },
      host: { name: 'collector' },
      winlog: {
        channel: 'Microsoft-Windows-Sysmon/Operational',
        computer_name: 'WS5.example.local',
        event_id: '1',
        record_id: 41,
        provider_name: 'Microsoft-Windows-Sysmon',
        event_data: data,
        user: { name: 'SYSTEM', domain: 'NT AUTHORITY' },
      },
    },
  ],
])('the same event in the shape of %s has the same fields, kind and id', (_shape, record) => {
  const event = read(record)
  expect(event.fields).toMatchObject(flat)
  expect(event).toMatchObject({
    kind: 'process',
    host: 'ws5.example.local',
    user: '',
    id: 'win:ws5:Microsoft-Windows-Sysmon/Operational:41:1795171267805',
    commandText: 'x',
  })
})

test('what winlogbeat modules moved into ECS fields is found under its Sigma name', () => {
  const event = read({
    '@timestamp': '2026-11-20T10:41:07.805Z',
    event: { code: '1' },
    process: { executable: 'C:\\x.exe', command_line: 'x', parent: { executable: 'C:\\p.exe' } },
    user: { name: 'op', domain: 'EXAMPLE' },
    winlog: {
      channel: 'Microsoft-Windows-Sysmon/Operational',
      computer_name: 'ws5',
      event_id: 1,
      record_id: '41',
      event_data: { IntegrityLevel: 'High' },
    },
  })
  expect(event.fields).toMatchObject({
    Image: 'C:\\x.exe',
    ParentImage: 'C:\\p.exe',
    IntegrityLevel: 'High',
  })
  expect(event.user).toBe('EXAMPLE\\op')
})

test('a LAUREL event is all its records at once', () => {
  const event = read({
    ID: '1795171267.720:348501',
    NODE: 'Web1',
    SYSCALL: {
      syscall: 59,
      SYSCALL: 'execve',
      success: 'yes',
      exe: '/usr/bin/perl',
      comm: 'perl',
      a0: '0x55c0',
      a1: '0x55c1',
      pid: 7,
      ses: 3,
      UID: 'root',
      AUID: 'op',
      PPID: { exe: '/bin/bash' },
    },
    EXECVE: { argc: 3, ARGV: ['perl', '-e', 'print 1'] },
    CWD: { cwd: '/root' },
    PATH: [{ name: '/usr/bin/perl', nametype: 'NORMAL' }, { name: '/lib64/ld.so' }],
  })
  expect(event).toMatchObject({
    source: 'laurel',
    kind: 'process',
    logsource: { product: 'linux', service: 'auditd', category: 'process_creation' },
    host: 'web1',
    user: 'op',
    sessionId: 'Web1:3',
    id: 'audit:web1:1795171267.720:348501:1795171267720',
    eventTimeMs: 1_795_171_267_720,
    commandText: 'perl -e print 1',
  })
  expect(event.fields).toMatchObject({
    type: ['SYSCALL', 'EXECVE', 'CWD', 'PATH'],
    syscall: 'execve',
    a0: 'perl',
    a1: '-e',
    a2: 'print 1',
    cwd: '/root',
    name: ['/usr/bin/perl', '/lib64/ld.so'],
    Image: '/usr/bin/perl',
    CommandLine: 'perl -e print 1',
    ParentImage: '/bin/bash',
    shell_commands: ['perl -e print 1'],
  })
})

test('an Auditbeat event answers to the names of auditd and of process creation', () => {
  const event = read({
    '@timestamp': '2026-11-20T10:41:07.805Z',
    host: { name: 'web1' },
    event: { module: 'auditd', action: 'executed' },
    auditd: {
      message_type: 'syscall',
      sequence: 8972,
      session: '11',
      result: 'success',
      data: { a0: '10812c8', syscall: 'execve', tty: 'pts0' },
      paths: [{ name: '/bin/uname', nametype: 'NORMAL' }],
    },
    process: { args: ['uname', '-a'], executable: '/bin/uname', working_directory: '/home/op' },
    user: { id: '1001', audit: { id: '1001', name: 'op' } },
    tags: ['user_commands'],
  })
  expect(event).toMatchObject({ kind: 'process', user: 'op', sessionId: 'web1:11', host: 'web1' })
  expect(event.fields).toMatchObject({
    type: ['SYSCALL', 'EXECVE', 'PATH', 'CWD'],
    syscall: 'execve',
    a0: 'uname',
    a1: '-a',
    key: ['user_commands'],
    success: 'yes',
    CommandLine: 'uname -a',
  })
})

const cowrie = {
  timestamp: '2026-11-20T10:41:07.123456Z',
  session: 'd051258efd62',
  src_ip: '::ffff:203.0.113.9',
  sensor: 'hp-01',
  protocol: 'ssh',
}

test.each([
  [
    { eventid: 'cowrie.command.input', input: 'cd /tmp; id' },
    'command',
    { shell_commands: ['cd /tmp', 'id'] },
  ],
  [{ eventid: 'cowrie.command.failed', input: 'xyz' }, 'session', { command_text: 'xyz' }],
  [
    { eventid: 'cowrie.login.failed', username: 'root', password: 'x' },
    'auth_attempt',
    { result: 'failure', username: 'root', password: 'x', service: 'ssh' },
  ],
  [{ eventid: 'cowrie.login.success', username: 'root' }, 'auth_attempt', { result: 'success' }],
  [
    {
      eventid: 'cowrie.session.file_download',
      url: 'http://198.51.100.7/%2e',
      shasum: 'ab',
      outfile: 'o',
    },
    'payload',
    { sha256: 'ab', filename: 'o', url_decoded: 'http://198.51.100.7/.' },
  ],
  [
    { eventid: 'cowrie.client.kex', hassh: 'cd' },
    'http_fingerprint',
    { fingerprint_kind: 'hassh', hash: 'cd' },
  ],
  [{ eventid: 'cowrie.session.closed', duration: 4.2 }, 'session', { duration_seconds: 4.2 }],
  [{ eventid: 'cowrie.session.connect' }, 'session', { attacker_id: '203.0.113.9' }],
  [{ eventid: 'cowrie.future.event' }, 'session', {}],
])('%o of Cowrie is a %s', (extra, kind, fields) => {
  const event = read({ ...cowrie, ...extra })
  expect(event).toMatchObject({
    source: 'cowrie',
    kind,
    attackerId: '203.0.113.9',
    sessionId: 'd051258efd62',
    host: 'hp-01',
    decoy: 'hp-01',
    id: 'l:c:0:7',
    eventTimeMs: Date.UTC(2026, 10, 20, 10, 41, 7, 123),
  })
  expect(event.fields).toMatchObject(fields)
})

test('an ECS process start is a process creation of its platform', () => {
  const event = read({
    '@timestamp': '2026-11-20T10:41:07Z',
    ecs: { version: '8.11' },
    event: { id: 'e-1', category: ['process'], type: ['start'], module: 'endpoint' },
    host: { name: 'Mac1', os: { type: 'macos' } },
    process: { executable: '/bin/ls', args: ['ls', '-l'] },
    user: { name: 'op' },
  })
  expect(event).toMatchObject({
    id: 'e-1',
    kind: 'process',
    host: 'mac1',
    user: 'op',
    logsource: { product: 'macos', category: 'process_creation' },
    fields: { Image: '/bin/ls', CommandLine: 'ls -l' },
  })
})

test('the envelope: members and fields are seen by rules, anchors and times are read', () => {
  const event = read({
    event_id: 'e1',
    kind: 'http_request',
    event_time: '2026-11-20T10:41:07Z',
    src_ip: '203.0.113.9:4711',
    user: 'anonymous',
    raw_url: '/%2e%2e',
    fields: { user_agent: 'curl', user: 'hidden', __proto__: { polluted: true } },
  })
  expect(event).toMatchObject({
    source: 'envelope',
    id: 'e1',
    attackerId: '203.0.113.9',
    user: 'anonymous',
    logsource: { service: 'http_request', category: 'http_request' },
    fields: {
      user_agent: 'curl',
      user: 'anonymous',
      url_decoded: '/..',
      fields: { user: 'hidden' },
    },
  })
  expect(event.fields['polluted']).toBeUndefined()
})

test("an envelope without a log source: a process is any product's, a Sigma kind is its category", () => {
  expect(read({ kind: 'process', host: 'a', fields: {} }).logsource).toEqual({
    category: 'process_creation',
  })
  expect(read({ kind: 'registry_set', host: 'a', fields: {} }).logsource).toEqual({
    category: 'registry_set',
  })
  expect(
    read({ kind: 'process', logsource: { product: 'Windows' }, fields: { CommandLine: 'x' } }),
  ).toMatchObject({ logsource: { product: 'windows' }, commandText: 'x' })
})

test('fields that the text of the record does not show are named', () => {
  expect(read(sysmon()).derived).toEqual(['User'])
  expect(read({ ...cowrie, eventid: 'cowrie.login.failed' }).derived).toEqual(
    expect.arrayContaining(['result', 'service', 'attacker_id']),
  )
  expect(read({ kind: 'command', host: 'h', fields: {} }).derived).toEqual(['attacker_id'])
})

test('equal log sources are one object', () => {
  expect(read(sysmon()).logsource).toBe(read(sysmon({ RecordNumber: 42 })).logsource)
})

test('a record that no source knows is refused by its keys, never by its values', () => {
  expect(() => read({ secret_name: 'hunter2', b: 1 })).toThrow(
    'unknown-source: no source recognises a record with the keys `secret_name`, `b`',
  )
  expect(() => read({ kind: 'Bad Kind', host: 'x' })).toThrow(
    'envelope: kind: must be a source kind',
  )
})

function load(files: Readonly<Record<string, string>>) {
  const own = mkdtempSync(join(folder, 'own-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(own, name), text)
  const loaded = loadSources([own])
  if (loaded.ok) return loaded.value
  return loaded.diagnostics.map((one) => formatDiagnostic(one).replaceAll(`${own}/`, '')).join('\n')
}

test('a user adds a source without code, and it comes before the built-in ones', () => {
  const sources = load({
    'acme.yaml': `
name: acme
description: Acme gateway
recognise: [{ has: [acme.id], where: { vendor: acm* } }]
time: [{ field: at, format: epoch_seconds }]
id: { given: id }
host: [node, acme.node]
attacker: client
logsource: { product: acme, category: { '*': { from: what, map: { GET: webserver }, default: proxy } } }
kind: { value: http_request }
fields:
  from: [acme]
  set: { raw_url: url, at: at, client: client, what: what, node: { from: node, lower: true } }
`,
  })
  if (typeof sources === 'string') throw new Error(sources)
  expect(sources.sources[0]?.name).toBe('acme')
  const record = {
    acme: { id: 9 },
    vendor: 'acme inc',
    at: '1795171267.5 x',
    client: '[::1]:5',
    what: 'GET',
    url: '/a',
    node: 'GW',
  }
  expect(read(record, sources)).toMatchObject({
    id: '9',
    host: 'gw',
    attackerId: '::1',
    eventTimeMs: 1_795_171_267_500,
    kind: 'http_request',
    logsource: { product: 'acme', category: 'webserver' },
    fields: { raw_url: '/a', url_decoded: '/a' },
  })
})

test("a user's source of a built-in name takes its place", () => {
  const sources = load({
    'cowrie.yaml':
      'name: cowrie\ndescription: ours\nrecognise: [{ has: [eventid] }]\nkind: { value: session }\n',
  })
  if (typeof sources === 'string') throw new Error(sources)
  expect(sources.sources.filter(({ name }) => name === 'cowrie')).toHaveLength(1)
})

test('a local time gets the offset that its source states', () => {
  const sources = load({
    'nx.yaml': `
name: nx
extends: windows
description: our collector
recognise: [{ has: [nx] }]
time: [{ field: EventTime, zone: '-04:00' }]
`,
  })
  if (typeof sources === 'string') throw new Error(sources)
  expect(read({ ...sysmon(), nx: 1 }, sources).eventTimeMs).toBe(Date.UTC(2026, 10, 20, 10, 41, 7))
})

test('a mistake in a source file is told with its line', () => {
  expect(load({ 'a.yaml': 'name: a\ndescription: x\nrecognise: [{ has: [x] }]\nhostt: y\n' })).toBe(
    'a.yaml:4:1: source-definition: hostt: is not a known key\n    hostt: y\n    ^',
  )
  expect(
    load({
      'b.yaml': 'name: b\ndescription: x\nrecognise:\n  - has: [x]\nuser:\n  - { form: y }\n',
    }),
  ).toContain('b.yaml:6:7: source-definition: user[0].form: is not a known key')
  expect(load({ 'c.yaml': 'name: c\ndescription: [\n' })).toMatch(/^c\.yaml:\d+:\d+: yaml: /)
  expect(load({ 'd.yaml': 'name: d\ndescription: x\nextends: nope\n' })).toContain(
    'd.yaml:3:1: source-extends: there is no source `nope`',
  )
  expect(load({ 'e.yaml': 'name: e\ndescription: x\n' })).toContain('source-recognise')
  expect(load({ 'f.yaml': 'name: f\ndescription: x\nextends: f\n' })).toContain('source-extends')
  expect(
    load({
      'g.yaml':
        'name: g\ndescription: x\nrecognise: [{ has: [x] }]\ntime: [{ field: t, zone: local }]\n',
    }),
  ).toContain('must be utc or an offset as +hh:mm')
  const twice = 'name: h\ndescription: x\nrecognise: [{ has: [x] }]\n'
  expect(load({ 'h.yaml': twice, 'i.yaml': twice })).toContain('i.yaml:1:1: duplicate-source')
})
