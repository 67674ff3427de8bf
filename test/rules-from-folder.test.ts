import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { judgeLatency, WorkerGroup } from './worker-group.ts'

/** Three workers, each a process of `ttpstream run`, that follow one folder of rules. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-folder-rules-'))
const rules = join(folder, 'rules')
const workerCount = 3
let stack: DevStack
let group: WorkerGroup

beforeAll(async () => {
  mkdirSync(rules)
  save('whoami')
  stack = await startDevStack({ dataDir: join(folder, 'data'), hasUsualPorts: false })
  group = await WorkerGroup.start(stack, workerCount, { TTPSTREAM_RULES: rules })
}, 90_000)

afterAll(async () => {
  await group.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('a saved rule is in force on three workers within 100 ms of the save, at p95 of 50', {
  timeout: 90_000,
}, async (context) => {
  await group.until('readiness', async () => {
    return (await group.statuses()).every((status) => status === 200)
  })
  const took: number[] = []
  for (let n = 1; n <= 50; n += 1) {
    const before = Date.now()
    save(`whoami ${n}`)
    await group.until(`edit ${n}`, () => group.count('reloaded', 'folder.a') >= n * workerCount)
    took.push(group.lastAt('folder.a') - before)
  }
  expect(group.count('reloaded', 'folder.a')).toBe(50 * workerCount)
  judgeLatency(context, 'save', took)
})

function save(word: string): void {
  writeFileSync(
    join(rules, 'a.yaml'),
    `rule_id: folder.a
rule_version: 1
name: A word
applies_to: [command]
match: { pattern: '^${word}' }
emits: [{ technique_id: T1033, tactic: TA0007, confidence: 0.8 }]
`,
  )
}
