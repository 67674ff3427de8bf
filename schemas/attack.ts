import { readFileSync } from 'node:fs'
import { z } from 'zod'

/**
 * The pinned ATT&CK release: which techniques, tactics and groups exist, and which belong together.
 *
 * Contract:
 * - One release per build; every tag names it. Ids are unique across domains (T1… and T0…, TA…).
 * - Tactics come in the order of the catalogue's matrix, never in the order a technique lists them.
 * - Revoked and deprecated techniques are found, and say that they are.
 */

export type Domain = 'enterprise-attack' | 'ics-attack'

export interface Tactic {
  readonly id: string
  readonly shortname: string
  readonly name: string
  readonly domain: Domain
}

export interface Technique {
  /** `Tnnnn` or `Tnnnn.nnn`. */
  readonly id: string
  readonly name: string
  /** Tactic ids in catalogue order. */
  readonly tactics: readonly string[]
  /** Of a sub-technique. */
  readonly parentId?: string
  readonly isRevoked: boolean
  readonly revokedBy?: string
  readonly isDeprecated: boolean
  readonly domain: Domain
  readonly platforms: readonly string[]
  /** MITRE's own `attack-pattern--…`. */
  readonly stixId: string
}

export interface Group {
  /** `Gnnnn`. */
  readonly id: string
  readonly name: string
  readonly aliases: readonly string[]
  readonly techniques: readonly string[]
}

export interface Attack {
  readonly release: string
  technique(id: string): Technique | undefined
  /** Follows `revokedBy` to a technique that is not revoked; undefined when there is none. */
  current(id: string): Technique | undefined
  /** By id, or by shortname; a shortname that two domains share means the enterprise tactic. */
  tactic(idOrShortname: string, domain?: Domain): Tactic | undefined
  /** Matrix order, enterprise first. */
  tactics(domain?: Domain): readonly Tactic[]
  /** All, revoked and deprecated ones too. */
  techniques(domain?: Domain): readonly Technique[]
  /** Groups that ATT&CK reports to use exactly this technique, by id. Not an attribution. */
  groups(techniqueId: string): readonly Group[]
}

/** The release this build pins. Read and checked once, on first use. */
export function loadAttack(): Attack {
  pinned ??= buildAttack(readPinned())
  return pinned
}

/** The pinned release as it is written down. Throws where the file is not what it should be. */
export function readPinned(): AttackFacts {
  return attackFacts.parse(JSON.parse(readFileSync(pinnedFile, 'utf8')))
}

let pinned: Attack | undefined
export const pinnedFile = new URL('./attack/attack-18.1.json', import.meta.url)

const domainFacts = z.object({
  tactics: z.array(z.object({ id: z.string(), shortname: z.string(), name: z.string() })),
  techniques: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      tactics: z.array(z.string()),
      platforms: z.array(z.string()),
      stix_id: z.string(),
      revoked: z.boolean().optional(),
      revoked_by: z.string().optional(),
      deprecated: z.boolean().optional(),
    }),
  ),
})

export const attackFacts = z.object({
  release: z.string(),
  domains: z.object({ 'enterprise-attack': domainFacts, 'ics-attack': domainFacts }),
  groups: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      aliases: z.array(z.string()),
      techniques: z.array(z.string()),
    }),
  ),
})

export type AttackFacts = z.output<typeof attackFacts>
export type DomainFacts = z.output<typeof domainFacts>

export const domains = ['enterprise-attack', 'ics-attack'] as const
/** Longest chain of revocations in 18.1 is 2. */
const revocationsMax = 8

export function buildAttack(facts: AttackFacts): Attack {
  const tactics: Tactic[] = []
  const techniques: Technique[] = []
  for (const domain of domains) {
    tactics.push(...facts.domains[domain].tactics.map((tactic) => ({ ...tactic, domain })))
  }
  const rank = new Map(tactics.map((tactic, index) => [tactic.id, index]))
  for (const domain of domains) {
    for (const entry of facts.domains[domain].techniques) {
      const parentId = entry.id.includes('.') ? entry.id.slice(0, entry.id.indexOf('.')) : undefined
      techniques.push({
        id: entry.id,
        name: entry.name,
        tactics: entry.tactics.toSorted((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)),
        ...(parentId === undefined ? {} : { parentId }),
        isRevoked: entry.revoked ?? false,
        ...(entry.revoked_by === undefined ? {} : { revokedBy: entry.revoked_by }),
        isDeprecated: entry.deprecated ?? false,
        domain,
        platforms: entry.platforms,
        stixId: entry.stix_id,
      })
    }
  }
  return indexed(facts.release, tactics, techniques, facts.groups)
}

function indexed(
  release: string,
  tactics: readonly Tactic[],
  techniques: readonly Technique[],
  groups: readonly Group[],
): Attack {
  const techniqueById = new Map(techniques.map((technique) => [technique.id, technique]))
  const groupsByTechnique = new Map<string, Group[]>()
  for (const group of groups.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    for (const id of group.techniques) {
      const users = groupsByTechnique.get(id)
      if (users === undefined) groupsByTechnique.set(id, [group])
      else users.push(group)
    }
  }
  return {
    release,
    technique: (id) => techniqueById.get(id),
    current(id) {
      let technique = techniqueById.get(id)
      for (let step = 0; technique?.isRevoked && step < revocationsMax; step++) {
        technique = techniqueById.get(technique.revokedBy ?? '')
      }
      return technique?.isRevoked ? undefined : technique
    },
    tactic: (key, domain) =>
      tactics.find(
        (tactic) =>
          (tactic.id === key || tactic.shortname === key) &&
          (domain === undefined || tactic.domain === domain),
      ),
    tactics: (domain) =>
      domain === undefined ? tactics : tactics.filter((tactic) => tactic.domain === domain),
    techniques: (domain) =>
      domain === undefined
        ? techniques
        : techniques.filter((technique) => technique.domain === domain),
    groups: (techniqueId) => groupsByTechnique.get(techniqueId) ?? [],
  }
}
