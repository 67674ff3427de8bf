import type { Severity } from '../rule.ts'

/**
 * How sure a tag of a Sigma rule is (G4): by how bad its author holds a match to be, and how settled
 * the rule is. Never below 0.3, the floor under which a tag is not written: a rule that was loaded
 * tags; who wants less says so by state or overlay.
 */
export const sigmaLevels = ['critical', 'high', 'medium', 'low', 'informational', ''] as const
export const sigmaStatuses = [
  'stable',
  'test',
  'experimental',
  'deprecated',
  'unsupported',
  '',
] as const

export type SigmaLevel = (typeof sigmaLevels)[number]
export type SigmaStatus = (typeof sigmaStatuses)[number]

/** '' is an absent level or status. */
export const sigmaConfidence: Readonly<Record<SigmaLevel, Readonly<Record<SigmaStatus, number>>>> =
  {
    critical: {
      stable: 0.95,
      test: 0.9,
      experimental: 0.8,
      deprecated: 0.7,
      unsupported: 0.6,
      '': 0.85,
    },
    high: {
      stable: 0.85,
      test: 0.8,
      experimental: 0.7,
      deprecated: 0.6,
      unsupported: 0.5,
      '': 0.75,
    },
    medium: {
      stable: 0.7,
      test: 0.65,
      experimental: 0.55,
      deprecated: 0.45,
      unsupported: 0.4,
      '': 0.6,
    },
    low: {
      stable: 0.55,
      test: 0.5,
      experimental: 0.4,
      deprecated: 0.35,
      unsupported: 0.3,
      '': 0.45,
    },
    informational: {
      stable: 0.4,
      test: 0.35,
      experimental: 0.3,
      deprecated: 0.3,
      unsupported: 0.3,
      '': 0.35,
    },
    '': {
      stable: 0.6,
      test: 0.55,
      experimental: 0.45,
      deprecated: 0.4,
      unsupported: 0.35,
      '': 0.5,
    },
  }

export function severityOf(level: SigmaLevel): Severity {
  return level === '' ? 'medium' : level
}
