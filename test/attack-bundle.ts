import type { AttackFacts, Domain } from '../schemas/attack.ts'

/** A STIX bundle as MITRE writes one, made of facts: what a test changes in them is what the bundle says. */
export function bundleOf(facts: AttackFacts, domain: Domain, release?: string): object {
  const { tactics, techniques } = facts.domains[domain]
  const chain = domain === 'ics-attack' ? 'mitre-ics-attack' : 'mitre-attack'
  const reference = (id: string) => [
    { source_name: 'mitre-attack', external_id: id, url: 'https://attack.mitre.org' },
    { source_name: 'another', external_id: 'T0000' },
  ]
  const shortnames = new Map(tactics.map(({ id, shortname }) => [id, shortname]))
  const stixIds = new Map(techniques.map((technique) => [technique.id, technique.stix_id]))
  const link = (relationship_type: string, source_ref: string, target_ref: string) => ({
    type: 'relationship',
    id: `relationship--${source_ref}-${target_ref}`,
    relationship_type,
    source_ref,
    target_ref,
  })
  const objects = [
    ...(release === undefined
      ? []
      : [{ type: 'x-mitre-collection', id: 'x-mitre-collection--1', x_mitre_version: release }]),
    {
      type: 'x-mitre-matrix',
      id: 'x-mitre-matrix--1',
      tactic_refs: tactics.map(({ id }) => `x-mitre-tactic--${id}`),
    },
    // Not in the order of the matrix.
    ...tactics.toReversed().map(({ id, shortname, name }) => ({
      type: 'x-mitre-tactic',
      id: `x-mitre-tactic--${id}`,
      name,
      x_mitre_shortname: shortname,
      external_references: reference(id),
    })),
    ...techniques.map((technique) => ({
      type: 'attack-pattern',
      id: technique.stix_id,
      name: technique.name,
      description: 'x'.repeat(10),
      revoked: technique.revoked === true,
      ...(technique.deprecated === true ? { x_mitre_deprecated: true } : {}),
      x_mitre_platforms: technique.platforms,
      kill_chain_phases: technique.tactics.map((tactic) => ({
        kill_chain_name: chain,
        phase_name: shortnames.get(tactic),
      })),
      external_references: reference(technique.id),
    })),
    ...techniques.flatMap(({ stix_id, revoked_by }) =>
      revoked_by === undefined ? [] : [link('revoked-by', stix_id, stixIds.get(revoked_by) ?? '')],
    ),
    ...facts.groups.flatMap(({ id, name, aliases, techniques: used }) => [
      {
        type: 'intrusion-set',
        id: `intrusion-set--${id}`,
        name,
        aliases: [name, ...aliases],
        external_references: reference(id),
      },
      ...used.flatMap((of) => {
        const target = stixIds.get(of)
        return target === undefined ? [] : [link('uses', `intrusion-set--${id}`, target)]
      }),
    ]),
    { type: 'marking-definition', id: 'marking-definition--1' },
  ]
  return { type: 'bundle', id: 'bundle--1', objects }
}
