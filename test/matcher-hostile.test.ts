import { expect, test } from 'vitest'
import { naiveRevision } from '../rules/language/naive-revision.ts'
import { compileRevision } from '../rules/matcher/revision.ts'
import type { Leaf, Node } from '../rules/node.ts'
import type { MatchEvent } from '../schemas/event.ts'
import { ruleOf } from './generated-rules.ts'
import { type HostileShape, hostileEvent, hostileShapes } from './hostile-events.ts'

/**
 * R8: whatever an event holds, the work on it is bounded. What is asserted is what bounds it: no rule
 * is evaluated twice, no text is looked at beyond the limit, every pattern is linear. How long that
 * takes is for the benchmark to say.
 */

const fieldBytesMax = 4096

const text = (
  op: 'contains' | 'endswith' | 'startswith' | 'equals',
  field: string,
  value: string,
) => ({ op, field, value, isCased: false }) satisfies Leaf
const all = (...nodes: Node[]): Node => ({ op: 'and', nodes })
const any = (...nodes: Node[]): Node => ({ op: 'or', nodes })
const regex = (pattern: string): Leaf => ({
  op: 'regex',
  field: 'CommandLine',
  pattern,
  flags: 'i',
})

const words = [
  'powershell',
  'whoami /all',
  'mimikatz',
  'net user /add',
  '–e',
  '👩‍💻',
  '`a^b',
  '{0}{1}',
]
const conditions: Node[] = [
  ...words.map((word) => text('contains', 'CommandLine', word)),
  all(
    text('endswith', 'Image', '\\cmd.exe'),
    any(...words.map((word) => text('contains', 'CommandLine', word))),
  ),
  all(text('endswith', 'Image', '\\cmd.exe'), {
    op: 'not',
    node: text('startswith', 'CommandLine', 'c:'),
  }),
  {
    op: 'glob',
    field: 'CommandLine',
    glob: { segments: ['', 'cmd', '/c', 'x\uFFFEy', 'zz'], isCased: false },
  },
  regex('cmd.{0,5}(?:/c|/r).+clip(?:\\.exe)?.{0,4}&&.+clipboard'),
  regex('(a+)+$'),
  regex('(?:set).*&&\\s?set.*(?:environment|invoke|\\$\\{?input).*&&.*"'),
  regex('\\w+`(?:\\w+|-|.)`[\\w+|\\s]'),
  regex('.{900}'),
  { op: 'keyword', glob: { segments: ['', 'mimikatz', ''], isCased: false } },
  { op: 'keyword', glob: { segments: ['', 'cmd', 'clip', ''], isCased: false } },
  { op: 'number', field: 'CommandLine', value: 42 },
  { op: 'cidr', field: 'CommandLine', network: '10.0.0.0/8' },
  { op: 'fieldref', field: 'Image', other: 'CommandLine', how: 'contains', isCased: false },
  { op: 'null', field: 'Missing' },
]
const rules = conditions.map((condition, index) => ruleOf(`rule-${index}`, condition))
const naive = naiveRevision(rules)

/** What the event is to rules: long texts and arrays end at the limit. */
function cutEvent(event: MatchEvent): MatchEvent {
  const fields = Object.fromEntries(
    Object.entries(event.fields).map(([name, value]) => [name, cutValue(value)]),
  )
  return { ...event, fields }
}

function cutValue(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, fieldBytesMax)
  if (!Array.isArray(value)) return value
  let left = fieldBytesMax
  return value.flatMap((element: unknown) => {
    if (left <= 0) return []
    const kept = typeof element === 'string' ? element.slice(0, left) : element
    left -= typeof element === 'string' ? Math.max(16, element.length) : 16
    return [kept]
  })
}

/** Keywords are searched in more of the event than fields are. */
function isOfFields(id: string): boolean {
  return rules.find((rule) => rule.id === id)?.condition.op !== 'keyword'
}

function testShape(shape: HostileShape, bytes: number): void {
  const revision = compileRevision(rules, { fieldBytesMax })
  const event = hostileEvent(shape, bytes, words)
  const matched = revision.match(event).map((rule) => rule.id)
  const { candidatesTotal, cutValuesTotal } = revision.totals()
  expect(candidatesTotal).toBeLessThanOrEqual(rules.length)
  const { CommandLine } = event.fields
  if (typeof CommandLine === 'string' && CommandLine.length > fieldBytesMax) {
    expect(cutValuesTotal).toBeGreaterThan(0)
  }
  const wanted = naive.match(cutEvent(event)).map((rule) => rule.id)
  expect(matched.filter(isOfFields)).toEqual(wanted.filter(isOfFields))
  expect(revision.counters().filter(({ counters }) => counters.errorsTotal > 0)).toEqual([])
}

test.each(hostileShapes)('100 KB of $name are matched in bounded work', (shape) => {
  testShape(shape, 100_000)
})

test.each(hostileShapes)('1 MB of $name is matched in bounded work', (shape) => {
  testShape(shape, 1_000_000)
})
