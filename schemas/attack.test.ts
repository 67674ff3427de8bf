import { expect, test } from 'vitest'
import { loadAttack } from './attack.ts'

const attack = loadAttack()

test('release 18.1 has 691 active enterprise techniques under 14 tactics, and 12 ICS tactics', () => {
  expect(attack.release).toBe('18.1')
  expect(attack.tactics('enterprise-attack')).toHaveLength(14)
  expect(attack.tactics('ics-attack')).toHaveLength(12)
  const active = attack
    .techniques('enterprise-attack')
    .filter((technique) => !technique.isRevoked && !technique.isDeprecated)
  expect(active).toHaveLength(691)
})

test('a technique lists its tactics in matrix order', () => {
  expect(attack.technique('T1078')?.tactics).toEqual(['TA0001', 'TA0003', 'TA0004', 'TA0005'])
  const order = attack.tactics().map((tactic) => tactic.id)
  for (const technique of attack.techniques()) {
    const ranks = technique.tactics.map((id) => order.indexOf(id))
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b))
    expect(ranks).not.toContain(-1)
  }
})

test('a sub-technique knows its parent, a parent has none', () => {
  expect(attack.technique('T1003.006')?.parentId).toBe('T1003')
  expect(attack.technique('T1003')?.parentId).toBeUndefined()
  for (const { parentId } of attack.techniques()) {
    if (parentId !== undefined) expect(attack.technique(parentId)).toBeDefined()
  }
})

test('a revoked technique leads to the one that replaced it, through several revocations', () => {
  expect(attack.technique('T1002')).toMatchObject({ isRevoked: true, revokedBy: 'T1560' })
  expect(attack.current('T1002')?.id).toBe('T1560')
  expect(attack.current('T1073')?.id).toBe('T1574.001')
  expect(attack.current('T9999')).toBeUndefined()
})

test('a tactic is found by id and by shortname, and a shared shortname means enterprise', () => {
  expect(attack.tactic('TA0006')?.name).toBe('Credential Access')
  expect(attack.tactic('impact')?.id).toBe('TA0040')
  expect(attack.tactic('impact', 'ics-attack')?.id).toBe('TA0105')
  expect(attack.tactic('stealth')).toBeUndefined()
})

test('groups are those of exactly the technique, by id', () => {
  const groups = attack.groups('T1003.006')
  expect(groups.length).toBeGreaterThan(3)
  expect(groups.map((group) => group.id)).toEqual(groups.map((group) => group.id).toSorted())
  expect(groups.every((group) => group.techniques.includes('T1003.006'))).toBe(true)
  expect(attack.groups('T9999')).toEqual([])
})
