import { z } from 'zod'
import type { AttackFacts, Domain, DomainFacts } from './attack.ts'

/**
 * A STIX 2.1 bundle of ATT&CK as MITRE publishes it (`enterprise-attack.json`, `ics-attack.json`) → the facts
 * that a release is pinned by.
 *
 * Contract: one bundle is one domain. Ids, names and links are checked here, so that what comes out can
 * be pinned; other objects of the bundle are passed over.
 */
export interface AttackBundle {
  readonly domain: Domain
  /** Of the collection; undefined where the bundle does not name one. */
  readonly release: string | undefined
  readonly facts: DomainFacts
  readonly groups: AttackFacts['groups']
}

export type ParsedBundle =
  | { readonly ok: true; readonly value: AttackBundle }
  | { readonly ok: false; readonly problems: readonly string[] }

export const bundleObjectsMax = 200_000
const problemsMax = 20
const textMax = 1_000

const text = z.string().min(1).max(textMax)
const base = z.object({
  type: text,
  id: text,
  revoked: z.boolean().optional(),
  x_mitre_deprecated: z.boolean().optional(),
})
const named = base.extend({
  name: text,
  external_references: z
    .array(z.object({ source_name: z.string(), external_id: z.string().max(textMax).optional() }))
    .max(10_000),
})
const attackPattern = named.extend({
  kill_chain_phases: z
    .array(z.object({ kill_chain_name: z.string(), phase_name: text }))
    .max(100)
    .default([]),
  x_mitre_platforms: z.array(text).max(200).default([]),
})
const mitreTactic = named.extend({ x_mitre_shortname: text })
const intrusionSet = named.extend({ aliases: z.array(text).max(1_000).default([]) })
const relationship = base.extend({ relationship_type: text, source_ref: text, target_ref: text })
const matrix = base.extend({ tactic_refs: z.array(text).max(100) })
const collection = base.extend({ x_mitre_version: text })
const envelope = z.object({
  type: z.literal('bundle'),
  objects: z.array(z.looseObject({ type: z.string() })).max(bundleObjectsMax),
})

type Pattern = z.output<typeof attackPattern>

const chains: Readonly<Record<Domain, string>> = {
  'enterprise-attack': 'mitre-attack',
  'ics-attack': 'mitre-ics-attack',
}
const techniqueId = /^T\d{4}(?:\.\d{3})?$/
const tacticId = /^TA\d{4}$/
const groupId = /^G\d{4}$/

export function parseAttackBundle(input: unknown): ParsedBundle {
  const bundle = envelope.safeParse(input)
  if (!bundle.success) {
    return refused([
      'not a STIX bundle: it needs `"type": "bundle"` and a list of objects, each with a type',
    ])
  }
  const { objects } = bundle.data
  const problems: string[] = []
  const read = <T>(type: string, schema: z.ZodType<T>): T[] =>
    objects
      .filter((object) => object.type === type)
      .flatMap((object) => {
        const result = schema.safeParse(object)
        if (result.success) return [result.data]
        const [issue] = result.error.issues
        problems.push(
          `${type} ${String(object['id'])}: ${issue?.path.join('.')}: ${issue?.message}`,
        )
        return []
      })
  const patterns = read('attack-pattern', attackPattern)
  const tactics = read('x-mitre-tactic', mitreTactic)
  const groups = read('intrusion-set', intrusionSet)
  const links = read('relationship', relationship)
  const matrices = read('x-mitre-matrix', matrix)
  const [release] = read('x-mitre-collection', collection)
  if (patterns.length === 0) problems.push('no technique (attack-pattern) is in it')
  if (tactics.length === 0) problems.push('no tactic (x-mitre-tactic) is in it')
  const domain = domainOf(patterns)
  if (domain === undefined)
    problems.push('it is of neither Enterprise nor ICS: no technique has their kill chain')
  if (problems.length > 0 || domain === undefined) return refused(problems)
  const order = new Map(matrices.flatMap((one) => one.tactic_refs).map((ref, rank) => [ref, rank]))
  const facts = {
    tactics: tactics
      .toSorted((a, b) => (order.get(a.id) ?? 1e3) - (order.get(b.id) ?? 1e3))
      .map((one) => ({ id: externalId(one), shortname: one.x_mitre_shortname, name: one.name })),
    techniques: techniquesOf(patterns, tactics, links, chains[domain], problems),
  }
  for (const { id, name } of facts.tactics) {
    if (!tacticId.test(id)) problems.push(`tactic ${name}: ${id || 'none'} is no tactic id`)
  }
  const value = {
    domain,
    release: release?.x_mitre_version,
    facts,
    groups: groupsOf(groups, patterns, links),
  }
  return problems.length > 0 ? refused(problems) : { ok: true, value }
}

function techniquesOf(
  patterns: readonly Pattern[],
  tactics: readonly z.output<typeof mitreTactic>[],
  links: readonly z.output<typeof relationship>[],
  chain: string,
  problems: string[],
): DomainFacts['techniques'] {
  const idOf = new Map(patterns.map((pattern) => [pattern.id, externalId(pattern)]))
  const tacticOf = new Map(tactics.map((one) => [one.x_mitre_shortname, externalId(one)]))
  const revokedBy = new Map(
    links
      .filter(({ relationship_type }) => relationship_type === 'revoked-by')
      .map(({ source_ref, target_ref }) => [source_ref, idOf.get(target_ref)]),
  )
  const seen = new Set<string>()
  const techniques = patterns.map((pattern) => {
    const id = externalId(pattern)
    if (!techniqueId.test(id))
      problems.push(`technique ${pattern.name}: ${id || 'none'} is no technique id`)
    if (seen.has(id)) problems.push(`technique ${id} is there twice`)
    seen.add(id)
    const phases = pattern.kill_chain_phases.filter((phase) => phase.kill_chain_name === chain)
    const by = revokedBy.get(pattern.id)
    const isActive = pattern.revoked !== true && pattern.x_mitre_deprecated !== true
    return {
      id,
      name: pattern.name,
      tactics: phases.flatMap(({ phase_name }) => {
        const tactic = tacticOf.get(phase_name)
        // An old technique may name a tactic that is no more.
        if (tactic === undefined && isActive)
          problems.push(`technique ${id}: no tactic is called ${phase_name}`)
        return tactic ?? []
      }),
      platforms: pattern.x_mitre_platforms.toSorted(),
      stix_id: pattern.id,
      ...(pattern.revoked === true ? { revoked: true } : {}),
      ...(pattern.revoked === true && by !== undefined ? { revoked_by: by } : {}),
      ...(pattern.x_mitre_deprecated === true ? { deprecated: true } : {}),
    }
  })
  for (const { id } of techniques) {
    if (id.includes('.') && !seen.has(id.slice(0, 5)))
      problems.push(`sub-technique ${id}: its technique is missing`)
  }
  return techniques.toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** Groups in use, with the techniques in use that they are reported to use. */
function groupsOf(
  groups: readonly z.output<typeof intrusionSet>[],
  patterns: readonly Pattern[],
  links: readonly z.output<typeof relationship>[],
): AttackFacts['groups'] {
  const inUse = (one: z.output<typeof base>) =>
    one.revoked !== true && one.x_mitre_deprecated !== true
  const idOf = new Map(patterns.filter(inUse).map((pattern) => [pattern.id, externalId(pattern)]))
  const used = new Map<string, Set<string>>()
  for (const { relationship_type, source_ref, target_ref, ...link } of links) {
    const technique = idOf.get(target_ref)
    if (relationship_type !== 'uses' || technique === undefined || !inUse(link)) continue
    const techniques = used.get(source_ref) ?? new Set()
    used.set(source_ref, techniques.add(technique))
  }
  return groups
    .filter((group) => inUse(group) && groupId.test(externalId(group)))
    .map((group) => ({
      id: externalId(group),
      name: group.name,
      aliases: group.aliases.filter((alias) => alias !== group.name),
      techniques: [...(used.get(group.id) ?? [])].toSorted(),
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

/** The domain whose kill chain most techniques are in. */
function domainOf(patterns: readonly Pattern[]): Domain | undefined {
  const count = (domain: Domain) =>
    patterns.filter((pattern) =>
      pattern.kill_chain_phases.some((phase) => phase.kill_chain_name === chains[domain]),
    ).length
  const enterprise = count('enterprise-attack')
  const ics = count('ics-attack')
  if (enterprise + ics === 0) return undefined
  return enterprise >= ics ? 'enterprise-attack' : 'ics-attack'
}

/** The id that MITRE gave it, such as T1059; '' if none. */
function externalId({ external_references }: z.output<typeof named>): string {
  const own = external_references.find(({ source_name }) =>
    /^mitre-(?:ics-)?attack$/.test(source_name),
  )
  return own?.external_id ?? ''
}

function refused(problems: readonly string[]): ParsedBundle {
  const more = problems.length - problemsMax
  const shown = problems.slice(0, problemsMax)
  return { ok: false, problems: more > 0 ? [...shown, `… and ${more} more`] : shown }
}
