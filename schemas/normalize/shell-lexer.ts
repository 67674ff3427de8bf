/**
 * A tolerant lexer for POSIX shells and bash: text to words, operators and redirections.
 *
 * Contract:
 * - Total: any text gives tokens. A quote that is never closed is an ordinary character, a
 *   substitution that is never closed ends with the text.
 * - Linear: every character is looked at once per level of nesting, and nesting is bounded.
 * - Quotes and escapes are gone from the words; what they protected is marked `isQuoted`.
 */

import { readEscape } from './shell-escape.ts'

export type Part =
  | { readonly kind: 'text'; readonly text: string }
  /** `$name`, `${name}` and `${name…}`; `modifier` is what follows the name inside the braces. */
  | {
      readonly kind: 'variable'
      readonly name: string
      readonly modifier: string
      readonly isQuoted: boolean
    }
  /** `$(…)`, backticks (as `$(`), `<(…)`, `>(…)`. */
  | {
      readonly kind: 'script'
      readonly open: '$(' | '<(' | '>('
      readonly tokens: readonly Token[]
      readonly isQuoted: boolean
    }

export type Token =
  | { readonly kind: 'word'; readonly parts: readonly Part[] }
  /** `;` `&` `&&` `||` `|` `|&` `;;` `(` `)` `{` `}` or a newline. */
  | { readonly kind: 'operator'; readonly text: string }
  /** `>` `2>>` `&>` `<` `<<<` … whose target is the next word; complete ones such as `2>&1` have none. */
  | { readonly kind: 'redirect'; readonly text: string; readonly hasTarget: boolean }
  | { readonly kind: 'heredoc'; readonly body: string }

/** Private-use characters that stand for an unquoted `{`, `,` or `}` of a brace expansion. */
export const braceOpen = '\uE000'
export const braceComma = '\uE001'
export const braceClose = '\uE002'

export const nestingMax = 8

const nameStart = /[A-Za-z_]/
const nameRest = /[A-Za-z0-9_]/
const parameter = /[0-9@*#?!$-]/
const ordinary = /[A-Za-z0-9_./:=@%+~^*?![\]-]+/y
const bracedMax = 256

/**
 * `depth` is how many scripts this one is already nested in. Private-use characters that mean
 * braces here must not be in the text.
 */
export function lexShell(text: string, depth = 0): readonly Token[] {
  return new ShellLexer(text, depth, null).script()
}

class ShellLexer {
  readonly #text: string
  readonly #depth: number
  readonly #isNested: boolean
  readonly #tokens: Token[] = []
  #at: number
  #parts: Part[] = []
  #literal = ''
  #hasWord = false
  #braces = 0
  #mayQuote = true
  #heredocs: string[] = []
  #awaitsDelimiter = false

  /** `nestedAt` is where the body of a substitution begins; null for a whole text. */
  constructor(text: string, depth: number, nestedAt: number | null) {
    this.#text = text
    this.#depth = depth
    this.#isNested = nestedAt !== null
    this.#at = nestedAt ?? 0
  }

  /** Tokens up to the end of the text, or to the `)` that closes this substitution. */
  script(): readonly Token[] {
    let open = 0
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at)
      if (char === '(') open++
      if (char === ')' && open === 0 && this.#isNested) break
      if (char === ')') open = Math.max(0, open - 1)
      this.#step(char)
    }
    this.#endWord()
    return this.#tokens
  }

  #step(char: string): void {
    if (char === ' ' || char === '\t' || char === '\r') {
      this.#endWord()
      this.#at++
    } else if (char === '\n') this.#newline()
    else if (char === "'") this.#singleQuote()
    else if (char === '"') this.#doubleQuote()
    else if (char === '\\') this.#backslash()
    else if (char === '$') this.#dollar(false)
    else if (char === '`') this.#backtick(false)
    else if (char === '<' || char === '>') this.#angle(char)
    else if (char === ';' || char === '|' || char === '&') this.#operator(char)
    else if (char === '(' || char === ')') this.#pushOperator(char)
    else if (char === '{' || char === '}') this.#brace(char)
    else if (char === '#' && !this.#hasWord) this.#comment()
    else this.#ordinary(char)
  }

  #ordinary(char: string): void {
    ordinary.lastIndex = this.#at
    const run = ordinary.exec(this.#text)?.[0]
    if (run !== undefined) this.#take(run)
    else this.#take(char === ',' && this.#braces > 0 ? braceComma : printable(char))
    this.#at += run?.length ?? 1
  }

  #take(text: string): void {
    this.#literal += text
    this.#hasWord = true
  }

  #pushPart(part: Part): void {
    if (this.#literal !== '') this.#parts.push({ kind: 'text', text: this.#literal })
    this.#literal = ''
    this.#parts.push(part)
    this.#hasWord = true
  }

  #endWord(): void {
    if (!this.#hasWord) return
    if (this.#literal !== '') this.#parts.push({ kind: 'text', text: this.#literal })
    if (this.#awaitsDelimiter) {
      this.#heredocs.push(
        this.#parts.map((part) => (part.kind === 'text' ? part.text : '')).join(''),
      )
      this.#awaitsDelimiter = false
    }
    this.#tokens.push({ kind: 'word', parts: this.#parts })
    this.#parts = []
    this.#literal = ''
    this.#hasWord = false
    this.#braces = 0
  }

  #pushOperator(text: string): void {
    this.#endWord()
    this.#tokens.push({ kind: 'operator', text })
    this.#at += text.length
  }

  /** A newline ends the command and starts the bodies of its here-documents. */
  #newline(): void {
    this.#endWord()
    const delimiters = this.#heredocs
    this.#heredocs = []
    this.#at++
    for (const delimiter of delimiters) this.#heredoc(delimiter)
    this.#tokens.push({ kind: 'operator', text: '\n' })
  }

  #heredoc(delimiter: string): void {
    let body = ''
    while (this.#at < this.#text.length) {
      const end = this.#text.indexOf('\n', this.#at)
      const line = this.#text.slice(this.#at, end === -1 ? undefined : end)
      this.#at = end === -1 ? this.#text.length : end + 1
      if (line.trim() === delimiter) break
      body += `${line}\n`
    }
    this.#tokens.push({ kind: 'heredoc', body })
  }

  #singleQuote(): void {
    const end = this.#text.indexOf("'", this.#at + 1)
    if (end === -1) this.#take("'")
    else this.#take(this.#text.slice(this.#at + 1, end))
    this.#at = end === -1 ? this.#at + 1 : end + 1
  }

  #backslash(): void {
    const next = this.#text.charAt(this.#at + 1)
    if (next !== '\n') this.#take(next === '' ? '\\' : next)
    this.#at += 2
  }

  #doubleQuote(): void {
    if (!this.#mayQuote || !this.#hasClosingDouble()) {
      // None further on can be closed either, so the search is made once.
      this.#mayQuote = false
      this.#take('"')
      this.#at++
      return
    }
    this.#hasWord = true
    this.#at++
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at)
      if (char === '"') break
      if (char === '$') this.#dollar(true)
      else if (char === '`') this.#backtick(true)
      else if (char === '\\') {
        const next = this.#text.charAt(this.#at + 1)
        if (next === '"' || next === '\\' || next === '$' || next === '`') this.#take(next)
        else if (next !== '\n') this.#take(`\\${next}`)
        this.#at += 2
      } else {
        this.#take(printable(char))
        this.#at++
      }
    }
    this.#at++
  }

  #hasClosingDouble(): boolean {
    for (let at = this.#at + 1; at < this.#text.length; at++) {
      const char = this.#text.charCodeAt(at)
      if (char === 0x5c) at++
      else if (char === 0x22) return true
    }
    return false
  }

  #dollar(isQuoted: boolean): void {
    const next = this.#text.charAt(this.#at + 1)
    if (next === "'" && !isQuoted) this.#ansiQuote()
    else if (next === '"' && !isQuoted) this.#at++
    else if (next === '(' && this.#text.charAt(this.#at + 2) === '(') this.#arithmetic(isQuoted)
    else if (next === '(') this.#substitution('$(', isQuoted)
    else if (next === '{') this.#bracedVariable(isQuoted)
    else if (nameStart.test(next)) {
      let end = this.#at + 2
      while (end < this.#text.length && nameRest.test(this.#text.charAt(end))) end++
      this.#variable(this.#text.slice(this.#at + 1, end), '', isQuoted)
      this.#at = end
    } else if (next !== '' && parameter.test(next)) {
      this.#variable(next, '', isQuoted)
      this.#at += 2
    } else {
      this.#take('$')
      this.#at++
    }
  }

  #variable(name: string, modifier: string, isQuoted: boolean): void {
    this.#pushPart({ kind: 'variable', name, modifier, isQuoted })
  }

  #bracedVariable(isQuoted: boolean): void {
    const rest = this.#text.slice(this.#at + 2, this.#at + 2 + bracedMax)
    const inner = rest.slice(0, Math.max(0, rest.indexOf('}')))
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!$-])/.exec(inner)?.[0]
    if (name === undefined) {
      this.#take('$')
      this.#at++
      return
    }
    this.#variable(name, inner.slice(name.length), isQuoted)
    this.#at += inner.length + 3
  }

  #ansiQuote(): void {
    this.#hasWord = true
    this.#at += 2
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at)
      if (char === "'") break
      if (char === '\\') {
        const found = readEscape(this.#text, this.#at)
        this.#take(found.text)
        this.#at = found.end
      } else {
        this.#take(char)
        this.#at++
      }
    }
    this.#at++
  }

  /** `$((…))` stays as it is written; two words side by side in it are no sum but a command. */
  #arithmetic(isQuoted: boolean): void {
    const end = this.#text.slice(this.#at, this.#at + bracedMax).indexOf('))')
    const sum = this.#text.slice(this.#at, this.#at + Math.max(0, end) + 2)
    if (end === -1 || !/^[\w\s+*/%<>=!&|^~()?:,$[\]#-]+$/.test(sum) || /\w\s+\w/.test(sum)) {
      this.#substitution('$(', isQuoted)
      return
    }
    this.#take(sum)
    this.#at += sum.length
  }

  #substitution(open: '$(' | '<(' | '>(', isQuoted: boolean): void {
    if (this.#depth >= nestingMax) {
      this.#take(open)
      this.#at += 2
      return
    }
    const inner = new ShellLexer(this.#text, this.#depth + 1, this.#at + 2)
    const tokens = inner.script()
    this.#at = inner.#at + 1
    this.#pushPart({ kind: 'script', open, tokens, isQuoted })
  }

  #backtick(isQuoted: boolean): void {
    let end = this.#at + 1
    while (end < this.#text.length && this.#text.charAt(end) !== '`') {
      end += this.#text.charAt(end) === '\\' ? 2 : 1
    }
    if (end >= this.#text.length || this.#depth >= nestingMax) {
      this.#at++
      return
    }
    const inner = this.#text.slice(this.#at + 1, end).replaceAll('\\`', '`')
    this.#at = end + 1
    const tokens = lexShell(inner, this.#depth + 1)
    this.#pushPart({ kind: 'script', open: '$(', tokens, isQuoted })
  }

  #angle(char: '<' | '>'): void {
    if (this.#text.charAt(this.#at + 1) === '(') {
      this.#substitution(char === '<' ? '<(' : '>(', false)
      return
    }
    const isDescriptor = this.#parts.length === 0 && /^[0-9]{1,3}$/.test(this.#literal)
    const descriptor = isDescriptor ? this.#literal : ''
    if (isDescriptor) {
      this.#literal = ''
      this.#hasWord = false
    }
    this.#endWord()
    this.#redirect(descriptor)
  }

  #redirect(descriptor: string): void {
    const rest = this.#text.slice(this.#at, this.#at + 12)
    const sign = /^(?:<<<|<<-|&>>|&>|<<|<>|>>|>\||>&|<&|<|>)/.exec(rest)?.[0] ?? ''
    this.#at += sign.length
    const duplicate = /[<>]&$/.test(sign)
      ? /^(?:[0-9]{1,3}-?|-)(?![^\s;|&<>()])/.exec(rest.slice(sign.length))?.[0]
      : undefined
    if (duplicate !== undefined) this.#at += duplicate.length
    const text = `${descriptor}${sign}${duplicate ?? ''}`
    this.#tokens.push({ kind: 'redirect', text, hasTarget: duplicate === undefined })
    if (sign === '<<' || sign === '<<-') this.#awaitsDelimiter = true
  }

  #operator(char: string): void {
    const next = this.#text.charAt(this.#at + 1)
    if (char === '&' && next === '>') {
      this.#endWord()
      this.#redirect('')
    } else if (next === char || (char === '|' && next === '&')) this.#pushOperator(char + next)
    else this.#pushOperator(char)
  }

  /** A brace that stands alone groups commands; one inside a word may list alternatives. */
  #brace(char: '{' | '}'): void {
    const next = this.#text.charAt(this.#at + 1)
    const isAlone = !this.#hasWord && (next === '' || /[\s;|&()<>]/.test(next))
    if (isAlone) this.#pushOperator(char)
    else {
      if (char === '{') this.#braces++
      this.#take(char === '{' ? braceOpen : this.#braces > 0 ? braceClose : '}')
      if (char === '}' && this.#braces > 0) this.#braces--
      this.#at++
    }
  }

  #comment(): void {
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.#text.length : end
  }
}

/** Other control characters than tab and newline are dropped. */
function printable(char: string): string {
  const code = char.charCodeAt(0)
  const isControl = code < 0x20 || code === 0x7f
  return isControl && code !== 0x09 && code !== 0x0a ? '' : char
}
