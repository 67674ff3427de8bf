/**
 * Tokens of ClickHouse SQL: enough to tell where a statement ends, where its data begins and where
 * its FORMAT stands, never what it means. Text inside strings, quoted names, heredocs and comments
 * is one token or none, so a `;` or a `FORMAT` in there is not taken for one.
 *
 * The source is latin1 text of the bytes: an index here is an index into the bytes, whatever
 * encoding or binary data follows the SQL. Time is linear in the source; tokens are made on demand,
 * so that data after the head is never looked at.
 */

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol'
  readonly text: string
  readonly start: number
  readonly end: number
  /** How many brackets are open around the token; a bracket itself counts as outside. */
  readonly depth: number
}

export function* tokens(source: string): Generator<Token> {
  let depth = 0
  let start = skipBlank(source, 0)
  while (start < source.length) {
    const [kind, end] = scan(source, start)
    const text = source.slice(start, end)
    if (kind === 'symbol' && closing.has(text)) depth = Math.max(0, depth - 1)
    yield { kind, text, start, end, depth }
    if (kind === 'symbol' && opening.has(text)) depth += 1
    start = skipBlank(source, end)
  }
}

const opening = new Set(['(', '[', '{'])
const closing = new Set([')', ']', '}'])

const blank = /[ \t\n\v\f\r]*/y
const word = /[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*/y
const number = /[0-9][0-9A-Za-z_.]*/y
const heredoc = /\$[A-Za-z0-9_]*\$/y

function matchEnd(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(source) ? pattern.lastIndex : at
}

function scan(source: string, start: number): [Token['kind'], number] {
  const first = source[start]
  if (first === "'") return ['string', quotedEnd(source, start, "'")]
  if (first === '"' || first === '`') return ['quoted', quotedEnd(source, start, first)]
  if (first === '$') {
    const opened = matchEnd(heredoc, source, start)
    if (opened > start) {
      const close = source.indexOf(source.slice(start, opened), opened)
      return ['string', close < 0 ? source.length : close + opened - start]
    }
  }
  const wordEnd = matchEnd(word, source, start)
  if (wordEnd > start) return ['word', wordEnd]
  const numberEnd = matchEnd(number, source, start)
  if (numberEnd > start) return ['number', numberEnd]
  return ['symbol', start + 1]
}

/** After the closing quote: a backslash escapes one character, a doubled quote stands for itself. */
function quotedEnd(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at += 1) {
    if (source[at] === '\\') at += 1
    else if (source[at] === quote) {
      if (source[at + 1] !== quote) return at + 1
      at += 1
    }
  }
  return source.length
}

/** The index of the first character that is neither white space nor in a comment. */
function skipBlank(source: string, from: number): number {
  for (let at = from; ; ) {
    at = matchEnd(blank, source, at)
    const pair = source.slice(at, at + 2)
    let end = -1
    if (pair === '--' || pair === '# ' || pair === '#!') end = source.indexOf('\n', at)
    else if (pair === '/*') {
      const close = source.indexOf('*/', at + 2)
      end = close < 0 ? -1 : close + 2
    } else return at
    at = end < 0 ? source.length : end
  }
}
