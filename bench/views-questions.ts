/** What is asked of the views, each with its target: milliseconds at p95, on two cores. */

export interface Question {
  readonly name: string
  readonly targetMs: number | null
  /** Another subject or instant each time. */
  path(turn: number): string
}

interface Subjects {
  readonly identities: number
  readonly attackers: number
  readonly sessions: number
  readonly endMs: number
}

const rollupMs = 50
const asOfMs = 300
const regressionMs = 1_000
const seriesMs = 5_000
const storedMs = 50

export function questions({ identities, attackers, sessions, endMs }: Subjects): Question[] {
  const at = (turn: number) => iso(endMs - ((turn * 37) % 300) * 86_400_000)
  const from = (turn: number) => iso(endMs - (30 + turn) * 86_400_000)
  const some = (prefix: string, count: number) => (turn: number) =>
    `${prefix}-${Math.floor(((turn * 0.618 + 0.1) % 1) ** 2 * count)}`
  const identity = some('id', identities)
  const attacker = some('at', attackers)
  const session = some('se', sessions)
  const ttp = '/api/v1/ttp'
  const operational = '/api/v1/metrics/operational'
  const lifecycle = '/api/v1/detection-lifecycle'
  const rollup = (name: string, path: Question['path']) => ({ name, targetMs: rollupMs, path })
  const asOf = (name: string, path: Question['path']) => ({ name, targetMs: asOfMs, path })
  return [
    rollup('techniques', () => `${ttp}/techniques`),
    rollup('techniques, a range', (turn) => `${ttp}/techniques?from=${from(turn)}`),
    rollup('techniques, surer', () => `${ttp}/techniques?min_confidence=0.8`),
    rollup('an identity', (turn) => `${ttp}/by-identity/${identity(turn)}`),
    rollup('the busiest identities', (turn) => `${ttp}/by-identity/id-${turn}`),
    rollup('an attacker', (turn) => `${ttp}/by-attacker/${attacker(turn)}`),
    rollup('a session', (turn) => `${ttp}/by-session/${session(turn)}`),
    rollup('newest tags', () => `${ttp}/tags?limit=50`),
    rollup(
      'newest tags of an identity',
      (turn) => `${ttp}/tags?identity=${identity(turn)}&limit=50`,
    ),
    rollup('Navigator layer', () => `${ttp}/export/navigator`),
    rollup('ingest', () => '/api/v1/ingest'),
    asOf('coverage', (turn) => `/api/v1/coverage?at=${at(turn)}`),
    asOf('confidence', (turn) => `${lifecycle}/confidence?at=${at(turn)}`),
    {
      name: 'regression',
      targetMs: regressionMs,
      path: (turn) => `/api/v1/coverage/regression?from=${iso(endMs - (90 + turn) * 86_400_000)}`,
    },
    asOf(
      'confidence of one technique, with history',
      (turn) => `${lifecycle}/confidence/T1059?at=${at(turn)}`,
    ),
    asOf('assets', (turn) => `${lifecycle}/assets?at=${at(turn)}&limit=100`),
    asOf('an asset’s validations', (turn) => `${lifecycle}/assets/asset-${turn}/validations`),
    asOf('queue', () => `${lifecycle}/queue`),
    asOf('dashboard', (turn) => `${lifecycle}/dashboard?at=${at(turn)}`),
    { name: 'stored snapshots, 90 days', targetMs: storedMs, path: () => `${lifecycle}/snapshots` },
    asOf('MTTD', (turn) => `${operational}/mttd?at=${at(turn)}`),
    asOf('MTTR', (turn) => `${operational}/mttr?at=${at(turn)}`),
    asOf('by team', (turn) => `${operational}/by-team?at=${at(turn)}`),
    {
      name: 'test trend, 90 days',
      targetMs: seriesMs,
      path: () => `${operational}/trend?period=90d`,
    },
    {
      name: 'coverage by week, 12 weeks',
      targetMs: seriesMs,
      path: (turn) => `${operational}/coverage-weeks?at=${at(turn)}`,
    },
    { name: 'all test metrics', targetMs: null, path: () => operational },
    {
      name: 'observed detection, 30 days',
      targetMs: null,
      path: (turn) =>
        `${operational}/observed?from=${from(turn)}&to=${iso(endMs - turn * 86_400_000)}`,
    },
    {
      name: 'misses, 30 days',
      targetMs: null,
      path: (turn) =>
        `${operational}/misses?from=${from(turn)}&to=${iso(endMs - turn * 86_400_000)}`,
    },
    {
      name: 'observed detection, an exercise',
      targetMs: null,
      path: (turn) => `${operational}/observed?exercise=exercise-${turn}`,
    },
  ]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
