import { z } from '@hono/zod-openapi'
import type { Attack, Domain } from '../../schemas/attack.ts'
import { type TechniqueRow, techniqueUrl } from './rollup.ts'

/**
 * An ATT&CK Navigator layer, format 4.5. A technique is scored once per tactic it was seen under; a
 * parent whose sub-techniques were seen is opened, scored only if it was seen itself. Techniques that
 * the release does not have cannot be drawn; they are named in the layer's metadata.
 */

const color = z.string().regex(/^#[0-9a-f]{6}([0-9a-f]{2})?$/)
const metadata = z.array(z.strictObject({ name: z.string(), value: z.string() }))
const links = z.array(z.strictObject({ label: z.string(), url: z.url() }))

export const layer = z
  .strictObject({
    name: z.string(),
    versions: z.strictObject({
      attack: z.string(),
      navigator: z.string(),
      layer: z.literal('4.5'),
    }),
    domain: z.enum(['enterprise-attack', 'ics-attack']),
    description: z.string(),
    sorting: z.int().min(0).max(3),
    layout: z.strictObject({
      layout: z.enum(['side', 'flat', 'mini']),
      showID: z.boolean(),
      showName: z.boolean(),
      showAggregateScores: z.boolean(),
      countUnscored: z.boolean(),
      aggregateFunction: z.enum(['average', 'min', 'max', 'sum']),
      expandedSubtechniques: z.enum(['none', 'annotated', 'all']),
    }),
    hideDisabled: z.boolean(),
    techniques: z.array(
      z.strictObject({
        techniqueID: z.string().regex(/^T\d{4}(\.\d{3})?$/),
        tactic: z.string(),
        score: z.number().optional(),
        comment: z.string().optional(),
        enabled: z.boolean(),
        metadata: metadata.optional(),
        links: links.optional(),
        showSubtechniques: z.boolean(),
      }),
    ),
    gradient: z.strictObject({
      colors: z.array(color).min(2),
      minValue: z.number(),
      maxValue: z.number(),
    }),
    legendItems: z.array(z.strictObject({ label: z.string(), color })),
    showTacticRowBackground: z.boolean(),
    tacticRowBackground: color,
    selectTechniquesAcrossTactics: z.boolean(),
    selectSubtechniquesWithParent: z.boolean(),
    selectVisibleTechniques: z.boolean(),
    metadata,
  })
  .openapi('NavigatorLayer')

export type Layer = z.infer<typeof layer>
type LayerTechnique = Layer['techniques'][number]

export type Score = 'confidence' | 'count'

export interface LayerOptions {
  readonly name: string
  readonly description: string
  readonly domain: Domain
  readonly score: Score
}

const colors = ['#fff7bc', '#fec44f', '#d95f0e']
/** The Navigator's release that reads this format with every member used here. */
const navigatorVersion = '5.1.0'

export function toLayer(
  rows: readonly TechniqueRow[],
  attack: Attack,
  options: LayerOptions,
): Layer {
  const techniques = new Map<string, LayerTechnique>()
  const leftOut = new Set<string>()
  let scoreMax = 1
  for (const row of rows) {
    const id = row.sub_technique_id === '' ? row.technique_id : row.sub_technique_id
    const technique = attack.technique(id)
    const tactic = attack.tactic(row.tactic, options.domain)?.shortname
    // The other domain's techniques are no loss: they have a layer of their own.
    if (technique !== undefined && technique.domain !== options.domain) continue
    if (technique === undefined || technique.isRevoked || tactic === undefined) {
      leftOut.add(id)
      continue
    }
    const score = options.score === 'count' ? row.count : Math.round(row.confidence_max * 100)
    scoreMax = Math.max(scoreMax, score)
    const isOpen = techniques.get(`${id} ${tactic}`)?.showSubtechniques ?? false
    techniques.set(`${id} ${tactic}`, {
      ...scored(row, id, tactic, score, attack),
      showSubtechniques: isOpen,
    })
    if (technique.parentId !== undefined) openParent(techniques, technique.parentId, tactic)
  }
  return {
    ...frame(attack, options, options.score === 'count' ? scoreMax : 100),
    techniques: [...techniques.values()].toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1)),
    metadata: [
      { name: 'made by', value: 'ttpstream' },
      { name: 'score', value: options.score },
      ...(leftOut.size === 0
        ? []
        : [{ name: `not in ATT&CK ${attack.release}`, value: [...leftOut].toSorted().join(', ') }]),
    ],
  }
}

function scored(
  row: TechniqueRow,
  id: string,
  tactic: string,
  score: number,
  attack: Attack,
): Omit<LayerTechnique, 'showSubtechniques'> {
  const url = techniqueUrl(id, attack)
  return {
    techniqueID: id,
    tactic,
    score,
    comment: `${row.count} tags, ${row.first_seen} to ${row.last_seen}`,
    enabled: true,
    metadata: [
      { name: 'tags', value: String(row.count) },
      { name: 'first seen', value: row.first_seen },
      { name: 'last seen', value: row.last_seen },
      { name: 'confidence', value: String(row.confidence_max) },
    ],
    ...(url === null ? {} : { links: [{ label: 'ATT&CK', url }] }),
  }
}

function openParent(techniques: Map<string, LayerTechnique>, id: string, tactic: string): void {
  const key = `${id} ${tactic}`
  const parent = techniques.get(key) ?? { techniqueID: id, tactic, enabled: true }
  techniques.set(key, { ...parent, showSubtechniques: true })
}

function orderOf(technique: LayerTechnique): string {
  return `${technique.techniqueID} ${technique.tactic}`
}

function frame(attack: Attack, options: LayerOptions, scoreMax: number) {
  const [lowest = '', , highest = ''] = colors
  const unit = options.score === 'count' ? 'tags' : '% confidence'
  return {
    name: options.name,
    versions: {
      // The Navigator knows ATT&CK by its major release.
      attack: attack.release.split('.')[0] ?? attack.release,
      navigator: navigatorVersion,
      layer: '4.5' as const,
    },
    domain: options.domain,
    description: options.description,
    sorting: 3,
    layout: {
      layout: 'side' as const,
      showID: true,
      showName: true,
      showAggregateScores: false,
      countUnscored: false,
      aggregateFunction: 'max' as const,
      expandedSubtechniques: 'annotated' as const,
    },
    hideDisabled: false,
    gradient: { colors: [...colors], minValue: 0, maxValue: scoreMax },
    legendItems: [
      { label: `lowest: 0 ${unit}`, color: lowest },
      { label: `highest: ${scoreMax} ${unit}`, color: highest },
    ],
    showTacticRowBackground: false,
    tacticRowBackground: '#dddddd',
    selectTechniquesAcrossTactics: false,
    selectSubtechniquesWithParent: false,
    selectVisibleTechniques: false,
  }
}
