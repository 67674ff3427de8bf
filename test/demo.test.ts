import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { DemoResult } from '../cli/commands/demo.ts'

const main = new URL('../cli/main.ts', import.meta.url).pathname
const goldenFile = new URL('./golden/demo.json', import.meta.url)

/** Reviewed by hand; `GOLDEN=write` writes it anew, for another review. */
interface Golden {
  readonly events: number
  /** Recording → rule → events it tagged. */
  readonly recordings: Readonly<Record<string, Readonly<Record<string, number>>>>
}

test('the demo replays the sample, finds what the golden file says, and ends', {
  timeout: 120_000,
}, async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', main, 'demo', '--json'],
    { maxBuffer: 1 << 24 },
  )
  const result: DemoResult = JSON.parse(stdout)
  const recordings = Object.fromEntries(
    result.recordings.map(({ id, rules }) => [
      id,
      Object.fromEntries(Object.entries(rules).sort()),
    ]),
  )
  const found: Golden = { events: result.events, recordings }
  if (process.env['GOLDEN'] === 'write')
    writeFileSync(goldenFile, `${JSON.stringify(found, null, 2)}\n`)
  const golden: Golden = JSON.parse(readFileSync(goldenFile, 'utf8'))
  expect(found).toEqual(golden)
  expect(result.deadLetters).toBe(0)
  expect(result.recordings.length).toBeGreaterThanOrEqual(5)
  expect(result.techniques.length).toBeGreaterThanOrEqual(10)
  expect(result.recordings.filter(({ isDetected }) => isDetected).length).toBeGreaterThanOrEqual(5)
  expect(result.mttdHours).toBeGreaterThan(0)
})
