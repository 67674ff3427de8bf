import { expect, test } from 'vitest'
import { ruleContext } from '../../rules/language/context.ts'
import { evaluate } from '../../rules/language/evaluate.ts'
import { meets } from '../../rules/language/sample.ts'
import { leavesOf } from '../../rules/language/tree.ts'
import { compileRegex } from '../../rules/regex.ts'
import { buildRuleSet, type RuleSet } from '../../rules/rule-set.ts'
import { importReport } from '../../rules/tools/import-report.ts'
import { isRefusal } from '../../schemas/source.ts'
import { builtinSources } from '../../schemas/source-set.ts'
import { missing, regressionSamples, sigmaFiles } from './sigma-hq.ts'

const skip = missing !== undefined
let loaded: RuleSet | undefined

function ruleSet(): RuleSet {
  loaded ??= buildRuleSet(sigmaFiles(), ruleContext())
  return loaded
}

test.skipIf(skip)(
  'all 3,754 rules compile, but for two that need the values of a placeholder',
  () => {
    const report = importReport(ruleSet())
    expect(report).toMatchObject({
      files: 3754,
      compiled: 3752,
      correlations: 0,
      filters: 0,
      refusedByCode: { placeholder: 2 },
    })
    expect(report.refused.map(({ ruleId, reasons }) => [ruleId, reasons.length])).toEqual([
      [expect.stringMatching(/^[0-9a-f-]{36}$/), 1],
      [expect.stringMatching(/^[0-9a-f-]{36}$/), 1],
    ])
    const context = ruleContext(new Map([['known_cdcs', ['dc1.example.test', '192.0.2.*']]]))
    expect(buildRuleSet(sigmaFiles(), context).rules).toHaveLength(3754)
  },
)

test.skipIf(skip)('what cannot be tagged with the pinned release is counted, not lost', () => {
  const report = importReport(ruleSet())
  expect(report.noTechnique).toHaveLength(468)
  // ATT&CK v19 renumbered some of defense evasion: T1685 and others.
  expect(report.unknownTechnique).toHaveLength(237)
  expect(report.techniques).toBeGreaterThan(300)
  for (const rule of ruleSet().rules) {
    for (const emit of rule.emits) {
      expect([rule.id, emit.tactics.length > 0]).toEqual([rule.id, true])
      expect(emit.confidence).toBeGreaterThanOrEqual(0.3)
    }
  }
})

test.skipIf(skip)('every id is unique and every version tells of its logic', () => {
  const { rules } = ruleSet()
  expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length)
  for (const rule of rules) {
    expect(rule.version).toMatch(/^\d{4}-\d{2}-\d{2}~[0-9a-f]{8}$/)
    expect(rule.version.endsWith(rule.logicHash.slice(0, 8))).toBe(true)
  }
})

test.skipIf(skip)('a number with leading zeros stays text', () => {
  const rule = ruleSet().rules.find(({ id }) => id.startsWith('34aa0252'))
  const values = leavesOf(rule?.condition ?? { op: 'constant', value: false }).flatMap((leaf) =>
    leaf.op === 'equals' || leaf.op === 'contains' || leaf.op === 'endswith' ? [leaf.value] : [],
  )
  expect(values).toContain('00050429')
})

test.skipIf(skip)(
  'every regular expression runs in linear time',
  () => {
    const engines: Record<string, number> = { v8: 0, re2: 0 }
    const seen = new Set<string>()
    const hostile = ['a', ' ', '\\', '-', '%20', 'powershell ', '${'].map((part) =>
      part.repeat(100_000 / part.length),
    )
    for (const leaf of ruleSet().rules.flatMap((rule) => leavesOf(rule.condition))) {
      if (leaf.op !== 'regex' || seen.has(leaf.flags + leaf.pattern)) continue
      seen.add(leaf.flags + leaf.pattern)
      const regex = compileRegex(leaf.pattern, leaf.flags)
      engines[regex.engine] = (engines[regex.engine] ?? 0) + 1
      for (const text of hostile) regex.test(text)
    }
    expect(seen.size).toBeGreaterThan(100)
    expect(engines['re2']).toBeGreaterThan(20)
  },
  30_000,
)

test.skipIf(skip)('each of the 96 regression samples matches its rule', () => {
  const byId = new Map(ruleSet().rules.map((rule) => [rule.id, rule]))
  const sources = builtinSources()
  const samples = regressionSamples()
  expect(samples).toHaveLength(96)
  const missed = samples.filter(({ rule_id, events }) => {
    const rule = byId.get(rule_id)
    return !events.some((record, offset) => {
      const json = Buffer.from(JSON.stringify(record))
      const at = { log: 'l', topic: 'c', partition: 0, offset, recordTimeMs: 0, json }
      const event = sources.read(structuredClone(record), at)
      return (
        rule !== undefined &&
        !isRefusal(event) &&
        meets(rule, event) &&
        evaluate(rule.condition, event)
      )
    })
  })
  expect(missed.map(({ rule_id, title }) => `${rule_id} ${title}`)).toEqual([])
})
