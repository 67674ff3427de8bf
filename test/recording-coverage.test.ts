import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import type { RecordingCoverage } from '../cli/recording-coverage.ts'

/** `ttpstream coverage` over two recordings of the sample: one that the rules see, one that they miss. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-recordings-'))
const root = new URL('..', import.meta.url).pathname

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('recordings become tests: detected by their label, missed with a reason, validated rules covered', {
  timeout: 120_000,
}, async () => {
  record('SDWIN-200805020926', 'T1003', 'T1003.006', '2020-08-05T06:09:00Z', '2020-08-05T06:11:00Z')
  record('SDWIN-200806130039', 'T1069', 'T1069.002', '2020-09-22T18:10:07Z', '2020-09-22T18:11:18Z')
  const entries = [...recorded.values()]
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(entries))
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', join(root, 'cli/main.ts'), 'coverage', '--recordings', folder, '--json'],
    { maxBuffer: 1 << 24 },
  )
  const result: RecordingCoverage = JSON.parse(stdout)
  expect(result.recordings).toMatchObject([
    { technique: 'T1003.006', isDetected: true, missReason: null, rules: ['windows.dcsync'] },
    { technique: 'T1069.002', isDetected: false, missReason: 'no_rule_matched', rules: [] },
  ])
  expect(result.recordings[0]?.seconds).toBeGreaterThanOrEqual(0)
  expect(result.detected.share).toBe(0.5)
  // DCSync itself, and its parent through it.
  expect(result.coverage).toMatchObject({ validated: 1, partial: 1 })
})

const recorded = new Map<string, object>()

function record(id: string, technique: string, sub: string, first: string, last: string): void {
  const file = `${id}.ndjson.gz`
  copyFileSync(join(root, 'examples/sample', file), join(folder, file))
  recorded.set(id, { id, title: id, attack: [{ technique, sub }], first, last, file })
}
