import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { missing } from '../test/sigma/sigma-hq.ts'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import type { HostileFigures } from './matching-hostile.ts'
import type { PassFigures } from './matching-pass.ts'
import {
  hostileTargetMissed,
  type Misses,
  type Report,
  reportOf,
  rsigmaTargetsMissed,
  targetsMissed,
} from './matching-report.ts'
import { writeStreams } from './matching-streams.ts'
import { rsigmaVersion, runRsigma, writeRules } from './rsigma.ts'

const usage = `npm run bench -- matching [--check] [--write]
  --check   only what CI holds: ratios to JSON.parse and growth with the number of rules
  --write   write docs/benchmarks/matching.md
`
const ruleCounts = [60, 500, 1500, 3141]
const checkedRuleCounts = [500, 3141]
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
  const pass = (stream: string, rules: number): PassFigures => {
    progress(`${rules} rules on ${stream}`)
    return inProcess('matching-pass.ts', [stream, String(rules)])
  }
  const counts = isCheck ? checkedRuleCounts : ruleCounts
  const mixed = counts.map((rules) => pass(streams.mixed, rules))
  const processes = counts.map((rules) => pass(streams.process, rules))
  const misses: Misses = targetsMissed(mixed, processes)
  for (const miss of misses) process.stderr.write(`missed: ${miss}\n`)
  if (isCheck) return misses.length === 0 ? 0 : 1
  progress('hostile events')
  const hostile: HostileFigures = inProcess('matching-hostile.ts', [])
  const figures = {
    environment,
    mixed,
    processes,
    hostile,
    ...rsigma(folder, streams),
  }
  const report: Report = {
    ...figures,
    misses: [...misses, ...hostileTargetMissed(hostile), ...rsigmaTargetsMissed(figures)],
  }
  const text = reportOf(report)
  process.stdout.write(text)
  if (writes) {
    mkdirSync(join(page, '..'), { recursive: true })
    writeFileSync(page, text)
  }
  return report.misses.length === 0 ? 0 : 1
}

function rsigma(folder: string, streams: { mixed: string; process: string }) {
  if (rsigmaVersion() === undefined) {
    progress('no rsigma on PATH (or in RSIGMA): not compared')
    return {}
  }
  const rules = writeRules(folder)
  progress('RSigma')
  return {
    rsigma: {
      mixed: runRsigma(rules, streams.mixed, folder),
      processes: runRsigma(rules, streams.process, folder),
    },
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
