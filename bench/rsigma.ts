import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sigmaFiles } from '../test/sigma/sigma-hq.ts'
import { eachLine } from './lines.ts'
import { logsourceFields } from './matching-streams.ts'

/**
 * The same rules and events through RSigma (https://github.com/timescale/rsigma), if it is installed:
 * `cargo install --locked rsigma`, on PATH or named by RSIGMA. It is told the log source and routes
 * by it, as we do.
 */
export interface RsigmaFigures {
  readonly version: string
  /** CPU time of an event, without loading rules: the difference of a long and a short run. */
  readonly usPerEvent: number
  readonly longUs: number
  readonly shortUs: number
  /** By which the long run is longer. */
  readonly events: number
  readonly matches: number
  readonly matchesByRule: ReadonlyMap<string, number>
}

const program = process.env['RSIGMA'] ?? 'rsigma'

export function rsigmaVersion(): string | undefined {
  const { status, stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().split('\n')[0] : undefined
}

/** SigmaHQ's rules as files, for it reads a folder. */
export function writeRules(folder: string): string {
  for (const { path, text } of sigmaFiles()) {
    if (!path.startsWith('rules/')) continue
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return join(folder, 'rules')
}

export function runRsigma(rules: string, stream: string, folder: string): RsigmaFigures {
  const head = join(folder, 'head.ndjson')
  const lines: string[] = []
  const all = eachLine(stream, (line) => {
    if (lines.length < headEvents) lines.push(line.toString())
  })
  writeFileSync(head, `${lines.join('\n')}\n`)
  const output = join(folder, 'rsigma.ndjson')
  const long = cpuUs(rules, stream, output)
  const matchesByRule = countRules(output)
  const short = cpuUs(rules, head, join(folder, 'head-matches.ndjson'))
  return {
    version: rsigmaVersion() ?? '',
    usPerEvent: (long - short) / (all - headEvents),
    longUs: long,
    shortUs: short,
    events: all - headEvents,
    matches: [...matchesByRule.values()].reduce((sum, count) => sum + count, 0),
    matchesByRule,
  }
}

/** Of several runs on one stream: what disturbs a run only adds to it. */
export function leastOfRuns(runs: readonly RsigmaFigures[]): RsigmaFigures | undefined {
  const [first] = runs
  if (first === undefined) return undefined
  const longUs = Math.min(...runs.map((run) => run.longUs))
  const shortUs = Math.min(...runs.map((run) => run.shortUs))
  return { ...first, longUs, shortUs, usPerEvent: (longUs - shortUs) / first.events }
}

const headEvents = 1000

/** User and system time of one run, as the shell has it. */
function cpuUs(rules: string, stream: string, output: string): number {
  const args = ['-q', 'engine', 'eval', '-r', rules, '-e', `@${stream}`, '--logsource-routing']
  args.push('--logsource-field-map', logsourceFields, '--output-format', 'ndjson')
  const out = openSync(output, 'w')
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%U %S"; time "$0" "$@" 2>/dev/null', program, ...args],
    { encoding: 'utf8', stdio: ['ignore', out, 'pipe'] },
  )
  closeSync(out)
  const [user, system] = stderr.trim().split(/\s+/).map(Number)
  if (status !== 0 || user === undefined || system === undefined) {
    throw new Error(`${program} ended with ${status}: ${stderr}`)
  }
  return (user + system) * 1e6
}

function countRules(output: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const line of readFileSync(output, 'utf8').split('\n')) {
    if (!line.startsWith('{')) continue
    const { rule_id: id }: { rule_id: string } = JSON.parse(line)
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}
