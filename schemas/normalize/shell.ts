import type { Token } from './shell-lexer.ts'
import { lexShell, nestingMax } from './shell-lexer.ts'
import { isText, outputOf } from './shell-output.ts'
import {
  cleanPath,
  targetsOf,
  withoutAssignments,
  withoutReserved,
  withShortName,
} from './shell-prefix.ts'
import { scriptsOf } from './shell-script.ts'
import type { Field, Scope, ScriptResult, Stream } from './shell-words.ts'
import { expandWord, plainField, valueMax } from './shell-words.ts'

/**
 * A shell line in a form that rules can match: what would run, not how it was spelled.
 *
 * Contract: pure and total; the work is at most proportional to the text's length and never more
 * than `workMax` characters looked at or produced. Nothing is run, no file or environment is read:
 * what the line alone does not tell stays as it was written.
 */

export interface ShellForm {
  /**
   * The whole line, single spaced, prefixes such as `sudo` left out, operators kept; scripts that it
   * hides (`sh -c '…'`, `… | base64 -d | sh`) follow after ` ; `.
   */
  readonly line: string
  /**
   * Every simple command, substitutions' and hidden scripts' too. One that stands behind prefixes
   * is there with and without each: `sudo busybox id`, `busybox id` and `id`.
   */
  readonly commands: readonly string[]
  /** Characters spent, of `workMax`. */
  readonly work: number
}

export const shellTextMax = 16_384
export const commandsMax = 256
export const workMax = 8 * shellTextMax
const lineMax = 4 * shellTextMax
const variablesMax = 64

export function normalizeShell(text: string): ShellForm {
  const reader = new ShellReader()
  const line = reader.readText(text.slice(0, shellTextMax))
  return reader.form(line)
}

/** A command being collected. */
interface Draft {
  words: Field[]
  redirects: string[]
  /** A here-string or here-document. */
  input: Stream | null
  /** The redirection whose target the next word is. */
  awaited: string | null
}

class ShellReader implements Scope {
  readonly variables = new Map<string, string>()
  readonly #commands: string[] = []
  readonly #hidden: string[] = []
  #work = 0
  #depth = 0

  spend(count: number): boolean {
    if (this.#work + count > workMax) return false
    this.#work += count
    return true
  }

  readText(text: string): string {
    if (!this.spend(text.length)) return ''
    const tokens = lexShell(text.replace(/[\uE000-\uE002]/g, '\uFFFD'), this.#depth)
    return this.#read(tokens, false).line
  }

  form(line: string): ShellForm {
    const whole = [line, ...this.#hidden].filter((part) => part !== '').join(' ; ')
    return {
      line: whole.slice(0, lineMax),
      commands: [...new Set(this.#commands)],
      work: this.#work,
    }
  }

  /** A substitution: its output goes into a word, so it is not a script of its own. */
  run(tokens: readonly Token[]): ScriptResult {
    if (this.#depth >= nestingMax) return { line: '', output: null }
    this.#depth++
    const result = this.#read(tokens, true)
    this.#depth--
    return this.spend(result.line.length) ? result : { line: '', output: null }
  }

  #read(tokens: readonly Token[], isCaptured: boolean): ScriptResult {
    const parts: string[] = []
    const written: (Stream | null)[] = []
    let draft = emptyDraft()
    let piped: Stream | null = null
    let last: Stream | null = null
    const finish = (operator: string): void => {
      if (draft.words.length > 0 || draft.redirects.length > 0) {
        const result = this.#command(draft, draft.input ?? piped)
        parts.push(result.line)
        last = result.output
        draft = emptyDraft()
        const isEnd = !operator.startsWith('|') || operator === '||'
        if (isEnd && !isCaptured && last?.isDecoded === true) this.#hide(last.text)
        if (isEnd) written.push(last)
      }
      piped = operator === '|' || operator === '|&' ? last : null
      const isRepeated = operator === ';' && /^$|^[;|&]+$/.test(parts.at(-1) ?? '')
      if (operator !== '' && !isRepeated) parts.push(operator)
    }
    for (const token of tokens) {
      if (token.kind === 'operator') finish(token.text === '\n' ? ';' : token.text)
      else this.#collect(token, draft)
    }
    finish('')
    if (parts.at(-1) === ';') parts.pop()
    return { line: parts.join(' ').slice(0, lineMax), output: joined(written) }
  }

  #collect(token: Exclude<Token, { kind: 'operator' }>, draft: Draft): void {
    if (token.kind === 'heredoc') draft.input = { text: token.body, isDecoded: false }
    else if (token.kind === 'redirect') {
      if (token.hasTarget) draft.awaited = token.text
      else draft.redirects.push(token.text)
    } else {
      const fields = expandWord(token.parts, this).map(cleanField)
      if (draft.awaited === null) {
        draft.words.push(...fields)
        return
      }
      draft.redirects.push(`${draft.awaited} ${fields.map((field) => field.shown).join(' ')}`)
      if (draft.awaited.endsWith('<<<')) {
        const text = fields.map((field) => field.value).join(' ')
        draft.input = { text: `${text}\n`, isDecoded: false }
      }
      draft.awaited = null
    }
  }

  /** Lists one simple command and everything it runs; its line is the form without prefixes. */
  #command(draft: Draft, stdin: Stream | null): ScriptResult {
    const words = withShortName(withoutReserved(draft.words))
    this.#assign(words)
    const full = this.#list(words, draft.redirects)
    const bare = withShortName(withoutAssignments(words))
    if (bare.length === 0) return { line: full, output: { text: '', isDecoded: false } }
    if (bare.length < words.length) this.#list(bare, draft.redirects)
    const targets = targetsOf(bare)
    for (const words of targets) this.#list(words, draft.redirects)
    const target = this.#fed(bare, targets, stdin)
    const line =
      targets.length === 0 ? render(bare, draft.redirects) : this.#list(target, draft.redirects)
    const scripts = scriptsOf(target, stdin)
    for (const script of scripts) this.#hide(script)
    const name = target[0]?.value ?? ''
    const args = target.slice(1).map((word) => word.value)
    const output = scripts.length > 0 ? null : outputOf(name, args, stdin)
    return { line, output }
  }

  /** What runs in the end, with the words that `xargs` and `parallel` take from their input. */
  #fed(
    bare: readonly Field[],
    targets: readonly (readonly Field[])[],
    stdin: Stream | null,
  ): readonly Field[] {
    const target = targets.at(-1) ?? bare
    const passed = [bare, ...targets.slice(0, -1)].map((words) => words[0]?.value)
    const isFed = targets.length > 0 && (passed.includes('xargs') || passed.includes('parallel'))
    if (!isFed || stdin === null) return target
    const words = stdin.text.split(/\s+/).filter((word) => word !== '')
    return [...target, ...words.slice(0, commandsMax).map(plainField)]
  }

  #list(words: readonly Field[], redirects: readonly string[]): string {
    const command = render(words, redirects)
    if (this.#commands.length < commandsMax && this.spend(command.length)) {
      this.#commands.push(command)
    }
    return command
  }

  #hide(script: string): void {
    if (this.#depth >= nestingMax || !isText(script)) return
    this.#depth++
    const line = this.readText(script.slice(0, shellTextMax))
    if (line !== '' && this.#hidden.length < commandsMax) this.#hidden.push(line)
    this.#depth--
  }

  #assign(words: readonly Field[]): void {
    const declares = /^(?:export|declare|local|readonly|typeset)$/.test(words[0]?.value ?? '')
    for (const word of declares ? words.slice(1) : words) {
      if (!word.isAssignment) {
        if (declares) continue
        break
      }
      const equals = word.value.indexOf('=')
      const isAppended = word.value.charAt(equals - 1) === '+'
      const name = word.value.slice(0, isAppended ? equals - 1 : equals)
      const before = isAppended ? (this.variables.get(name) ?? '') : ''
      if (!word.isKnown) this.variables.delete(name)
      else if (this.variables.size < variablesMax || this.variables.has(name)) {
        this.variables.set(name, (before + word.value.slice(equals + 1)).slice(0, valueMax))
      }
    }
  }
}

function emptyDraft(): Draft {
  return { words: [], redirects: [], input: null, awaited: null }
}

function cleanField(field: Field): Field {
  const path = cleanPath(field.value)
  const isSame = path === field.value || field.shown.includes('$(')
  return isSame ? field : plainField(path)
}

function render(words: readonly Field[], redirects: readonly string[]): string {
  return [...words.map((word) => word.shown), ...redirects].join(' ')
}

function joined(streams: readonly (Stream | null)[]): Stream | null {
  let text = ''
  let isDecoded = false
  for (const stream of streams) {
    if (stream === null) return null
    text += stream.text
    isDecoded ||= stream.isDecoded
  }
  return streams.length === 0 ? null : { text, isDecoded }
}
