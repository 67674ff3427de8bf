import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

/** `ttpstream dev` as a person uses it: records in by Kafka, answers out by HTTP, rules edited meanwhile. */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-dev-'))
const rules = join(folder, 'rules')
const main = new URL('../cli/main.ts', import.meta.url).pathname
let dev: ChildProcess
let output = ''
let api = ''
let producer: Producer

beforeAll(async () => {
  writeRules({ 'whoami.yaml': rule('T1033', 'whoami') })
  dev = spawn(
    process.execPath,
    ['--import', 'tsx', main, 'dev', '--no-sample', '--data', join(folder, 'data')],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TTPSTREAM_RULES: rules } },
  )
  dev.stdout?.on('data', (chunk) => {
    output += String(chunk)
  })
  await until('the page', () => /Page and API\s+(http\S+)/.test(output))
  api = /Page and API\s+(http\S+)/.exec(output)?.[1] ?? ''
  const broker = /Kafka\s+(\S+:\d+)/.exec(output)?.[1] ?? ''
  const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
  producer = kafka.producer()
  await producer.connect()
  await until('readiness', async () => (await fetch(`${api}/health/ready`)).ok)
}, 60_000)

afterAll(async () => {
  await producer.disconnect()
  const exited = once(dev, 'exit')
  dev.kill('SIGINT')
  await exited
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test('a command becomes a technique in the API, and an edited rule answers for the next one', async () => {
  await send('whoami /all')
  await until('T1033', async () => (await techniques()).includes('T1033'))
  expect(await techniques()).toEqual(['T1033'])

  writeRules({ 'whoami.yaml': rule('T1082', 'whoami') })
  await until('the edit', async () => (await emits('dev.whoami')).includes('T1082'))
  await send('whoami')
  await until('T1082', async () => (await techniques()).includes('T1082'))
  expect(await techniques()).toEqual(['T1033', 'T1082'])
})

test('a broken edit is reported with its place, and the version before it stays in force', async () => {
  const before = await emits('dev.whoami')
  writeRules({ 'whoami.yaml': rule('T1082', 'whoami').replace('applies_to', 'aplies_to') })
  await until('the report', () => output.includes('whoami.yaml:4:1: unknown-key'))
  expect(output).toContain('did you mean `applies_to`?')
  expect(await emits('dev.whoami')).toEqual(before)
  const version = await count('T1082')
  await send('whoami again')
  await until('a tag of the old version', async () => (await count('T1082')) === version + 1)
})

test('a deleted rule tags nothing any more', async () => {
  writeRules({ 'other.yaml': rule('T1057', 'ps aux').replace('dev.whoami', 'dev.ps') })
  rmSync(join(rules, 'whoami.yaml'))
  await until('the rule to be gone', async () => (await emits('dev.whoami')).length === 0)
  const before = await count('T1082')
  await send('whoami for the last time')
  await send('ps aux')
  await until('the other rule', async () => (await techniques()).includes('T1057'))
  expect(await count('T1082')).toBe(before)
})

function writeRules(files: Readonly<Record<string, string>>): void {
  mkdirSync(rules, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(rules, name), text)
}

function rule(technique: string, word: string): string {
  return `rule_id: dev.whoami
rule_version: 1
name: A word
applies_to: [command]
match:
  pattern: '${word}'
emits:
  - technique_id: ${technique}
    tactic: TA0007
    confidence: 0.8
`
}

async function send(command_text: string): Promise<void> {
  const value = JSON.stringify({ kind: 'command', host: 'h1', session_id: 's1', command_text })
  await producer.send({ topic: 'ttp.commands', acks: -1, messages: [{ value }] })
}

const techniquesSchema = z.object({
  data: z.array(z.object({ technique_id: z.string(), count: z.number() })),
})

async function techniques(): Promise<readonly string[]> {
  const answer = await fetch(`${api}/api/v1/ttp/techniques`)
  const { data } = techniquesSchema.parse(await answer.json())
  return data.map(({ technique_id }) => technique_id).sort()
}

async function count(technique: string): Promise<number> {
  const answer = await fetch(`${api}/api/v1/ttp/techniques`)
  const { data } = techniquesSchema.parse(await answer.json())
  return data.find(({ technique_id }) => technique_id === technique)?.count ?? 0
}

async function emits(id: string): Promise<readonly string[]> {
  const answer = await fetch(`${api}/api/v1/ttp/rules/${id}`)
  return answer.ok
    ? [...JSON.stringify(await answer.json()).matchAll(/"(T\d{4})"/g)].map(
        ([, found]) => found ?? '',
      )
    : []
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let leftMs = 20_000; leftMs > 0; leftMs -= 20) {
    if (await holds()) return
    await setTimeout(20)
  }
  throw new Error(`waited 20 s for ${what}; the output so far:\n${output}`)
}
