import type { Node } from '../node.ts'
import type { Report, Span } from './report.ts'
import { didYouMean } from './suggest.ts'
import { andOf, atLeastOf, notOf, orOf } from './tree.ts'
import type { YamlScalar } from './yaml.ts'

/**
 * The condition of a rule over its selections.
 *
 *     or     = and { "or" and }
 *     and    = not { "and" not }
 *     not    = "not" not | "(" or ")" | ( number | "any" | "all" ) "of" ( "them" | pattern ) | name
 *
 * `them` and patterns leave out names that begin with `_`, unless the pattern does too.
 */
export interface ParsedCondition {
  readonly node: Node
  /** Names of the selections it uses. */
  readonly used: ReadonlySet<string>
}

/** Undefined when it is none; `report` says why. */
export function parseCondition(
  report: Report,
  scalar: YamlScalar,
  selections: ReadonlyMap<string, Node>,
): ParsedCondition | undefined {
  const pipe = scalar.text.indexOf('|')
  if (pipe !== -1) {
    const note = 'write a correlation rule instead'
    const message = 'aggregation in a condition is no longer part of Sigma'
    report.error('condition-aggregation', message, partOf(scalar, pipe, pipe + 1), note)
    return undefined
  }
  const parser = new Parser(report, scalar, selections)
  const node = parser.parse()
  return node === undefined ? undefined : { node, used: parser.used }
}

interface Token extends Span {
  readonly text: string
}

const depthMax = 100

class Parser {
  readonly used = new Set<string>()
  readonly #report: Report
  readonly #scalar: YamlScalar
  readonly #selections: ReadonlyMap<string, Node>
  readonly #tokens: readonly Token[]
  #next = 0
  #depth = 0

  constructor(report: Report, scalar: YamlScalar, selections: ReadonlyMap<string, Node>) {
    this.#report = report
    this.#scalar = scalar
    this.#selections = selections
    this.#tokens = [...scalar.text.matchAll(/[()]|[^\s()]+/g)].map(({ 0: text, index }) => ({
      text,
      start: index,
      end: index + text.length,
    }))
  }

  parse(): Node | undefined {
    const node = this.#or()
    const rest = this.#tokens[this.#next]
    if (node === undefined || rest === undefined) return node
    return this.#fail(`\`${rest.text}\` does not belong here`, rest, 'join with `and` or `or`')
  }

  #or(): Node | undefined {
    return this.#list('or', () => this.#list('and', () => this.#not()))
  }

  #list(word: 'and' | 'or', operand: () => Node | undefined): Node | undefined {
    const nodes: Node[] = []
    do {
      const node = operand()
      if (node === undefined) return undefined
      nodes.push(node)
    } while (this.#takeWord(word))
    return word === 'and' ? andOf(nodes) : orOf(nodes)
  }

  #not(): Node | undefined {
    this.#depth += 1
    if (this.#depth > depthMax) return this.#fail('this condition is nested too deeply', undefined)
    const node = this.#takeWord('not') ? negated(this.#not()) : this.#operand()
    this.#depth -= 1
    return node
  }

  #operand(): Node | undefined {
    const token = this.#tokens[this.#next]
    this.#next += 1
    if (token === undefined || token.text === ')') {
      return this.#fail('a selection is missing here', token)
    }
    if (token.text === '(') {
      const node = this.#or()
      if (node === undefined || this.#takeWord(')')) return node
      return this.#fail('this parenthesis is not closed', token)
    }
    if (this.#tokens[this.#next]?.text.toLowerCase() === 'of') return this.#quantified(token)
    const node = this.#selections.get(token.text)
    if (node === undefined) return this.#unknown(token)
    this.used.add(token.text)
    return node
  }

  #quantified(quantifier: Token): Node | undefined {
    const pattern = this.#tokens[this.#next + 1]
    this.#next += 2
    if (pattern === undefined) return this.#fail('`of` needs `them` or a pattern', quantifier)
    const names = this.#matching(pattern.text)
    if (names.length === 0) return this.#unknown(pattern)
    const word = quantifier.text.toLowerCase()
    const count = word === 'any' ? 1 : word === 'all' ? names.length : Number(quantifier.text)
    if (!Number.isInteger(count) || count < 1) {
      return this.#fail(`\`${quantifier.text}\` is not a number, \`any\` or \`all\``, quantifier)
    }
    if (count > names.length) {
      const message = `\`${pattern.text}\` names ${names.length} selections, never ${count}`
      return this.#fail(message, quantifier)
    }
    const nodes: Node[] = []
    for (const name of names) {
      const node = this.#selections.get(name)
      if (node !== undefined) nodes.push(node)
      this.used.add(name)
    }
    return atLeastOf(count, nodes)
  }

  #matching(pattern: string): readonly string[] {
    const parts = pattern.toLowerCase() === 'them' ? ['', ''] : pattern.split('*')
    const isHiddenToo = pattern.startsWith('_')
    return [...this.#selections.keys()].filter(
      (name) => (isHiddenToo || !name.startsWith('_')) && matchesParts(name, parts),
    )
  }

  #unknown(token: Token): undefined {
    const note = didYouMean(token.text, this.#selections.keys())
    this.#report.error(
      'unknown-selection',
      `\`${token.text}\` is not a selection of this rule`,
      partOf(this.#scalar, token.start, token.end),
      note ?? `it has ${[...this.#selections.keys()].map((name) => `\`${name}\``).join(', ')}`,
    )
    return undefined
  }

  #fail(message: string, token: Span | undefined, note?: string): undefined {
    const end = this.#scalar.text.length
    const at = token ?? { start: Math.max(0, end - 1), end }
    this.#report.error('condition', message, partOf(this.#scalar, at.start, at.end), note)
    return undefined
  }

  #takeWord(word: string): boolean {
    if (this.#tokens[this.#next]?.text.toLowerCase() !== word) return false
    this.#next += 1
    return true
  }
}

function negated(node: Node | undefined): Node | undefined {
  return node === undefined ? undefined : notOf(node)
}

function matchesParts(name: string, parts: readonly string[]): boolean {
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return name === last
  let from = 0
  for (const [index, part] of parts.slice(0, -1).entries()) {
    const at = name.indexOf(part, from)
    if (at === -1 || (index === 0 && at !== 0)) return false
    from = at + part.length
  }
  return name.length - last.length >= from && name.endsWith(last)
}

/** A part of a scalar's text where the file holds that text as it is; else the whole scalar. */
function partOf(scalar: YamlScalar, start: number, end: number): Span {
  if (scalar.end - scalar.start !== scalar.text.length) return scalar
  return { start: scalar.start + start, end: scalar.start + end }
}
