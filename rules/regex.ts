import { RE2JS } from 're2js'
import { messageOf } from '../core/error.ts'
import { parseRegex, type RegexNode, v8Source } from './regex-syntax.ts'

/**
 * Which engine runs a pattern. Attackers write the text, so time must be linear in it.
 *
 * RE2 is linear for every pattern. V8 backtracks, but is about ten times faster on short texts, so
 * it gets a pattern whose work at one starting place is bounded by a small constant: every repeat
 * bounded, and the product of all choices too. Both give the same answer, and a test holds them to it.
 */

export interface RegexTest {
  readonly engine: 'v8' | 're2'
  /** Found anywhere in the first `regexTextCharsMax` characters of `text`? */
  test(text: string): boolean
}

export type RegexFlags = { readonly pattern: string; readonly flags: string }

/** R8: what lies beyond is not searched, only counted. */
export const regexTextCharsMax = 64 * 1024

/** For a metric: how many texts were longer than `regexTextCharsMax`. */
export const regexCounters = { truncatedTotal: 0 }

/** Steps of backtracking at one starting place: 64 Ki places × 256 steps take V8 about 30 ms. */
const stepsMax = 256
const compiledMax = 20_000
const compiled = new Map<string, RegexTest>()

/** Leading `(?ims)` as flags; flags sorted, each once. */
export function normalizeRegex(pattern: string, flags: string): RegexFlags {
  const match = /^\(\?([ims]+)\)/.exec(pattern)
  const all = new Set(flags + (match?.[1] ?? ''))
  return { pattern: pattern.slice(match?.[0].length ?? 0), flags: [...all].sort().join('') }
}

/** What is wrong with a pattern, in the linear engine's words; undefined when nothing is. */
export function regexProblem(pattern: string, flags: string): string | undefined {
  try {
    RE2JS.compile(pattern, re2Flags(flags))
    return undefined
  } catch (thrown) {
    return messageOf(thrown)
  }
}

/** Throws for a pattern that `regexProblem` finds fault with. `flags` of i, m, s. */
export function compileRegex(pattern: string, flags: string): RegexTest {
  const key = `${flags}/${pattern}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const linear = new LazyRe2(pattern, flags)
  const test = v8Test(pattern, flags, linear) ?? re2Test(linear)
  if (compiled.size >= compiledMax) compiled.clear()
  compiled.set(key, test)
  return test
}

function re2Test(linear: LazyRe2): RegexTest {
  linear.compile()
  return { engine: 're2', test: (text) => linear.test(searched(text)) }
}

/**
 * Letters that fold to an ASCII one (ſ, the Kelvin sign) and characters of two code units are where
 * V8 without flag u would differ from RE2: such texts are rare, and go to RE2.
 */
const beyondV8 = /[\u017F\u212A\uD800-\uDFFF]/

function v8Test(pattern: string, flags: string, linear: LazyRe2): RegexTest | undefined {
  const parsed = parseRegex(pattern, flags)
  if (parsed === undefined) return undefined
  const tree = withoutOuterRepeats(parsed)
  if (workOf(tree).steps > stepsMax) return undefined
  const regex = new RegExp(v8Source(tree), flags.includes('i') ? 'i' : '')
  return {
    engine: 'v8',
    test(text) {
      const head = searched(text)
      return beyondV8.test(head) ? linear.test(head) : regex.test(head)
    },
  }
}

/** `.*x.*` is found where `x` is: a repeat at either end of a search need only reach its minimum. */
function withoutOuterRepeats(node: RegexNode): RegexNode {
  if (node.kind === 'choice') return { kind: 'choice', nodes: node.nodes.map(withoutOuterRepeats) }
  if (node.kind !== 'sequence') return node
  const nodes = [...node.nodes]
  while (nodes[0]?.kind === 'repeat' && nodes[0].min === 0) nodes.shift()
  for (let last = nodes.at(-1); last?.kind === 'repeat' && last.min === 0; last = nodes.at(-1)) {
    nodes.pop()
  }
  for (const index of [0, nodes.length - 1]) {
    const end = nodes[index]
    if (end?.kind === 'repeat') nodes[index] = { ...end, max: end.min }
  }
  return { kind: 'sequence', nodes }
}

/**
 * `ways`: in how many ways a node can match at one place; `steps`: how many characters are looked
 * at before all of them have failed. What follows is tried once for each way.
 */
interface Work {
  readonly steps: number
  readonly ways: number
}

function workOf(node: RegexNode): Work {
  switch (node.kind) {
    case 'literal':
    case 'set':
    case 'assertion':
      return { steps: 1, ways: 1 }
    case 'sequence':
      return node.nodes.map(workOf).reduce(followed, { steps: 0, ways: 1 })
    case 'choice': {
      const works = node.nodes.map(workOf)
      return {
        steps: works.reduce((sum, { steps }) => sum + steps, 0),
        ways: works.reduce((sum, { ways }) => sum + ways, 0),
      }
    }
    case 'repeat':
      return repeated(workOf(node.node), node.min, node.max)
  }
}

function followed(first: Work, second: Work): Work {
  return { steps: first.steps + first.ways * second.steps, ways: first.ways * second.ways }
}

function repeated(once: Work, min: number, max: number): Work {
  if (max > stepsMax) return { steps: Number.POSITIVE_INFINITY, ways: Number.POSITIVE_INFINITY }
  let times: Work = { steps: 0, ways: 1 }
  let ways = min === 0 ? 1 : 0
  for (let count = 1; count <= max; count++) {
    times = followed(times, once)
    if (count >= min) ways += times.ways
  }
  return { steps: times.steps, ways }
}

function searched(text: string): string {
  if (text.length <= regexTextCharsMax) return text
  regexCounters.truncatedTotal += 1
  return text.slice(0, regexTextCharsMax)
}

function re2Flags(flags: string): number {
  return (
    (flags.includes('i') ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.includes('m') ? RE2JS.MULTILINE : 0) |
    (flags.includes('s') ? RE2JS.DOTALL : 0)
  )
}

/** Compiling costs more than most patterns ever run, and V8's seldom need it. */
class LazyRe2 {
  readonly #pattern: string
  readonly #flags: string
  #compiled: RE2JS | undefined

  constructor(pattern: string, flags: string) {
    this.#pattern = pattern
    this.#flags = flags
  }

  compile(): RE2JS {
    this.#compiled ??= RE2JS.compile(this.#pattern, re2Flags(this.#flags))
    return this.#compiled
  }

  test(text: string): boolean {
    return this.compile().test(text)
  }
}
