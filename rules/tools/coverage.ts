import type { Attack } from '../../schemas/attack.ts'
import type { Rule } from '../rule.ts'

/**
 * `rules coverage`: which techniques the rules of a set can emit. What could be detected, not what
 * was shown to be: validations say that.
 */
export interface RuleCoverage {
  readonly attackRelease: string
  readonly techniques: readonly CoveredTechnique[]
  readonly tactics: readonly CoveredTactic[]
  /** Active techniques and sub-techniques of enterprise ATT&CK, and how many of them are emitted. */
  readonly total: number
  readonly covered: number
  /** Emitted, and not known to the release. */
  readonly notInRelease: readonly string[]
  /** Rules that take techniques from a field of the event: they can emit any. */
  readonly openEnded: readonly string[]
}

export interface CoveredTechnique {
  /** Most specific. */
  readonly id: string
  readonly name: string
  readonly tactics: readonly string[]
  readonly rules: readonly string[]
  readonly confidenceMax: number
}

export interface CoveredTactic {
  readonly id: string
  readonly name: string
  readonly total: number
  readonly covered: number
}

export function ruleCoverage(rules: readonly Rule[], attack: Attack): RuleCoverage {
  const found = new Map<string, { rules: Set<string>; confidenceMax: number }>()
  const openEnded = new Set<string>()
  for (const rule of rules) {
    for (const emit of rule.emits) {
      if (emit.techniqueFrom !== undefined) {
        openEnded.add(rule.id)
        continue
      }
      const id = emit.subTechniqueId || emit.techniqueId
      const one = found.get(id) ?? { rules: new Set<string>(), confidenceMax: 0 }
      one.rules.add(rule.id)
      one.confidenceMax = Math.max(one.confidenceMax, emit.confidence)
      found.set(id, one)
    }
  }
  const active = attack
    .techniques('enterprise-attack')
    .filter((technique) => !technique.isRevoked && !technique.isDeprecated)
  const techniques = [...found]
    .map(([id, one]) => ({
      id,
      name: attack.technique(id)?.name ?? '',
      tactics: attack.technique(id)?.tactics ?? [],
      rules: [...one.rules].sort(),
      confidenceMax: one.confidenceMax,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  return {
    attackRelease: attack.release,
    techniques,
    tactics: attack.tactics('enterprise-attack').map(({ id, name }) => {
      const own = active.filter((technique) => technique.tactics.includes(id))
      const covered = own.filter((technique) => found.has(technique.id)).length
      return { id, name, total: own.length, covered }
    }),
    total: active.length,
    covered: active.filter(({ id }) => found.has(id)).length,
    notInRelease: techniques.filter(({ name }) => name === '').map(({ id }) => id),
    openEnded: [...openEnded].sort(),
  }
}

export function formatCoverage(coverage: RuleCoverage): string {
  const share = (covered: number, total: number) =>
    `${covered}/${total} (${total === 0 ? 0 : ((covered / total) * 100).toFixed(1)} %)`
  const lines = coverage.tactics.map(
    ({ id, name, total, covered }) => `${id}  ${name.padEnd(22)} ${share(covered, total)}`,
  )
  const head = `ATT&CK ${coverage.attackRelease}: rules can emit ${share(coverage.covered, coverage.total)} of its techniques`
  const unknown =
    coverage.notInRelease.length === 0
      ? []
      : [`not in this release: ${coverage.notInRelease.join(', ')}`]
  const open =
    coverage.openEnded.length === 0 ? [] : [`any technique: ${coverage.openEnded.join(', ')}`]
  return [head, ...lines, ...unknown, ...open].join('\n')
}
