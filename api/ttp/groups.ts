import { createRoute, z } from '@hono/zod-openapi'
import { techniqueId } from '../parameters.ts'
import { notFound } from '../problem.ts'
import { json, type Resource } from '../resource.ts'
import { techniqueUrl } from './rollup.ts'

const groupsOf = z
  .object({
    technique_id: z.string(),
    technique_name: z.string(),
    url: z.string().nullable(),
    attack_release: z.string(),
    note: z.string(),
    groups: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        aliases: z.array(z.string()),
        techniques: z.int().openapi({ description: 'How many techniques ATT&CK reports of it.' }),
        url: z.string(),
      }),
    ),
  })
  .openapi('TechniqueGroups')

const note = 'Groups that ATT&CK reports to use this technique. Not an attribution.'

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/techniques/{id}/groups',
  tags: ['ttp'],
  summary: 'Groups known to use a technique',
  description:
    'From the pinned ATT&CK release, for exactly this technique or sub-technique. That a group is ' +
    'known for a technique does not attribute a tag to it.',
  request: { params: z.strictObject({ id: techniqueId }) },
  responses: {
    200: json(groupsOf, 'The technique and its groups.', {
      technique_id: 'T1059.001',
      technique_name: 'PowerShell',
      url: 'https://attack.mitre.org/techniques/T1059/001/',
      attack_release: '18.1',
      note,
      groups: [
        {
          id: 'G0016',
          name: 'APT29',
          aliases: ['Cozy Bear'],
          techniques: 100,
          url: 'https://attack.mitre.org/groups/G0016/',
        },
      ],
    }),
  },
})

export const groups: Resource = (app, { attack }) => {
  app.openapi(route, (c) => {
    const { id } = c.req.valid('param')
    const technique = attack.technique(id)
    if (technique === undefined) throw notFound(`Technique ${id} of ATT&CK ${attack.release}`)
    return c.json(
      {
        technique_id: id,
        technique_name: technique.name,
        url: techniqueUrl(id, attack),
        attack_release: attack.release,
        note,
        groups: attack.groups(id).map((group) => ({
          id: group.id,
          name: group.name,
          aliases: [...group.aliases],
          techniques: group.techniques.length,
          url: `https://attack.mitre.org/groups/${group.id}/`,
        })),
      },
      200,
    )
  })
}
