/**
 * The part of RE2's syntax that V8 can run with the same answers: ASCII literals, classes, groups,
 * alternatives, repeats, anchors. Anything else is undefined here, and stays with the linear engine.
 */

export type RegexNode =
  | { readonly kind: 'literal'; readonly character: string }
  /** One character out of a set; `source` in V8's syntax. */
  | { readonly kind: 'set'; readonly source: string }
  /** `^`, `$`, `\b`, `\B` in V8's syntax. */
  | { readonly kind: 'assertion'; readonly source: string }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly RegexNode[] }
  | {
      readonly kind: 'repeat'
      readonly node: RegexNode
      readonly min: number
      readonly max: number
    }

/** `flags` of i, m, s, as in a regex leaf. */
export function parseRegex(pattern: string, flags: string): RegexNode | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked for.
  if (!/^[\x00-\x7f]*$/.test(pattern)) return undefined
  try {
    return new Parser(pattern, flags).pattern()
  } catch (thrown) {
    if (thrown === unsupported) return undefined
    throw thrown
  }
}

/** The same pattern for V8, without flags m and s. */
export function v8Source(node: RegexNode): string {
  switch (node.kind) {
    case 'literal':
      return escaped(node.character)
    case 'set':
    case 'assertion':
      return node.source
    case 'sequence':
      return node.nodes.map(v8Source).join('')
    case 'choice':
      return `(?:${node.nodes.map(v8Source).join('|')})`
    case 'repeat': {
      const max = node.max === Number.POSITIVE_INFINITY ? '' : String(node.max)
      return `(?:${v8Source(node.node)}){${node.min},${max}}`
    }
  }
}

const unsupported = new Error('not in the common subset')
const depthMax = 50

const sets: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
}
const controls: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  f: '\f',
  v: '\v',
  a: '\x07',
}

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  if (/[0-9A-Za-z_]/.test(character)) return character
  return `\\x${code.toString(16).padStart(2, '0')}`
}

class Parser {
  readonly #text: string
  readonly #flags: string
  #at = 0
  #depth = 0

  constructor(text: string, flags: string) {
    this.#text = text
    this.#flags = flags
  }

  pattern(): RegexNode {
    const node = this.#choice()
    if (this.#at < this.#text.length) throw unsupported
    return node
  }

  #choice(): RegexNode {
    this.#depth += 1
    if (this.#depth > depthMax) throw unsupported
    const nodes = [this.#sequence()]
    while (this.#take('|')) nodes.push(this.#sequence())
    this.#depth -= 1
    const [only] = nodes
    return nodes.length === 1 && only !== undefined ? only : { kind: 'choice', nodes }
  }

  #sequence(): RegexNode {
    const nodes: RegexNode[] = []
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text.charAt(this.#at))) {
      nodes.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', nodes }
  }

  #repeated(node: RegexNode): RegexNode {
    const match = /^(?:([*+?])|\{(\d{1,4})(,(\d{0,4}))?\})/.exec(
      this.#text.slice(this.#at, this.#at + 12),
    )
    if (match === null) return node
    if (node.kind === 'assertion') throw unsupported
    this.#at += match[0].length
    this.#take('?') // lazy or greedy, the answer is the same
    if (/^[*+?{]/.test(this.#text.slice(this.#at, this.#at + 1))) throw unsupported
    const [, sign, low, range, high] = match
    if (sign !== undefined) {
      return {
        kind: 'repeat',
        node,
        min: sign === '+' ? 1 : 0,
        max: sign === '?' ? 1 : Number.POSITIVE_INFINITY,
      }
    }
    const min = Number(low)
    const max = range === undefined ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high)
    if (min > max) throw unsupported
    return { kind: 'repeat', node, min, max }
  }

  #atom(): RegexNode {
    const character = this.#text.charAt(this.#at)
    this.#at += 1
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return this.#class()
      case '.':
        return { kind: 'set', source: this.#flags.includes('s') ? '[^]' : '[^\\n]' }
      case '^':
        return { kind: 'assertion', source: this.#flags.includes('m') ? '(?:^|(?<=\\n))' : '^' }
      case '$':
        return { kind: 'assertion', source: this.#flags.includes('m') ? '(?:$|(?=\\n))' : '$' }
      case '\\':
        return this.#escape()
      case '*':
      case '+':
      case '?':
        throw unsupported
      default:
        return { kind: 'literal', character }
    }
  }

  #group(): RegexNode {
    if (this.#take('?') && !this.#take(':')) throw unsupported
    const node = this.#choice()
    if (!this.#take(')')) throw unsupported
    return node
  }

  #escape(): RegexNode {
    const letter = this.#text.charAt(this.#at)
    this.#at += 1
    if (letter === 'b' || letter === 'B') return { kind: 'assertion', source: `\\${letter}` }
    const set = sets[letter.toLowerCase()]
    if (set !== undefined && /[A-Za-z]/.test(letter)) {
      return { kind: 'set', source: letter === letter.toLowerCase() ? `[${set}]` : `[^${set}]` }
    }
    return { kind: 'literal', character: this.#escapedCharacter(letter) }
  }

  /** After the backslash and `letter`. */
  #escapedCharacter(letter: string): string {
    const control = controls[letter]
    if (control !== undefined) return control
    if (letter === 'x') {
      const match = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,2})\})/.exec(
        this.#text.slice(this.#at, this.#at + 6),
      )
      if (match === null) throw unsupported
      this.#at += match[0].length
      const code = Number.parseInt(match[1] ?? match[2] ?? '', 16)
      if (code > 0x7f) throw unsupported
      return String.fromCharCode(code)
    }
    if (letter === '' || /[0-9A-Za-z]/.test(letter)) throw unsupported
    return letter
  }

  #class(): RegexNode {
    const isNegated = this.#take('^')
    let source = ''
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#text.charAt(this.#at)
      if (character === '') throw unsupported
      if (character === ']' && !isFirst) break
      source += this.#classItem()
    }
    this.#at += 1
    return { kind: 'set', source: `[${isNegated ? '^' : ''}${source}]` }
  }

  #classItem(): string {
    const low = this.#classCharacter()
    if (low.length > 1) return low
    const isRange = this.#text.charAt(this.#at) === '-' && this.#text.charAt(this.#at + 1) !== ']'
    if (!isRange) return escaped(low)
    this.#at += 1
    const high = this.#classCharacter()
    if (high.length > 1 || high < low) throw unsupported
    return `${escaped(low)}-${escaped(high)}`
  }

  /** One character, or the several of a set such as `\d`. */
  #classCharacter(): string {
    const character = this.#text.charAt(this.#at)
    this.#at += 1
    if (character === '[' && this.#text.charAt(this.#at) === ':') throw unsupported
    if (character !== '\\') return character
    const letter = this.#text.charAt(this.#at)
    this.#at += 1
    const set = sets[letter]
    return set ?? this.#escapedCharacter(letter)
  }

  #take(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false
    this.#at += 1
    return true
  }
}
