import type { MatchEvent } from '../../schemas/event.ts'
import { type EmittedTechnique, emitsOf } from '../emit.ts'
import { evidenceOf } from '../evidence.ts'
import { fieldValue } from '../field.ts'
import { evaluate } from '../language/evaluate.ts'
import { meets } from '../language/sample.ts'
import { anyCharacter, type Glob, type Leaf, type Node } from '../node.ts'
import type { Rule } from '../rule.ts'

/** `rules explain`: why a rule matches an event, or which part keeps it from doing so. */
export interface Explanation {
  readonly ruleId: string
  readonly version: string
  /** Does the rule meet the event at all, by kind or log source? */
  readonly meets: boolean
  readonly isMatch: boolean
  readonly condition: ExplainedNode
  readonly selections: readonly { readonly name: string; readonly node: ExplainedNode }[]
  readonly emits: readonly EmittedTechnique[]
  readonly evidence: Readonly<Record<string, unknown>>
}

export interface ExplainedNode {
  readonly isTrue: boolean
  /** `Image endswith '\\cmd.exe'`, `and`, `not`, … */
  readonly text: string
  /** Of a leaf: what the event has there; absent when it has nothing. */
  readonly value?: unknown
  readonly nodes: readonly ExplainedNode[]
}

export function explain(rule: Rule, event: MatchEvent): Explanation {
  const isMet = meets(rule, event)
  const isMatch = isMet && evaluate(rule.condition, event)
  return {
    ruleId: rule.id,
    version: rule.version,
    meets: isMet,
    isMatch,
    condition: explainNode(rule.condition, event),
    selections: [...rule.selections].map(([name, node]) => ({
      name,
      node: explainNode(node, event),
    })),
    emits: isMatch ? emitsOf(rule, event) : [],
    evidence: isMatch ? evidenceOf(rule, event) : {},
  }
}

/** An indented tree, one line a node: `+` holds, `-` does not. */
export function formatExplanation(explanation: Explanation): string {
  const { ruleId, version, selections, emits } = explanation
  const verdict = explanation.isMatch
    ? 'matches'
    : explanation.meets
      ? 'does not match'
      : 'does not read events of this kind or log source'
  const lines = [`${ruleId} ${version} ${verdict}`]
  lines.push(...formatNode('condition', explanation.condition, 1))
  for (const { name, node } of selections) lines.push(...formatNode(name, node, 1))
  for (const { techniqueId, subTechniqueId, confidence, tactics } of emits) {
    lines.push(`  emits ${subTechniqueId || techniqueId} (${tactics.join(', ')}) ${confidence}`)
  }
  return lines.join('\n')
}

/** Longer values say no more. */
const valueCharsMax = 120

function formatNode(name: string, node: ExplainedNode, depth: number): readonly string[] {
  const sign = node.isTrue ? '+' : '-'
  const label = name === '' ? '' : `${name}: `
  const value = 'value' in node && node.nodes.length === 0 ? `   ← ${shown(node.value)}` : ''
  return [
    `${'  '.repeat(depth)}${sign} ${label}${node.text}${value}`,
    ...node.nodes.flatMap((child) => formatNode('', child, depth + 1)),
  ]
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > valueCharsMax ? `${text.slice(0, valueCharsMax)}…` : text
}

function explainNode(node: Node, event: MatchEvent): ExplainedNode {
  const isTrue = evaluate(node, event)
  const children = (nodes: readonly Node[]) => nodes.map((child) => explainNode(child, event))
  switch (node.op) {
    case 'and':
      return { isTrue, text: 'all of', nodes: children(node.nodes) }
    case 'or':
      return { isTrue, text: 'any of', nodes: children(node.nodes) }
    case 'atleast':
      return { isTrue, text: `${node.count} of`, nodes: children(node.nodes) }
    case 'not':
      return { isTrue, text: 'not', nodes: children([node.node]) }
    case 'constant':
      return { isTrue, text: node.value ? 'always' : 'never', nodes: [] }
    default: {
      const value = node.op === 'keyword' ? undefined : fieldValue(event.fields, node.field)
      const text = leafText(node)
      return { isTrue, text, ...(value === undefined ? {} : { value }), nodes: [] }
    }
  }
}

/** A leaf as a person would say it. */
export function leafText(leaf: Leaf): string {
  switch (leaf.op) {
    case 'equals':
    case 'startswith':
    case 'endswith':
    case 'contains':
      return `${leaf.field} ${leaf.op} '${leaf.value}'${leaf.isCased ? ' (cased)' : ''}`
    case 'glob':
      return `${leaf.field} is like '${globText(leaf.glob)}'`
    case 'keyword':
      return `any value contains '${globText(leaf.glob)}'`
    case 'regex':
      return `${leaf.field || 'any value'} matches /${leaf.pattern}/${leaf.flags}`
    case 'number':
      return `${leaf.field} is ${leaf.value}`
    case 'boolean':
      return `${leaf.field} is ${leaf.value}`
    case 'lt':
      return `${leaf.field} < ${leaf.value}`
    case 'lte':
      return `${leaf.field} <= ${leaf.value}`
    case 'gt':
      return `${leaf.field} > ${leaf.value}`
    case 'gte':
      return `${leaf.field} >= ${leaf.value}`
    case 'cidr':
      return `${leaf.field} is in ${leaf.network}`
    case 'timepart':
      return `the ${leaf.part} of ${leaf.field} is ${leaf.value}`
    case 'null':
      return `${leaf.field} is missing or null`
    case 'present':
      return `${leaf.field} is there`
    case 'fieldref':
      return `${leaf.field} ${leaf.how} the value of ${leaf.other}`
  }
}

function globText(glob: Glob): string {
  return glob.segments.map((segment) => segment.replaceAll(anyCharacter, '?')).join('*')
}
