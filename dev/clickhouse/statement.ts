import { exception } from './exception.ts'
import { type Token, tokens } from './lexer.ts'

/**
 * What has to be known of a statement before it can run: whether rows follow it, and in which format
 * the answer is. Everything else is ClickHouse's business, syntax errors included.
 */
export type Statement =
  | { readonly kind: 'empty' }
  /** `INSERT … FORMAT X data`: `head` ends before FORMAT, data begins at the byte `dataStart`. */
  | {
      readonly kind: 'insert'
      readonly head: string
      readonly settings: string
      readonly format: string
      readonly dataStart: number
    }
  /** A query with a result of any size; `head` ends before FORMAT, `tail` is what followed it. */
  | {
      readonly kind: 'select'
      readonly head: string
      readonly format: string | undefined
      readonly tail: string
    }
  /** Anything else. `leavesState`: the connection is not as it was before, so it cannot be reused. */
  | {
      readonly kind: 'command'
      readonly sql: string
      readonly format: string | undefined
      readonly leavesState: boolean
    }

const selects = new Set(['SELECT', 'WITH', 'FROM', '('])
const leaving = new Set(['SET', 'USE', 'ATTACH', 'BEGIN', 'START', 'EXECUTE'])

/**
 * Reads the statement at the head of `text`, bytes of which everything up to the data is UTF-8.
 * Throws a ServerException for what a server refuses before it parses: several statements, INTO
 * OUTFILE, FROM INFILE.
 */
export function parseStatement(text: Buffer): Statement {
  const source = text.toString('latin1')
  const utf8 = (start: number, end?: number) => text.toString('utf8', start, end)
  const stream = tokens(source)
  const first = stream.next()
  if (first.done === true || first.value.text === ';') return { kind: 'empty' }
  const verb = first.value.text.toUpperCase()
  if (!/^[A-Z(]/.test(verb)) {
    // chDB takes some bytes that no statement begins with for an empty statement.
    const where = `failed at position ${first.value.start + 1}`
    throw exception('SYNTAX_ERROR', `Syntax error: ${where}: a statement begins with a word`)
  }
  if (verb === 'INSERT') {
    const insert = parseInsert(stream)
    if (insert !== undefined) return describeInsert(source, insert, utf8)
  }
  const { format, end } = parseTail([...tokens(source)], source)
  if (verb !== 'INSERT' && selects.has(verb)) {
    return format === undefined
      ? { kind: 'select', head: utf8(0, end), format: undefined, tail: '' }
      : {
          kind: 'select',
          head: utf8(0, format.keyword.start),
          format: format.name.text,
          tail: utf8(format.name.end, end),
        }
  }
  const leavesState = leaving.has(verb) || /\bTEMPORARY\b/i.test(source)
  return { kind: 'command', sql: utf8(0, end), format: format?.name.text, leavesState }
}

interface InsertParts {
  /** FORMAT or VALUES, the settings clause before it if there is one, and the format's name. */
  readonly keyword: Token
  readonly settings: Token | undefined
  readonly name: Token
}

/** undefined: an INSERT … SELECT, or one that the server's parser should complain about. */
function parseInsert(stream: Iterator<Token>): InsertParts | undefined {
  let settings: Token | undefined
  let token = nextOf(stream)
  for (const optional of ['INTO', 'TABLE', 'FUNCTION']) {
    if (token?.text.toUpperCase() === optional) token = nextOf(stream)
  }
  // The token is the table's name now, which may itself be called `format` or `values`.
  for (token = nextOf(stream); token !== undefined; token = nextOf(stream)) {
    if (token.depth > 0 || token.kind !== 'word') continue
    const text = token.text.toUpperCase()
    if (text === 'SELECT' || text === 'WITH') return undefined
    if (text === 'INFILE') {
      throw exception('UNKNOWN_TYPE_OF_QUERY', 'Query has infile and was send directly to server')
    }
    if (text === 'SETTINGS') settings = token
    if (text === 'VALUES') return { keyword: token, settings, name: token }
    if (text === 'FORMAT') {
      const name = nextOf(stream)
      return name?.kind === 'word' ? { keyword: token, settings, name } : undefined
    }
  }
  return undefined
}

function describeInsert(
  source: string,
  { keyword, settings, name }: InsertParts,
  utf8: (start: number, end?: number) => string,
): Statement {
  let dataStart = name.end
  if (source[dataStart] === ';') {
    const why = "You have excessive ';' symbol before data for INSERT"
    throw exception('SYNTAX_ERROR', why)
  }
  while (' \t\f'.includes(source[dataStart] ?? '\n')) dataStart += 1
  if (source[dataStart] === '\r') dataStart += 1
  if (source[dataStart] === '\n') dataStart += 1
  return {
    kind: 'insert',
    head: utf8(0, settings?.start ?? keyword.start),
    settings: settings === undefined ? '' : utf8(settings.start, keyword.start),
    format: keyword === name ? 'Values' : name.text,
    dataStart,
  }
}

interface Tail {
  readonly format: { readonly keyword: Token; readonly name: Token } | undefined
  /** Where the statement ends: before a closing `;` if there is one. */
  readonly end: number
}

function parseTail(all: readonly Token[], source: string): Tail {
  let format: Tail['format']
  for (const [index, token] of all.entries()) {
    if (token.depth > 0) continue
    if (token.text === ';') {
      const more = all[index + 1]
      if (more === undefined || more.text === ';') return { format, end: token.start }
      const where = `failed at position ${token.start + 1} (end of query)`
      const why = `Syntax error (Multi-statements are not allowed): ${where}`
      throw exception('SYNTAX_ERROR', why)
    }
    if (token.kind !== 'word') continue
    const text = token.text.toUpperCase()
    const next = all[index + 1]
    if (text === 'INTO' && next?.text.toUpperCase() === 'OUTFILE') {
      throw exception('INTO_OUTFILE_NOT_ALLOWED', 'INTO OUTFILE is not allowed')
    }
    if (text === 'FORMAT' && next?.kind === 'word' && endsFormat(all[index + 2])) {
      format = { keyword: token, name: next }
    }
  }
  return { format, end: source.length }
}

/** Whether a token may follow `FORMAT name`; if not, FORMAT was a column or an alias. */
function endsFormat(token: Token | undefined): boolean {
  return token === undefined || token.text === ';' || token.text.toUpperCase() === 'SETTINGS'
}

function nextOf(stream: Iterator<Token>): Token | undefined {
  const next = stream.next()
  return next.done === true ? undefined : next.value
}
