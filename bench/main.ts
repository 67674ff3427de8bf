/** `npm run bench -- <name> [options]`. Each benchmark is one file beside this one. */
import type { Benchmark } from './benchmark.ts'
import { matching } from './matching.ts'
import { pipeline } from './pipeline.ts'
import { views } from './views.ts'

const benchmarks: readonly Benchmark[] = [matching, pipeline, views]

const [name, ...args] = process.argv.slice(2)
const chosen = benchmarks.find((benchmark) => benchmark.name === name)
if (chosen === undefined) {
  const list = benchmarks.map((one) => `  ${one.name.padEnd(12)} ${one.summary}\n`).join('')
  process.stderr.write(`npm run bench -- <name> [options]\n\n${list}`)
  process.exitCode = name === undefined ? 0 : 2
} else {
  process.exitCode = await chosen.run(args)
}
