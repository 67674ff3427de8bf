import { createRoute, z } from '@hono/zod-openapi'
import { at, id, minConfidence, range, versions } from '../parameters.ts'
import { problemSpec } from '../problem.ts'
import { json, type Resource, type Services } from '../resource.ts'
import { type Layer, layer, toLayer } from './navigator-layer.ts'
import { type Anchor, anchorRows, fleetRows, type TagWindow, type TechniqueRow } from './rollup.ts'

const query = z
  .strictObject({
    identity: id('Only the tags of this identity.', 'actor-7').optional(),
    at,
    domain: z.enum(['enterprise-attack', 'ics-attack']).default('enterprise-attack').openapi({
      description: 'A layer holds one domain.',
      example: 'enterprise-attack',
    }),
    score: z.enum(['confidence', 'count']).default('confidence').openapi({
      description: 'What colours a technique: its highest confidence in percent, or its tags.',
      example: 'confidence',
    }),
    attacker: id('Only the tags of this attacker.', '203.0.113.9').optional(),
    session: id('Only the tags of this session.', 'd051258efd62').optional(),
    ...range,
    min_confidence: minConfidence,
    versions,
  })
  .refine(
    ({ identity, attacker, session }) =>
      [identity, attacker, session].filter((one) => one !== undefined).length <= 1,
    { path: ['identity'], message: 'give at most one of identity, attacker and session' },
  )

const example: Layer = {
  name: 'ttpstream: fleet',
  versions: { attack: '18', navigator: '5.1.0', layer: '4.5' },
  domain: 'enterprise-attack',
  description: 'Techniques seen, ATT&CK 18.1.',
  sorting: 3,
  layout: {
    layout: 'side',
    showID: true,
    showName: true,
    showAggregateScores: false,
    countUnscored: false,
    aggregateFunction: 'max',
    expandedSubtechniques: 'annotated',
  },
  hideDisabled: false,
  techniques: [
    {
      techniqueID: 'T1105',
      tactic: 'command-and-control',
      score: 80,
      comment: '42 tags, 2026-11-02T08:15:00.000Z to 2026-11-20T10:41:07.123Z',
      enabled: true,
      metadata: [{ name: 'tags', value: '42' }],
      links: [{ label: 'ATT&CK', url: 'https://attack.mitre.org/techniques/T1105/' }],
      showSubtechniques: false,
    },
  ],
  gradient: { colors: ['#fff7bc', '#fec44f', '#d95f0e'], minValue: 0, maxValue: 100 },
  legendItems: [{ label: 'highest: 100 % confidence', color: '#d95f0e' }],
  showTacticRowBackground: false,
  tacticRowBackground: '#dddddd',
  selectTechniquesAcrossTactics: false,
  selectSubtechniquesWithParent: false,
  selectVisibleTechniques: false,
  metadata: [{ name: 'made by', value: 'ttpstream' }],
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/export/navigator',
  tags: ['ttp'],
  summary: 'A layer for the ATT&CK Navigator',
  description:
    'Layer format 4.5 of the pinned ATT&CK release: everyone, or one identity, attacker or session; ' +
    'as of an instant, or within a range. Open it in the Navigator as it is.',
  request: { query },
  responses: { 200: json(layer, 'One layer.', example), 404: problemSpec('not-found') },
})

export const navigator: Resource = (app, services) => {
  app.openapi(route, async (c) => {
    const asked = c.req.valid('query')
    const { attack } = services
    const { rows, subject } = await select(services, asked)
    const drawn = toLayer(rows, attack, {
      name: `ttpstream: ${subject}`,
      description: `Techniques seen, ATT&CK ${attack.release}.`,
      domain: asked.domain,
      score: asked.score,
    })
    return c.json(drawn, 200, {
      'Content-Disposition': 'attachment; filename="ttpstream-layer.json"',
    })
  })
}

type Asked = z.output<typeof query>

async function select(
  services: Services,
  asked: Asked,
): Promise<{ rows: readonly TechniqueRow[]; subject: string }> {
  const window = windowOf(asked)
  const anchor = anchorOf(asked)
  if (anchor === undefined) return { rows: await fleetRows(services, window), subject: 'fleet' }
  const [name, value] = anchor
  return { rows: await anchorRows(services, name, value, window), subject: `${name} ${value}` }
}

function anchorOf({ identity, attacker, session }: Asked): [Anchor, string] | undefined {
  if (identity !== undefined) return ['identity', identity]
  if (attacker !== undefined) return ['attacker', attacker]
  return session === undefined ? undefined : ['session', session]
}

/** As of an instant: what had happened by then, itself included to the millisecond. */
function windowOf(asked: Asked): TagWindow {
  const until = asked.at === undefined ? asked.to : Math.min(asked.at + 0.001, asked.to ?? Infinity)
  const { from, min_confidence, versions } = asked
  return { from, to: until, min_confidence, versions }
}
