import { expect, test } from 'vitest'
import { loadAttack } from '../../schemas/attack.ts'
import { type LayerOptions, layer, toLayer } from './navigator-layer.ts'
import type { TechniqueRow } from './rollup.ts'

const attack = loadAttack()
const fleet: LayerOptions = {
  name: 'ttpstream: fleet',
  description: 'all',
  domain: 'enterprise-attack',
  score: 'confidence',
}

function row(technique: string, sub: string, tactic: string, count: number): TechniqueRow {
  return {
    technique_id: technique,
    sub_technique_id: sub,
    tactic,
    count,
    first_seen: '2026-11-01T00:00:00.000Z',
    last_seen: '2026-11-20T00:00:00.000Z',
    confidence_max: 0.55,
  }
}

const rows = [
  row('T1059', 'T1059.001', 'TA0002', 7),
  row('T1059', '', 'TA0002', 2),
  row('T1078', 'T1078.003', 'TA0005', 3),
  row('T0843', '', 'TA0109', 1),
  row('T9999', '', 'TA0002', 4),
]

/** What the format's description demands and a schema of types does not say. */
test('a layer names only techniques of its release, under tactics they have, once each', () => {
  const drawn = toLayer(rows, attack, fleet)
  expect(layer.parse(drawn)).toEqual(drawn)
  expect(drawn.versions).toEqual({ attack: '18', navigator: '5.1.0', layer: '4.5' })
  expect(drawn.gradient.minValue).toBeLessThan(drawn.gradient.maxValue)
  const places = drawn.techniques.map(({ techniqueID, tactic }) => `${techniqueID} ${tactic}`)
  expect(new Set(places).size).toBe(places.length)
  for (const { techniqueID, tactic, score } of drawn.techniques) {
    const technique = attack.technique(techniqueID)
    const shortnames = technique?.tactics.map((id) => attack.tactic(id)?.shortname)
    expect(shortnames).toContain(tactic)
    if (score !== undefined) expect(score).toBeLessThanOrEqual(drawn.gradient.maxValue)
  }
})

test('sub-techniques are scored themselves and their parents opened', () => {
  const drawn = toLayer(rows, attack, fleet)
  const found = Object.fromEntries(
    drawn.techniques.map(({ techniqueID, score, showSubtechniques }) => [
      techniqueID,
      { score, showSubtechniques },
    ]),
  )
  expect(found).toEqual({
    T1059: { score: 55, showSubtechniques: true },
    'T1059.001': { score: 55, showSubtechniques: false },
    T1078: { score: undefined, showSubtechniques: true },
    'T1078.003': { score: 55, showSubtechniques: false },
  })
})

test('a score by count spans the gradient up to the largest count', () => {
  const drawn = toLayer(rows, attack, { ...fleet, score: 'count' })
  expect(drawn.gradient).toMatchObject({ minValue: 0, maxValue: 7 })
  expect(drawn.legendItems.at(-1)?.label).toBe('highest: 7 tags')
})

test('the other domain has a layer of its own, and what no release knows is named', () => {
  const enterprise = toLayer(rows, attack, fleet)
  expect(enterprise.metadata).toContainEqual({ name: 'not in ATT&CK 18.1', value: 'T9999' })
  const ics = toLayer(rows, attack, { ...fleet, domain: 'ics-attack' })
  expect(ics.techniques.map(({ techniqueID }) => techniqueID)).toEqual(['T0843'])
  expect(layer.parse(ics)).toEqual(ics)
})

test('an empty layer is still a valid one', () => {
  const drawn = toLayer([], attack, { ...fleet, score: 'count' })
  expect(layer.parse(drawn).gradient.maxValue).toBe(1)
})
