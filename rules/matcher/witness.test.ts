import { expect, test } from 'vitest'
import { anyCharacter, type Node } from '../node.ts'
import { atomKey } from './atom.ts'
import { guessedRate } from './rarity.ts'
import { witnessOf } from './witness.ts'

function contains(field: string, value: string, isCased = false): Node {
  return { op: 'contains', field, value, isCased }
}

/** As `op field literal`; null where the tree must always be evaluated. */
function witness(node: Node): string[] | null {
  const found = witnessOf(node, guessedRate)
  return found === null ? null : found.atoms.map((atom) => atomKey(atom).replaceAll('\0', ' '))
}

const rare = contains('a', 'something rare')
const common = contains('b', 'e')
const missing: Node = { op: 'null', field: 'c' }
const not = (node: Node): Node => ({ op: 'not', node })

test('AND takes its rarest part, OR all of its parts', () => {
  expect(witness({ op: 'and', nodes: [common, rare] })).toEqual(['contains a something rare'])
  expect(witness({ op: 'or', nodes: [common, rare] })).toEqual([
    'contains a something rare',
    'contains b e',
  ])
})

test('at least k of n takes the n − k + 1 rarest', () => {
  const nodes = [common, rare, contains('c', 'rarer than rare')]
  expect(witness({ op: 'atleast', count: 2, nodes })).toEqual([
    'contains a something rare',
    'contains c rarer than rare',
  ])
  expect(witness({ op: 'atleast', count: 0, nodes })).toBe(null)
  expect(witness({ op: 'atleast', count: 4, nodes })).toEqual([])
})

test('NOT turns AND into OR, and what is not null is present', () => {
  expect(witness(not(missing))).toEqual(['present c'])
  expect(witness(not({ op: 'or', nodes: [rare, missing] }))).toEqual(['present c'])
  expect(witness(not({ op: 'and', nodes: [rare, missing] }))).toBe(null)
  expect(witness(not(not(rare)))).toEqual(['contains a something rare'])
  expect(witness(not(rare))).toBe(null)
  expect(witness(not({ op: 'present', field: 'a' }))).toBe(null)
})

test('an OR with a part that shows nothing shows nothing', () => {
  expect(witness({ op: 'or', nodes: [rare, missing] })).toBe(null)
  expect(witness({ op: 'and', nodes: [missing, rare] })).toEqual(['contains a something rare'])
})

test('a constant is always or never', () => {
  expect(witness({ op: 'constant', value: true })).toBe(null)
  expect(witness({ op: 'constant', value: false })).toEqual([])
  expect(witness(not({ op: 'constant', value: true }))).toEqual([])
})

test('a cased literal is looked for in lower case, beyond ASCII only by its ASCII runs', () => {
  expect(witness(contains('a', 'PowerShell', true))).toEqual(['contains a powershell'])
  // The lower case of ΟΔΟΣ ends with another sigma than that of Σ alone.
  expect(witness(contains('a', 'Σ', true))).toEqual(['present a'])
  expect(witness(contains('a', 'Net Σ', true))).toEqual(['contains a net '])
  expect(witness({ op: 'equals', field: 'a', value: 'ΟΔΟΣ-Exe', isCased: true })).toEqual([
    'contains a -exe',
  ])
})

test('a wildcard pattern is looked for by its rarest piece, at an end where it is anchored', () => {
  const glob = (segments: string[]): Node => ({
    op: 'glob',
    field: 'a',
    glob: { segments, isCased: false },
  })
  expect(witness(glob(['', 'x', `whoami${anyCharacter}priv`, '']))).toEqual(['contains a whoami'])
  expect(witness(glob(['', 'ab', '\\cmd.exe']))).toEqual(['contains a \\cmd.exe'])
  expect(witness(glob(['plain']))).toEqual(['equals a plain'])
  expect(witness(glob(['', '']))).toEqual(['present a'])
})

test('a regex is looked for by its rarest required literals, else by its field', () => {
  const regex = (pattern: string, field = 'a'): Node => ({ op: 'regex', field, pattern, flags: '' })
  expect(witness(regex('x.*(?:whoami|net user)'))).toEqual([
    'contains a whoami',
    'contains a net user',
  ])
  expect(witness(regex('[a-z]{8}'))).toEqual(['present a'])
  expect(witness(regex('x.*(?:whoami|net user)', ''))).toEqual([
    'keyword whoami',
    'keyword net user',
  ])
  expect(witness(regex('[a-z]{8}', ''))).toBe(null)
})

test('what looks at a value needs the value; a reference needs either', () => {
  expect(witness({ op: 'cidr', field: 'ip', network: '10.0.0.0/8' })).toEqual(['present ip'])
  expect(witness({ op: 'lt', field: 'n', value: 4 })).toEqual(['present n'])
  expect(witness({ op: 'boolean', field: 'b', value: true })).toEqual(['equals b true'])
  const how = 'equals' as const
  expect(witness({ op: 'fieldref', field: 'a', other: 'b', how, isCased: false })).toEqual([
    'present a',
  ])
})
