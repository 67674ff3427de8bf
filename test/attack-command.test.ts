import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { formatFacts } from '../cli/attack-text.ts'
import { parseArguments } from '../cli/command.ts'
import { attackCommands } from '../cli/commands/attack.ts'
import { type AttackFacts, attackFacts, pinnedFile, readPinned } from '../schemas/attack.ts'
import { parseAttackBundle } from '../schemas/attack-bundle.ts'
import { bundleOf } from './attack-bundle.ts'

/** Another release of ATT&CK, from a bundle that is made here of the pinned one. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-attack-'))
afterAll(() => rmSync(folder, { recursive: true }))

const pinned = readPinned()

type Technique = AttackFacts['domains']['enterprise-attack']['techniques'][number]

/** Enterprise with some techniques changed; undefined takes one away. */
function changed(change: (technique: Technique) => Technique | undefined, more: Technique[] = []) {
  const enterprise = pinned.domains['enterprise-attack']
  const techniques = [...enterprise.techniques.flatMap((one) => change(one) ?? []), ...more]
  return {
    ...pinned,
    domains: { ...pinned.domains, 'enterprise-attack': { ...enterprise, techniques } },
  }
}

const fresh: Technique = {
  id: 'T1999',
  name: 'Something New',
  tactics: ['TA0002'],
  platforms: ['Linux'],
  stix_id: 'attack-pattern--00000000-0000-0000-0000-000000001999',
}

const next = changed(
  (one) => {
    if (one.id === 'T1033') return { ...one, revoked: true, revoked_by: 'T1082' }
    if (one.id === 'T1057') return { ...one, deprecated: true }
    if (one.id === 'T1082') return { ...one, name: 'System Facts Discovery' }
    if (one.id === 'T1105') return { ...one, tactics: ['TA0002', 'TA0011'] }
    return one.id === 'T1006' ? undefined : one
  },
  [fresh],
)

function file(name: string, value: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

async function run(name: string, ...words: string[]) {
  const command = attackCommands.find((one) => one.name === name)
  if (command === undefined) throw new Error(`no command ${name}`)
  let out = ''
  const code = await command.run(parseArguments(command, words), {
    out: (text) => {
      out += text
    },
    err: () => {},
    signal: new AbortController().signal,
  })
  return { code, out }
}

const bundle = file('enterprise.json', bundleOf(next, 'enterprise-attack', '19.0'))
const rules = file(
  'rules.yaml',
  [
    'emits: [T1033]',
    'tags: [attack.t1057, attack.t1059.001]',
    'a: xT1033',
    'b: T1082 T1105.001',
  ].join('\n'),
)

test('a release is compared by what became of each technique, and with who names it', async () => {
  const { code, out } = await run('attack diff', bundle, '--in', rules, '--json')
  const seen: unknown = JSON.parse(out)
  expect(seen).toEqual({
    from: '18.1',
    to: '19.0',
    domains: ['enterprise-attack'],
    added: [{ id: 'T1999', name: 'Something New', tactics: ['TA0002'] }],
    removed: [{ id: 'T1006', name: 'Direct Volume Access' }],
    revoked: [{ id: 'T1033', name: 'System Owner/User Discovery', by: 'T1082' }],
    deprecated: [{ id: 'T1057', name: 'Process Discovery' }],
    restored: [],
    renamed: [{ id: 'T1082', from: 'System Information Discovery', to: 'System Facts Discovery' }],
    moved: [
      { id: 'T1105', name: 'Ingress Tool Transfer', from: ['TA0011'], to: ['TA0002', 'TA0011'] },
    ],
    tactics: { added: [], removed: [], renamed: [] },
    uses: [
      { id: 'T1033', file: rules, line: 1 },
      { id: 'T1057', file: rules, line: 2 },
    ],
  })
  expect(code).toBe(1)
})

test('people are told the place under the technique, and of nothing when nothing changed', async () => {
  const { out } = await run('attack diff', bundle, '--in', rules)
  expect(out).toContain(
    `Revoked (1)\n  T1033 System Owner/User Discovery → T1082\n      ${rules}:1\n`,
  )
  expect(out).toContain('2 places name what was revoked')
  const same = file('same.json', bundleOf(pinned, 'enterprise-attack', '18.1'))
  const unchanged = await run('attack diff', same)
  expect(unchanged).toEqual({
    code: 0,
    out: 'ATT&CK 18.1 → 18.1, enterprise-attack\n\nNothing of ours names what was revoked, deprecated, removed or moved.\n',
  })
})

test('without folders the project is searched: its rules, their samples and its tests', async () => {
  const { out } = await run('attack diff', bundle, '--json')
  const { uses } = JSON.parse(out) as { uses: { id: string; file: string }[] }
  const files = uses.filter(({ id }) => id === 'T1033').map((use) => use.file)
  expect(files.some((path) => /^rules\/.*\.yaml$/.test(path))).toBe(true)
  expect(files.some((path) => path.endsWith('.test.ts'))).toBe(true)
  expect(files.some((path) => path.includes('node_modules'))).toBe(false)
})

test('an upgrade writes what can be pinned: bundles of the pinned release give the pinned file', async () => {
  const enterprise = file('e.json', bundleOf(pinned, 'enterprise-attack', '18.1'))
  const ics = file('i.json', bundleOf(pinned, 'ics-attack', '18.1'))
  const { code, out } = await run('attack upgrade', enterprise, ics, '--out', folder)
  expect(code).toBe(0)
  expect(out).toContain('let `pinnedFile` name attack-18.1.json')
  const written = attackFacts.parse(
    JSON.parse(readFileSync(join(folder, 'attack-18.1.json'), 'utf8')),
  )
  expect(sets(written)).toEqual(sets(pinned))
  await expect(run('attack upgrade', enterprise, ics, '--out', folder)).rejects.toThrow(
    'is there already',
  )
})

test('a domain without a bundle stays as it was pinned, its groups too', async () => {
  const ics = file('ics.json', bundleOf(pinned, 'ics-attack', '19.0'))
  const { code } = await run('attack upgrade', ics, '--out', folder, '--in', rules)
  expect(code).toBe(0)
  const written = attackFacts.parse(
    JSON.parse(readFileSync(join(folder, 'attack-19.0.json'), 'utf8')),
  )
  expect(written.release).toBe('19.0')
  expect(written.domains['enterprise-attack']).toEqual(pinned.domains['enterprise-attack'])
  const users = (facts: AttackFacts) => facts.groups.filter((group) => group.techniques.length > 0)
  expect(users(written)).toEqual(users(pinned))
  expect(users(written).length).toBeGreaterThan(100)
})

test('the pinned file is written as an upgrade writes it', () => {
  expect(formatFacts(pinned)).toBe(readFileSync(pinnedFile, 'utf8'))
})

/** The order of platforms and of what is no longer in use is not what a release is about. */
function sets(facts: AttackFacts) {
  const flat = (domain: 'enterprise-attack' | 'ics-attack') =>
    facts.domains[domain].techniques.map((one) => ({
      ...one,
      platforms: one.platforms.toSorted(),
      tactics: one.tactics.toSorted(),
    }))
  const inUse = new Set(
    (['enterprise-attack', 'ics-attack'] as const).flatMap((domain) =>
      facts.domains[domain].techniques
        .filter((one) => one.revoked !== true && one.deprecated !== true)
        .map(({ id }) => id),
    ),
  )
  return {
    ...facts,
    domains: { 'enterprise-attack': flat('enterprise-attack'), 'ics-attack': flat('ics-attack') },
    tactics: [facts.domains['enterprise-attack'].tactics, facts.domains['ics-attack'].tactics],
    groups: facts.groups.map((group) => ({
      ...group,
      techniques: group.techniques.filter((id) => inUse.has(id)).toSorted(),
    })),
  }
}

const wrong: readonly (readonly [string, unknown, string])[] = [
  ['text', '{ not json', 'is not JSON'],
  ['another object', { type: 'report' }, 'not a STIX bundle'],
  ['nothing in it', { type: 'bundle', objects: [] }, 'no technique (attack-pattern) is in it'],
  [
    'a technique twice',
    bundleOf(
      changed((one) => one, [{ ...fresh, id: 'T1059' }]),
      'enterprise-attack',
      '19.0',
    ),
    'technique T1059 is there twice',
  ],
  [
    'a sub-technique alone',
    bundleOf(
      changed((one) => one, [{ ...fresh, id: 'T1999.001' }]),
      'enterprise-attack',
      '19.0',
    ),
    'sub-technique T1999.001: its technique is missing',
  ],
  [
    'an id that is none',
    bundleOf(
      changed((one) => one, [{ ...fresh, id: 'X1' }]),
      'enterprise-attack',
      '19.0',
    ),
    'technique Something New: X1 is no technique id',
  ],
  ['no release', bundleOf(pinned, 'enterprise-attack'), 'give --release'],
  ['a release that is a path', bundleOf(pinned, 'enterprise-attack', '../../x'), 'is no release'],
]

test.each(wrong)('a bundle with %s is refused with what to do', async (_what, value, message) => {
  await expect(run('attack diff', file('wrong.json', value), '--in', rules)).rejects.toThrow(
    message,
  )
})

test('files and arguments that are missing are named', async () => {
  await expect(run('attack diff')).rejects.toThrow('Give a bundle')
  await expect(run('attack diff', join(folder, 'none.json'))).rejects.toThrow(
    'none.json is no file',
  )
  await expect(run('attack diff', bundle, bundle)).rejects.toThrow('give one a domain')
  await expect(run('attack diff', bundle, '--in', join(folder, 'none'))).rejects.toThrow(
    'is not there',
  )
})

test('a bundle with many mistakes tells of the first twenty', () => {
  const many = changed((one) => ({ ...one, name: '' }))
  const parsed = parseAttackBundle(bundleOf(many, 'enterprise-attack', '19.0'))
  expect(parsed.ok ? [] : parsed.problems).toHaveLength(21)
})
