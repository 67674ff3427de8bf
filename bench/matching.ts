import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assert } from '../core/error.ts'
import { missing } from '../test/sigma/sigma-hq.ts'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import type { HostileFigures } from './matching-hostile.ts'
import type { PassFigures } from './matching-pass.ts'
import {
  growthMissed,
  hostileTargetMissed,
  type Misses,
  type Report,
  ratiosMissed,
  ratiosText,
  reportOf,
  rsigmaTargetsMissed,
} from './matching-report.ts'
import { writeStreams } from './matching-streams.ts'
import { leastOfRuns, type RsigmaFigures, rsigmaVersion, runRsigma, writeRules } from './rsigma.ts'

const usage = `npm run bench -- matching [--check] [--write]
  --check   only what CI holds: the time of all rules to that of JSON.parse
  --write   write docs/benchmarks/matching.md
`
const ruleCounts = [60, 500, 1500, 3141]
const checkedRuleCounts = [3141]
const rounds = 3
/** The second stream is a fifth as long, and V8 compiles well into the third pass over it. */
const [mixedPasses, processPasses] = [3, 8]
const page = fileURLToPath(new URL('../docs/benchmarks/matching.md', import.meta.url))

/** Events a second through the matcher, with SigmaHQ's rules on recorded Windows events. */
export const matching: Benchmark = {
  name: 'matching',
  summary: "SigmaHQ's rules on recorded Windows events: time, growth, memory, the worst case",
  async run(args) {
    if (args.some((arg) => arg !== '--check' && arg !== '--write')) {
      process.stderr.write(usage)
      return 2
    }
    if (missing !== undefined) return 0
    const folder = mkdtempSync(join(tmpdir(), 'bench-matching-'))
    try {
      return await measure(folder, args.includes('--check'), args.includes('--write'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function measure(folder: string, isCheck: boolean, writes: boolean): Promise<number> {
  const environment = machine()
  progress('writing the streams')
  const streams = await writeStreams(folder)
  const counts = isCheck ? checkedRuleCounts : ruleCounts
  const other = isCheck ? undefined : otherEngine(folder, streams)
  const ours: { mixed: PassFigures[]; processes: PassFigures[] }[] = []
  const theirs: Theirs[] = []
  // What is compared takes turns, so that all of it meets the same moods of the machine.
  for (let round = 1; round <= rounds; round += 1) {
    const pass = (stream: string, rules: number, passes: number): PassFigures => {
      progress(`round ${round} of ${rounds}: ${rules} rules on ${stream}`)
      return inProcess('matching-pass.ts', [stream, String(rules), String(passes)])
    }
    ours.push({
      mixed: counts.map((rules) => pass(streams.mixed, rules, mixedPasses)),
      processes: counts.map((rules) => pass(streams.process, rules, processPasses)),
    })
    if (other !== undefined) theirs.push(other(round))
  }
  const leastOfRounds = (stream: 'mixed' | 'processes') =>
    counts.map((_, at) => leastOf(ours.flatMap((figures) => figures[stream][at] ?? [])))
  const mixed = leastOfRounds('mixed')
  const processes = leastOfRounds('processes')
  const misses: Misses = ratiosMissed(mixed, processes)
  if (isCheck) {
    process.stdout.write(`${ratiosText(mixed, processes)}\n`)
    for (const miss of misses) process.stderr.write(`missed: ${miss}\n`)
    return misses.length === 0 ? 0 : 1
  }
  progress('hostile events')
  const hostile: HostileFigures = inProcess('matching-hostile.ts', [])
  const figures = {
    environment,
    mixed,
    processes,
    hostile,
    ...compared(theirs),
  }
  const report: Report = {
    ...figures,
    misses: [
      ...misses,
      ...growthMissed(mixed, processes),
      ...hostileTargetMissed(hostile),
      ...rsigmaTargetsMissed(figures),
    ],
  }
  const text = reportOf(report)
  process.stdout.write(text)
  if (writes) {
    mkdirSync(join(page, '..'), { recursive: true })
    writeFileSync(page, text)
  }
  return report.misses.length === 0 ? 0 : 1
}

/** Runs another engine once on both streams; undefined where it is not installed. */
function otherEngine(folder: string, streams: { mixed: string; process: string }) {
  if (rsigmaVersion() === undefined) {
    progress('no rsigma on PATH (or in RSIGMA): not compared')
    return undefined
  }
  const rules = writeRules(folder)
  return (round: number): Theirs => {
    progress(`round ${round} of ${rounds}: RSigma`)
    return {
      mixed: runRsigma(rules, streams.mixed, folder),
      processes: runRsigma(rules, streams.process, folder),
    }
  }
}

interface Theirs {
  readonly mixed: RsigmaFigures
  readonly processes: RsigmaFigures
}

function compared(rounds: readonly Theirs[]): { rsigma?: Theirs } {
  const mixed = leastOfRuns(rounds.map((round) => round.mixed))
  const processes = leastOfRuns(rounds.map((round) => round.processes))
  return mixed === undefined || processes === undefined ? {} : { rsigma: { mixed, processes } }
}

/** The process that was disturbed least, with the least of each time: what disturbs only adds. */
function leastOf(figures: readonly PassFigures[]): PassFigures {
  const [best] = figures.toSorted((a, b) => a.steadyUs - b.steadyUs)
  assert(best !== undefined, 'nothing was measured')
  const least = (of: (one: PassFigures) => number) => Math.min(...figures.map(of))
  return {
    ...best,
    coldUs: least(({ coldUs }) => coldUs),
    parseUs: least(({ parseUs }) => parseUs),
  }
}

/** A script of this folder in a Node of its own, warm from nothing. */
function inProcess<Figures>(script: string, args: readonly string[]): Figures {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const node = ['--expose-gc', '--import', 'tsx', file]
  return JSON.parse(execFileSync(process.execPath, [...node, ...args], { encoding: 'utf8' }))
}

function progress(text: string): void {
  process.stderr.write(`${text} …\n`)
}
