import type { Attack, Domain, Technique } from '../../schemas/attack.ts'
import { tacticAliases } from './taxonomy.ts'

/** What the pinned release makes of a technique that someone else named. */
export interface ResolvedTechnique {
  /** Parent, `Tnnnn`. */
  readonly techniqueId: string
  /** Full `Tnnnn.nnn`, or ''. */
  readonly subTechniqueId: string
  /** In catalogue order; [] when the release does not know it. */
  readonly tactics: readonly string[]
  readonly inRelease: boolean
  /** What is odd about it, for a warning. */
  readonly problem?: { readonly code: string; readonly message: string }
}

/** `T1059`, `t1059.001`, `attack.t1059.001`; undefined when `name` is no technique at all. */
export function techniqueIdOf(name: string): string | undefined {
  const match = /^(?:attack\.)?(t\d{4}(?:\.\d{3})?)$/i.exec(name.trim())
  return match?.[1]?.toUpperCase()
}

/** Follows revocations; a technique that the release does not have keeps its id, and says so. */
export function resolveTechnique(attack: Attack, id: string): ResolvedTechnique {
  const named = attack.technique(id)
  if (named === undefined) {
    const message = `ATT&CK ${attack.release} has no technique \`${id}\``
    return {
      ...partsOf(id),
      tactics: [],
      inRelease: false,
      problem: { code: 'unknown-technique', message },
    }
  }
  const current = attack.current(id)
  if (current === undefined) {
    const message = `\`${id}\` (${named.name}) was revoked without a successor`
    return {
      ...partsOf(id),
      tactics: named.tactics,
      inRelease: false,
      problem: { code: 'revoked-technique', message },
    }
  }
  const problem = problemOf(named, current)
  return {
    ...partsOf(current.id),
    tactics: current.tactics,
    inRelease: true,
    ...(problem === undefined ? {} : { problem }),
  }
}

/**
 * A tactic's id by its id, shortname or name in a newer release; undefined when there is none. Two
 * domains may share a shortname: without `domain` it is the enterprise tactic.
 */
export function tacticIdOf(attack: Attack, name: string, domain?: Domain): string | undefined {
  const key = name.trim().toLowerCase().replaceAll('_', '-')
  const tactic =
    attack.tactic(key.toUpperCase()) ??
    attack.tactic(key, domain) ??
    attack.tactic(tacticAliases[key] ?? '', domain)
  return tactic?.id
}

function problemOf(named: Technique, current: Technique): ResolvedTechnique['problem'] {
  if (current.id !== named.id) {
    const message = `\`${named.id}\` (${named.name}) was revoked: read as \`${current.id}\``
    return { code: 'revoked-technique', message }
  }
  if (!current.isDeprecated) return undefined
  return { code: 'deprecated-technique', message: `\`${named.id}\` (${named.name}) is deprecated` }
}

function partsOf(id: string): { techniqueId: string; subTechniqueId: string } {
  const dot = id.indexOf('.')
  return dot === -1
    ? { techniqueId: id, subTechniqueId: '' }
    : { techniqueId: id.slice(0, dot), subTechniqueId: id }
}
