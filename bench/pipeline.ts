/**
 * Kafka → a tag that a view answers, everything on this machine: broker, ClickHouse, engine.
 *
 * Drain: a preloaded topic of real Windows events, from the first finished block to the last.
 * Paced: events at a fixed rate, some of which match; from the produce call's return to the moment
 * the tag is in a view. The baseline of the same run is parsing alone, on the same events.
 */

import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import type { Benchmark } from './benchmark.ts'
import { machine } from './machine.ts'
import { drain } from './pipeline-drain.ts'
import { eventLines } from './pipeline-events.ts'
import { paced } from './pipeline-paced.ts'
import { withStack } from './pipeline-stack.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)

export const pipeline: Benchmark = {
  name: 'pipeline',
  summary: 'Kafka to a readable tag: draining, and latency at a fixed pace.',
  async run(args) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        records: { type: 'string', default: '200000' },
        rules: { type: 'string', default: '' },
        /** Without draining: `--drains 0`. */
        drains: { type: 'string', default: '1' },
        pace: { type: 'string', default: '1000,10000' },
        seconds: { type: 'string', default: '30' },
        'cold-seconds': { type: 'string', default: '10' },
        engines: { type: 'string', default: '1' },
        'node-options': { type: 'string', default: '' },
      },
    })
    // As it is shipped: compiled, without a loader beside it.
    execFileSync(process.execPath, ['scripts/build.mjs'], { stdio: 'inherit' })
    say(machine())
    const lines = eventLines(Number(values.records))
    const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
    const parse = parseAlone(lines)
    say(
      `${lines.length} events of ${Math.round(bytes / lines.length)} bytes; JSON.parse alone ${parse.toFixed(1)} µs an event`,
    )
    const environment: Record<string, string> = {}
    if (values.rules !== '') environment['TTPSTREAM_RULES'] = values.rules
    const nodeOptions = values['node-options'].split(' ').filter((option) => option !== '')
    const settings = { environment, nodeOptions }
    for (let run = 0; run < Number(values.drains); run += 1) {
      await withStack(async (stack) =>
        sayAll(await drain(stack, lines, settings, Number(values.engines))),
      )
    }
    for (const perSecond of values.pace.split(',').map(Number).filter(Boolean)) {
      const pace = {
        perSecond,
        seconds: Number(values.seconds),
        coldSeconds: Number(values['cold-seconds']),
      }
      await withStack(async (stack) => sayAll(await paced(stack, lines, pace, settings)))
    }
    return 0
  },
}

function sayAll(texts: readonly string[]): void {
  for (const text of texts) say(text)
}

function parseAlone(lines: readonly string[]): number {
  const buffers = lines.slice(0, 50_000).map((line) => Buffer.from(line))
  for (const buffer of buffers.slice(0, 5_000)) JSON.parse(buffer.toString('utf8'))
  const before = process.cpuUsage()
  for (const buffer of buffers) JSON.parse(buffer.toString('utf8'))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / buffers.length
}
