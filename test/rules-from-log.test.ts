import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { rulesPush } from '../cli/commands/rules-push.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'
import { WorkerGroup } from './worker-group.ts'

/**
 * Three workers, each a process of `ttpstream run`, that take their rules from the log; edits by
 * `rules push`, states by the catalog, and what they all say of it on `ttp.rule-events`.
 */

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-log-rules-'))
const rules = join(folder, 'pack')
const workerCount = 3
let stack: DevStack
let group: WorkerGroup

beforeAll(async () => {
  stack = await startDevStack({ dataDir: join(folder, 'data'), hasUsualPorts: false })
  process.env['TTPSTREAM_KAFKA_BROKERS'] = stack.kafka
  group = await WorkerGroup.start(stack, workerCount, {
    TTPSTREAM_RULES: 'log',
    TTPSTREAM_RULE_MATCHES_PER_MINUTE: '100',
    TTPSTREAM_CORRELATION_MS: '300',
    TTPSTREAM_QUARANTINE_MATCHES: '60',
    TTPSTREAM_QUARANTINE_WINDOW_MS: '200',
    TTPSTREAM_QUARANTINE_MS: '3000',
  })
}, 90_000)

afterAll(async () => {
  await group.close()
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('without rules on the log no worker is ready; pushed, all of them run the whole set', async () => {
  expect(await group.statuses()).toEqual([503, 503, 503])
  write({ 'a.yaml': rule('log.a', 'whoami'), 'b.yaml': rule('log.b', 'hostname') })
  expect(await push('--dry-run')).toContain('2 to publish, 0 to remove, 0 unchanged')
  expect(await ruleIds()).toEqual([[], [], []])
  expect(await push()).toContain('new      pack/a.yaml (log.a)')
  await group.until('the rules', async () => (await ruleIds()).every((ids) => ids.length === 2))
  await group.until('readiness', async () =>
    (await group.statuses()).every((status) => status === 200),
  )
  expect(await push()).toContain('0 to publish, 0 to remove, 2 unchanged')
})

test('a change, a renamed file and a removal are one record each, told by every worker', async () => {
  write({ 'c.yaml': rule('log.c', 'uname') })
  rmSync(join(rules, 'b.yaml'))
  write({ 'moved.yaml': rule('log.a', 'whoami /all') })
  rmSync(join(rules, 'a.yaml'))
  const out = await push()
  expect(out).toContain('changed  pack/moved.yaml (log.a)')
  expect(out).toContain('removed  log.b')
  expect(out).toContain('2 to publish, 1 to remove, 0 unchanged')
  await group.until('all workers', () => group.count('removed', 'log.b') === workerCount)
  expect(await ruleIds()).toEqual([1, 2, 3].map(() => ['log.a', 'log.c']))
  await group.until('the edit', () => group.count('reloaded', 'log.a') === workerCount)
})

test('rules with errors are not pushed; a broken record leaves the last good version in force', async () => {
  write({ 'c.yaml': rule('log.c', 'uname').replace('emits', 'emit') })
  await expect(push()).rejects.toThrow(/c\.yaml:6:1: unknown-key/)
  const content = rule('log.c', 'uname').replace('emits', 'emit')
  const entity = { path: 'pack/c.yaml', content }
  await catalog({ kind: 'rule', id: 'log.c', actor: 'test', entity })
  await group.until('all workers', () => group.count('rejected', 'log.c') === workerCount)
  expect(await ruleIds()).toEqual([1, 2, 3].map(() => ['log.a', 'log.c']))
  write({ 'c.yaml': rule('log.c', 'uname') })
  await push()
})

test('shadow counts and writes no tags; beyond the limit of a minute tags are counted, not written', async () => {
  await state('log.a', { state: 'shadow' })
  await group.until('shadow', () => group.count('state', 'log.a') === workerCount)
  await send(5, 'whoami /all')
  await group.until(
    'the counts',
    async () => (await metric(/tags_total\{rule="log.a",outcome="shadow"/)) === 5,
  )
  await state('log.a', { state: 'enabled' })
  await group.until('enabled', () => group.count('state', 'log.a') === 2 * workerCount)
  await send(130, 'whoami /all')
  await group.until(
    'the tags',
    async () => (await metric(/tags_total\{rule="log.a",outcome="/)) === 135,
  )
  expect(await metric(/tags_total\{rule="log.a",outcome="shadow"/)).toBe(5)
  expect(await metric(/tags_total\{rule="log.a",outcome="written"/)).toBeGreaterThanOrEqual(100)
  expect(await metric(/tags_dropped_total\{topic="ttp.commands",reason="shadow"/)).toBe(5)
  expect(await metric(/rule_hits_total\{rule="log.a"/)).toBe(135)
  const summaries = await Promise.all(group.apis.map((api) => one(api, 'log.a')))
  expect(summaries.reduce((sum, { counters }) => sum + (counters?.hits ?? 0), 0)).toBe(135)
})

test('what a correlation finds becomes an alert of ours once, and a tag by its techniques', async () => {
  write({
    'correlation.yaml': `${rule('log.login', 'login failed')}---
title: Many failed logins
id: log.correlation
correlation:
  type: event_count
  rules: [log.login]
  group-by: [host]
  timespan: 10m
  condition: { gte: 3 }
level: high
tags: [attack.t1110]
`,
    'alerts.yaml': `rule_id: log.alerts
rule_version: 1
name: Alerts that name their techniques
applies_to: [alert]
match: { field: rule.system, pattern: '^ttpstream$' }
emits: [{ technique_from: technique_ids, confidence: 0.8 }]
`,
  })
  await push()
  await group.until('the rules', async () =>
    (await ruleIds()).every((ids) => ids.includes('log.alerts')),
  )
  await send(2, 'login failed')
  await setTimeout(1_000)
  expect(await techniques()).not.toContain('T1110')
  await send(2, 'login failed again')
  await group.until('the tag', async () => (await techniques()).includes('T1110'))
  await send(1, 'login failed yet again')
  await setTimeout(1_500)
  expect(await metric(/tags_total\{rule="log.alerts",outcome="written"/)).toBe(1)
  expect(await metric(/tags_total\{rule="log.login",outcome="correlated"/)).toBe(5)
})

test('a rule whose hit rate explodes is quarantined on every worker, and comes back by itself', async () => {
  // Busy workers may take several of these at once, which then are one window: again, until it shows.
  await group.until('the suppression', async () => {
    for (let n = 0; n < 8; n += 1) {
      await send(20, 'nothing of interest')
      await setTimeout(210)
    }
    await send(90, 'uname -a')
    await setTimeout(500)
    return group.count('suppressed', 'log.c') > 0
  })
  await group.until('the state', () => group.count('state', 'log.c') === workerCount)
  const states = await Promise.all(group.apis.map((api) => one(api, 'log.c')))
  expect(states.map(({ state: { state: name } }) => name)).toEqual(Array(3).fill('quarantined'))
  await group.until('the end of it', () => group.count('state_reverted', 'log.c') === workerCount)
  expect(group.count('suppressed', 'log.c')).toBe(1)
})

function rule(id: string, word: string): string {
  return `rule_id: ${id}
rule_version: 1
name: A word
applies_to: [command]
match: { pattern: '^${word}' }
emits: [{ technique_id: T1033, tactic: TA0007, confidence: 0.8 }]
`
}

function write(files: Readonly<Record<string, string>>): void {
  mkdirSync(rules, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(rules, name), text)
}

async function push(...flags: readonly '--dry-run'[]): Promise<string> {
  let out = ''
  const take = (text: string) => {
    out += text
  }
  const options = { 'dry-run': flags.includes('--dry-run') }
  const io = { out: take, err: take, signal: new AbortController().signal }
  const code = await rulesPush.run({ options, rest: [rules] }, io)
  if (code !== 0) throw new Error(out)
  return out
}

interface CatalogRecord {
  readonly kind: string
  readonly id: string
  readonly actor: string
  readonly entity: object
}

async function catalog(record: CatalogRecord): Promise<void> {
  const message = { key: `${record.kind}:${record.id}`, value: JSON.stringify(record) }
  await group.producer.send({ topic: 'ttp.catalog', acks: -1, messages: [message] })
}

async function state(id: string, entity: object): Promise<void> {
  const record = { kind: 'rule_state', id, actor: 'test', entity }
  await catalog(record)
}

/** All within one bucket of any correlation, however long the test takes. */
const middleMs = Math.floor(Date.now() / 600_000) * 600_000 - 300_000

async function send(events: number, command_text: string): Promise<void> {
  const event = { kind: 'command', host: 'h1', session_id: 's1', event_time: middleMs }
  const value = JSON.stringify({ ...event, command_text })
  const messages = Array.from({ length: events }, () => ({ key: 'h1', value }))
  await group.producer.send({ topic: 'ttp.commands', acks: -1, messages })
}

const summary = z.looseObject({
  id: z.string(),
  state: z.looseObject({ state: z.string() }),
  counters: z.looseObject({ hits: z.number() }).nullable(),
})

async function one(api: string, id: string) {
  return summary.parse(await (await fetch(`${api}/api/v1/ttp/rules/${id}`)).json())
}

async function ruleIds(): Promise<readonly (readonly string[])[]> {
  const page = z.object({ data: z.array(summary) })
  return Promise.all(
    group.apis.map(async (api) => {
      const answer = await fetch(`${api}/api/v1/ttp/rules`)
      return page.parse(await answer.json()).data.map(({ id }) => id)
    }),
  )
}

async function techniques(): Promise<readonly string[]> {
  const page = z.object({ data: z.array(z.looseObject({ technique_id: z.string() })) })
  const answer = await fetch(`${group.apis[0]}/api/v1/ttp/techniques`)
  return page.parse(await answer.json()).data.map(({ technique_id }) => technique_id)
}

/** Sum over all workers and all samples whose line matches. */
async function metric(line: RegExp): Promise<number> {
  const texts = await Promise.all(
    group.apis.map(async (api) => (await fetch(`${api}/metrics`)).text()),
  )
  const lines = texts
    .join('\n')
    .split('\n')
    .filter((text) => line.test(text))
  return lines.reduce((sum, text) => sum + Number(text.split(' ').at(-1)), 0)
}
