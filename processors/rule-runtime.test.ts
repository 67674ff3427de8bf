import { expect, test } from 'vitest'
import type { LogRecord } from '../core/kafka.ts'
import { createMetrics } from '../core/metrics.ts'
import { ruleContext } from '../rules/language/context.ts'
import { type CompiledRevision, compileRevision } from '../rules/matcher/revision.ts'
import type { RuleState } from '../rules/rule.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import { builtinSources } from '../schemas/source-set.ts'
import { createCommandProcessor } from './commands.ts'
import type { Outcome } from './processor.ts'
import { RuleRuntime, ruleSeriesMax } from './rule-runtime.ts'

const commands = createCommandProcessor({
  recordBytesMax: 4_096,
  sources: builtinSources(),
  keepRaw: 'matches',
})

function ruleText(id: string, word: string, confidence = 0.8): string {
  return `rule_id: ${id}
rule_version: 1
name: ${id}
applies_to: [command]
match: { pattern: '${word}' }
emits: [{ technique_id: T1033, tactic: TA0007, confidence: ${confidence} }]
`
}

function revisionOf(...texts: readonly string[]): CompiledRevision {
  const files = texts.map((text, n) => ({ path: `${n}.yaml`, text }))
  return buildRuleSet(files, ruleContext()).revision
}

function process(
  revision: CompiledRevision,
  texts: readonly string[],
  states: ReadonlyMap<string, RuleState> = new Map(),
  processor = commands,
): Outcome {
  const records = texts.map((command_text, offset): LogRecord => {
    const value = Buffer.from(JSON.stringify({ kind: 'command', host: 'h1', command_text }))
    return { offset, timestampMs: 1_795_000_000_000, key: null, value }
  })
  const position = { log: 'L', topic: 't', partition: 0, timeMs: 1_795_000_000_000 }
  return processor.process({ ...position, revision, states }, records)
}

test('a rule’s counts go on over an edit, and tags are counted by what became of them', () => {
  const runtime = new RuleRuntime(() => false)
  const first = revisionOf(ruleText('a', 'whoami'), ruleText('faint', 'whoami', 0.1))
  runtime.use(first)
  runtime.add(process(first, ['whoami', 'ls', 'whoami /all']))
  expect(runtime.counts().get('a')).toMatchObject({ events: 3, hits: 2, tags: { written: 2 } })
  expect(runtime.counts().get('faint')).toMatchObject({ hits: 2, tags: { below_floor: 2 } })

  const second = revisionOf(ruleText('a', 'id'))
  runtime.use(second)
  runtime.use(second)
  runtime.add(process(second, ['id', 'whoami']))
  const { events, hits, tags } = runtime.counts().get('a') ?? {}
  expect({ events, hits, tags }).toEqual({ events: 5, hits: 3, tags: { written: 3 } })
  expect(runtime.counts().get('faint')).toMatchObject({ events: 3, hits: 2 })
})

test('metrics hold a series for each rule that hit, and totals for all', async () => {
  const metrics = createMetrics()
  const runtime = new RuleRuntime((id) => id === 'hidden')
  const rules = ['a', 'quiet', 'hidden'].map((id) => ruleText(id, id === 'quiet' ? 'no' : 'who'))
  const revision = revisionOf(...rules)
  runtime.use(revision)
  for (const round of [1, 2]) {
    runtime.add(process(revision, ['whoami']))
    runtime.exportTo(metrics)
    runtime.exportTo(metrics)
    expect(await metrics.total('ttpstream_match_hits_total')).toBe(round)
    expect(await metrics.text()).toContain(`ttpstream_rule_hits_total{rule="a"} ${round}`)
  }
  const text = await metrics.text()
  expect(text).toContain('ttpstream_rule_tags_total{rule="a",outcome="written"} 2')
  expect(text).not.toMatch(/quiet|hidden/)
})

test('rules beyond the limit share a series, and nothing is counted twice', async () => {
  const metrics = createMetrics()
  const runtime = new RuleRuntime(() => false)
  const ids = Array.from({ length: ruleSeriesMax + 20 }, (_, n) => `r${n}`)
  const revision = revisionOf(...ids.map((id) => ruleText(id, 'whoami')))
  runtime.use(revision)
  for (let round = 0; round < 3; round += 1) {
    runtime.add(process(revision, ['whoami']))
    runtime.exportTo(metrics)
  }
  const text = await metrics.text()
  expect(text.match(/^ttpstream_rule_hits_total\{/gm)).toHaveLength(ruleSeriesMax + 1)
  expect(text).toContain('ttpstream_rule_hits_total{rule="other"} 60')
  expect(await metrics.total('ttpstream_rule_hits_total')).toBe(3 * ids.length)
})

test('a rule that throws is told once a revision, counted each time, and costs no other its tags', () => {
  const told: string[] = []
  const rules = revisionOf(ruleText('good', 'whoami'), ruleText('bad', 'whoami')).rules
  const lookAhead = { op: 'regex', field: 'command_text', pattern: '(?=w)', flags: '' } as const
  const broken = rules.map((rule) =>
    rule.id === 'bad' ? { ...rule, condition: lookAhead, logicHash: '' } : rule,
  )
  const revision = compileRevision(broken, { onError: ({ id }) => told.push(id) })
  const runtime = new RuleRuntime(() => false)
  runtime.use(revision)
  const outcome = process(revision, ['whoami', 'whoami'])
  runtime.add(outcome)
  expect(outcome.rows.tags?.map(({ rule_id }) => rule_id)).toEqual(['good', 'good'])
  expect(told).toEqual(['bad'])
  expect(runtime.counts().get('bad')).toMatchObject({ errors: 2, hits: 0 })
})

const noDetail = {
  confidenceMax: null,
  expiresAtMs: null,
  reason: null,
  setBy: null,
  setAtMs: null,
}

test.each(['shadow', 'quarantined'] as const)(
  'a rule that is %s counts its matches and writes no tags',
  (state) => {
    const revision = revisionOf(ruleText('a', 'whoami'), ruleText('b', 'whoami'))
    const states = new Map([['a', { ...noDetail, state }]])
    const { rows, dropped, byRule } = process(revision, ['whoami', 'whoami'], states)
    expect(rows.tags?.map(({ rule_id }) => rule_id)).toEqual(['b', 'b'])
    expect(dropped).toEqual({ [state]: 2 })
    expect(byRule?.get('a')).toEqual({ matches: 2, tags: { [state]: 2 } })
  },
)

test('a rule that is disabled is not evaluated; what it was spared is counted, and exported', async () => {
  const revision = revisionOf(ruleText('a', 'whoami'), ruleText('b', 'whoami'))
  const runtime = new RuleRuntime(() => false)
  runtime.use(revision)
  const states = new Map([['a', { ...noDetail, state: 'disabled' as const }]])
  const outcome = process(revision, ['whoami', 'whoami', 'hostname'], states)
  runtime.add(outcome)
  expect(outcome.rows.tags?.map(({ rule_id }) => rule_id)).toEqual(['b', 'b'])
  expect(outcome.dropped).toEqual({ disabled: 2 })
  expect(outcome.byRule?.get('a')).toEqual({ matches: 0, tags: { disabled: 2 } })
  expect(runtime.counts().get('a')).toMatchObject({ events: 3, candidates: 0, hits: 0 })
  const metrics = createMetrics()
  runtime.exportTo(metrics)
  expect(await metrics.text()).toContain('ttpstream_rule_tags_total{rule="a",outcome="disabled"} 2')
  expect(process(revision, ['whoami']).rows.tags).toHaveLength(2)
})

test('shadow may be said in the rule, or in an overlay over it, and is no new version of it', () => {
  const overlay = 'overlay: site.a\nrules: [a]\nshadow: true\n'
  const plain = revisionOf(ruleText('a', 'whoami'))
  for (const revision of [
    revisionOf(`${ruleText('a', 'whoami')}shadow: true\n`),
    revisionOf(ruleText('a', 'whoami'), overlay),
  ]) {
    expect(process(revision, ['whoami']).dropped).toEqual({ shadow: 1 })
    expect(revision.rules[0]?.version).toBe(plain.rules[0]?.version)
  }
})

test('beyond the limit of a minute the first matches are tagged, the same whenever it is done', () => {
  const limited = createCommandProcessor({
    recordBytesMax: 4_096,
    sources: builtinSources(),
    keepRaw: 'matches',
    ruleMatchesPerMinuteMax: 2,
  })
  const revision = revisionOf(ruleText('a', 'whoami'), ruleText('b', 'id'))
  const words = ['whoami', 'id', 'whoami', 'whoami', 'whoami']
  const outcome = process(revision, words, new Map(), limited)
  expect(outcome.rows.tags?.map(({ offset }) => offset)).toEqual([0, 1, 2])
  expect(outcome.dropped).toEqual({ rate_limited: 2 })
  expect(outcome.rows.commands).toHaveLength(5)
  expect(process(revision, words, new Map(), limited)).toEqual(outcome)
})
