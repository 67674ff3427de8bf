import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatDiagnostic } from '../../core/diagnostic.ts'
import { buildRuleSet } from '../rule-set.ts'
import { sigmaConfidence, sigmaLevels, sigmaStatuses } from './confidence.ts'
import { ruleContext } from './context.ts'
import { modifiers } from './modifier.ts'
import { nativeKeys } from './native.ts'

const text = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '')

test('every example of the rule language loads, passes its tests and warns of nothing', () => {
  const files = blocks.map((block, n) => ({ path: `example-${n}.yaml`, text: block }))
  const set = buildRuleSet(files, ruleContext())
  expect(set.diagnostics.map(formatDiagnostic)).toEqual([])
  expect(set.rules).toHaveLength(5)
  expect(set.correlations).toHaveLength(1)
  expect(set.rules.find(({ language }) => language === 'sigma')?.condition.op).toBe('and')
})

test('the first example shows every key of a native rule', () => {
  const keys = [...(blocks[0] ?? '').matchAll(/^(\w+):/gm)].map((match) => match[1])
  expect(keys.toSorted()).toEqual([...nativeKeys].sort())
})

test('the table of modifiers is the one that the parser reads', () => {
  const rows = Object.entries(modifiers).map(([name, { doc }]) => `| \`${name}\` | ${doc} |`)
  expect(text).toContain(rows.join('\n'))
})

test('the table of confidences is the one that is used', () => {
  const rows = sigmaLevels.map((level) => {
    const cells = sigmaStatuses.map((status) => sigmaConfidence[level][status])
    return `| ${level || 'none'} | ${cells.join(' | ')} |`
  })
  expect(text).toContain(rows.join('\n'))
})
