import type { Diagnostic } from '../../core/diagnostic.ts'
import { leavesOf } from '../language/tree.ts'
import type { Leaf } from '../node.ts'
import type { Rule } from '../rule.ts'

/** `rules lint`: rules that load, and could be better. Every finding is a warning. */
export function lintRules(rules: readonly Rule[]): readonly Diagnostic[] {
  const byLogic = new Map<string, Rule>()
  return rules.flatMap((rule) => {
    const twin = byLogic.get(rule.logicHash)
    if (twin === undefined) byLogic.set(rule.logicHash, rule)
    const findings = lints.flatMap(({ code, find }) => {
      const message = find(rule)
      return message === undefined ? [] : [warning(rule, code, message)]
    })
    if (twin !== undefined) {
      findings.push(warning(rule, 'same-logic', `does exactly what \`${twin.id}\` does`))
    }
    return findings
  })
}

interface Lint {
  readonly code: string
  readonly doc: string
  /** What is wrong with a rule, as the end of a sentence about it. */
  readonly find: (rule: Rule) => string | undefined
}

/** Shorter literals stand almost everywhere. */
const literalCharsMin = 3

export const lints: readonly Lint[] = [
  {
    code: 'no-positive-test',
    doc: 'a native rule needs a sample that matches',
    find: (rule) =>
      rule.language === 'native' && !rule.samples.some(({ emits }) => emits.length > 0)
        ? 'has no sample that must match'
        : undefined,
  },
  {
    code: 'no-negative-test',
    doc: 'a native rule needs a sample that must not match',
    find: (rule) =>
      rule.language === 'native' && !rule.samples.some(({ emits }) => emits.length === 0)
        ? 'has no sample that must not match'
        : undefined,
  },
  {
    code: 'no-evidence',
    doc: 'a tag without evidence cannot be judged',
    find: (rule) => (rule.evidenceFields?.length === 0 ? 'keeps no evidence' : undefined),
  },
  {
    code: 'no-description',
    doc: 'a description tells the analyst what was seen',
    find: (rule) => (rule.description === '' ? 'has no description' : undefined),
  },
  {
    code: 'no-technique',
    doc: 'a rule without a technique counts hits and tags nothing',
    find: (rule) => (rule.emits.length === 0 ? 'names no technique' : undefined),
  },
  {
    code: 'open-condition',
    doc: 'a condition of negations alone holds for most events',
    find: (rule) =>
      rule.condition.op === 'not' || rule.condition.op === 'null'
        ? 'holds for every event that lacks something'
        : undefined,
  },
  {
    code: 'short-literal',
    doc: `a search for fewer than ${literalCharsMin} characters finds them everywhere`,
    find(rule) {
      const short = leavesOf(rule.condition).find(isShort)
      return short === undefined ? undefined : `searches for \`${literalOf(short)}\` anywhere`
    },
  },
  {
    code: 'idle-wildcard',
    doc: '`.*` at the end of a searched pattern changes nothing',
    find(rule) {
      const idle = leavesOf(rule.condition).find(
        (leaf) => leaf.op === 'regex' && /^\.\*|(?<!\\)\.\*$/.test(leaf.pattern),
      )
      return idle?.op === 'regex'
        ? `searches for /${idle.pattern}/ with \`.*\` at an end`
        : undefined
    },
  },
]

function isShort(leaf: Leaf): boolean {
  if (leaf.op === 'contains') return leaf.value.length < literalCharsMin
  return leaf.op === 'keyword' && literalOf(leaf).length < literalCharsMin
}

function literalOf(leaf: Leaf): string {
  if (leaf.op === 'contains') return leaf.value
  return leaf.op === 'keyword' ? leaf.glob.segments.join('') : ''
}

function warning(rule: Rule, code: string, message: string): Diagnostic {
  const { file, line, id } = rule
  return { severity: 'warning', code, message: `\`${id}\` ${message}`, file, line, column: 1 }
}
