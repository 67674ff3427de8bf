import type { Part, Token } from './shell-lexer.ts'
import { braceClose, braceComma, braceOpen } from './shell-lexer.ts'

/**
 * Words to fields, as a shell does before it runs a command: variables that the line itself has
 * set, `$IFS`, braces, and the output of substitutions that need nothing but the line to compute.
 * What cannot be known stays as it was written.
 */

/** Text that a command writes. `isDecoded`: it was hidden from a reader of the line. */
export interface Stream {
  readonly text: string
  readonly isDecoded: boolean
}

export interface ScriptResult {
  readonly line: string
  readonly output: Stream | null
}

/** One argument. */
export interface Field {
  /** As the program would get it. */
  readonly value: string
  /** The same, quoted again where a shell needs it. */
  readonly shown: string
  /** What `<(…)` would read, where it is known. */
  readonly substituted: Stream | null
  readonly isAssignment: boolean
  /** Nothing in it depends on what the line does not tell. */
  readonly isKnown: boolean
}

export interface Scope {
  readonly variables: Map<string, string>
  /** Takes `count` characters from the budget; false when it is spent. */
  spend(count: number): boolean
  run(tokens: readonly Token[]): ScriptResult
}

export const valueMax = 1_024
const alternativesMax = 64
const bracesMax = 16

const assignment = /^[A-Za-z_][A-Za-z0-9_]{0,63}\+?=/
const plainWord = /^[A-Za-z0-9_./:@%+~^*?![\]-]+$/
const special = /[\s;|&<>()'"\\`]|^[{}]$|^#/
const braces = /[\uE000-\uE002]/g

interface Piece {
  readonly text: string
  /** An unresolved substitution: shown as it is, never quoted. */
  readonly isScript: boolean
}

export function plainField(value: string): Field {
  return { value, shown: quote(value), substituted: null, isAssignment: false, isKnown: true }
}

export function expandWord(parts: readonly Part[], scope: Scope): readonly Field[] {
  const first = parts[0]
  // Most words: plain text, as it stands.
  if (parts.length === 1 && first?.kind === 'text' && plainWord.test(first.text)) {
    const { text } = first
    return [{ value: text, shown: text, substituted: null, isAssignment: false, isKnown: true }]
  }
  const isAssignment = first?.kind === 'text' && assignment.test(first.text)
  const fields: Piece[][] = []
  let current: Piece[] | null = null
  let substituted: Stream | null = null
  let isKnown = true
  const add = (piece: Piece): void => {
    current ??= []
    current.push(piece)
  }
  const split = (): void => {
    if (current !== null) fields.push(current)
    current = null
  }
  // Unquoted text from a variable or a substitution separates at white space.
  const addValue = (text: string, isQuoted: boolean): void => {
    if (isQuoted || isAssignment) {
      add({ text, isScript: false })
      return
    }
    const words = text.split(/[ \t\n]+/)
    words.forEach((word, index) => {
      if (index > 0) split()
      if (word !== '') add({ text: word, isScript: false })
    })
  }
  if (parts.length === 0) add({ text: '', isScript: false })
  parts.forEach((part, index) => {
    if (part.kind === 'text') add({ text: part.text, isScript: false })
    else if (part.kind === 'variable') {
      const value = knownText(part, parts, index, scope)
      isKnown &&= value !== undefined
      addValue(value ?? writtenText(part, parts[index + 1]), part.isQuoted)
    } else {
      const { line, output } = scope.run(part.tokens)
      if (part.open === '<(') substituted = output
      if (part.open === '$(' && output !== null && scope.spend(output.text.length)) {
        addValue(output.text.replace(/\n+$/, ''), part.isQuoted)
      } else {
        isKnown = false
        add({ text: `${part.open}${line})`, isScript: true })
      }
    }
  })
  split()
  return fields.flatMap((pieces) => fieldsOf(pieces, { substituted, isAssignment, isKnown }))
}

/** Private-use markers back to the braces and commas they stand for. */
export function withBraces(text: string): string {
  return text.replace(braces, (mark) =>
    mark === braceOpen ? '{' : mark === braceClose ? '}' : ',',
  )
}

function fieldsOf(
  pieces: readonly Piece[],
  about: Pick<Field, 'substituted' | 'isAssignment' | 'isKnown'>,
): readonly Field[] {
  const value = pieces.map((piece) => piece.text).join('')
  if (pieces.some((piece) => piece.isScript)) {
    return [{ value: withBraces(value), shown: showPieces(pieces), ...about }]
  }
  return expandBraces(value).map((text) => ({
    value: text,
    shown: about.isAssignment ? quoteAssignment(text) : quote(text),
    ...about,
  }))
}

function showPieces(pieces: readonly Piece[]): string {
  const isPlain = pieces.every((piece) => piece.isScript || !needsQuote(piece.text))
  if (isPlain) return withBraces(pieces.map((piece) => piece.text).join(''))
  const inner = pieces.map((piece) =>
    piece.isScript ? piece.text : withBraces(piece.text).replace(/["\\`]/g, '\\$&'),
  )
  return `"${inner.join('')}"`
}

function quoteAssignment(text: string): string {
  const equals = text.indexOf('=') + 1
  const value = text.slice(equals)
  return value === '' ? text : text.slice(0, equals) + quote(value)
}

/** Braces that came quoted are a word's own letters: a shell would take `{a,b}` for two words. */
function needsQuote(text: string): boolean {
  const open = text.indexOf('{')
  const comma = open === -1 ? -1 : text.indexOf(',', open)
  return special.test(text) || (comma !== -1 && text.includes('}', comma))
}

function quote(value: string): string {
  if (value === '') return "''"
  if (!needsQuote(value)) return value
  if (!value.includes("'")) return `'${value}'`
  return `"${value.replace(/["\\`$]/g, '\\$&')}"`
}

type Variable = Extract<Part, { kind: 'variable' }>

/** The value of a variable as far as the line tells; undefined where it does not. */
function knownText(
  part: Variable,
  parts: readonly Part[],
  index: number,
  scope: Scope,
): string | undefined {
  const { name, modifier } = part
  if (name === 'IFS' && modifier === '') return ' '
  if (/^[@*1-9]$/.test(name) && modifier === '' && parts.length > 1) return ''
  const value = modify(scope.variables.get(name), name, modifier)
  if (value !== undefined && scope.spend(value.length)) return value.slice(0, valueMax)
  // `c${x}at` with an x that nothing has set: an empty string between the letters of a name.
  const before = parts[index - 1]
  const after = parts[index + 1]
  const isInside =
    before?.kind === 'text' &&
    after?.kind === 'text' &&
    /[A-Za-z]$/.test(before.text.slice(-1)) &&
    /^[A-Za-z]/.test(after.text)
  return isInside && modifier === '' && !/^[A-Z]/.test(name) ? '' : undefined
}

function writtenText({ name, modifier }: Variable, after: Part | undefined): string {
  const needsBraces = modifier !== '' || (after?.kind === 'text' && /^\w/.test(after.text))
  return needsBraces ? `\${${name}${modifier}}` : `$${name}`
}

/** `${name:-default}`, `${name:offset:length}`, `${name//from/to}`, `${name^^}`, `${name,,}`. */
function modify(value: string | undefined, name: string, modifier: string): string | undefined {
  if (modifier === '') return value
  const fallback = /^:?[-=](.*)$/s.exec(modifier)
  if (fallback !== null) return value ?? fallback[1]
  // Every value of these begins with a slash: `${PATH:0:1}` is one.
  const known = value ?? (/^(?:PATH|HOME|PWD|SHELL|OLDPWD)$/.test(name) ? '/' : undefined)
  const range = /^: ?(\d{1,4})(?::(\d{1,4}))?$/.exec(modifier)
  if (range !== null && known !== undefined) {
    const offset = Number(range[1])
    if (value === undefined && (offset > 0 || range[2] !== '1')) return undefined
    return known.slice(offset, range[2] === undefined ? undefined : offset + Number(range[2]))
  }
  if (value === undefined) return undefined
  if (modifier === '^^') return value.toUpperCase()
  if (modifier === ',,') return value.toLowerCase()
  const replace = /^(\/\/?)([^/*?[\]]{1,64})(?:\/([^/]{0,64}))?$/.exec(modifier)
  if (replace?.[2] === undefined) return undefined
  const to = replace[3] ?? ''
  return replace[1] === '//'
    ? value.slice(0, valueMax).replaceAll(replace[2], () => to)
    : value.replace(replace[2], () => to)
}

/** `{cat,/etc/passwd}` is two words. At most `alternativesMax` come out, else the text as it is. */
function expandBraces(text: string): readonly string[] {
  if (!text.includes(braceComma)) return [withBraces(text)]
  if (text.split(braceOpen).length - 1 > bracesMax) return [withBraces(text)]
  const words = alternatives(text)
  return words.length > alternativesMax ? [withBraces(text)] : words.map(withBraces)
}

function alternatives(text: string): readonly string[] {
  const open = text.indexOf(braceOpen)
  if (open === -1) return [text]
  const cuts = [open]
  let depth = 0
  let at = open
  for (; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === braceOpen) depth++
    else if (char === braceComma && depth === 1) cuts.push(at)
    else if (char === braceClose && --depth === 0) break
  }
  const head = text.slice(0, open)
  if (at === text.length || cuts.length === 1) {
    return alternatives(text.slice(open + 1)).map((rest) => `${head}{${rest}`)
  }
  const tails = alternatives(text.slice(at + 1))
  const words: string[] = []
  cuts.forEach((cut, index) => {
    const middle = alternatives(text.slice(cut + 1, cuts[index + 1] ?? at))
    for (const inner of middle) {
      for (const tail of tails) {
        if (words.length <= alternativesMax) words.push(head + inner + tail)
      }
    }
  })
  return words
}
