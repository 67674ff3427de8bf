import { resolveLookups } from './lookup.ts'

/**
 * A URL as the program behind it will read it: decoded until nothing changes, so that one pattern
 * meets every spelling of `../` or `${jndi:`.
 *
 * Contract: pure and total; at most `roundsMax` passes over at most `urlTextMax` characters. Dot
 * segments are kept: they are what rules look for. This is for matching, not for fetching.
 */

export const urlTextMax = 16_384
const roundsMax = 5

const named: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  colon: ':',
  gt: '>',
  lt: '<',
  period: '.',
  quot: '"',
  sol: '/',
}

export function decodeUrl(url: string): string {
  let text = plusToSpace(url.slice(0, urlTextMax))
  for (let round = 0; round < roundsMax; round++) {
    const decoded = resolveLookups(decodeOnce(text))
    if (decoded === text) break
    text = decoded
  }
  return forwardSlashes(text)
}

/** In a query `+` is a space; an encoded one (`%2B`) is not. */
function plusToSpace(url: string): string {
  const query = url.indexOf('?')
  if (query === -1 || !url.includes('+', query)) return url
  return url.slice(0, query) + url.slice(query).replaceAll('+', ' ')
}

function decodeOnce(text: string): string {
  let out = text
  if (out.includes('%')) {
    out = out
      .replace(/%u([0-9a-fA-F]{4})/g, (_all, hex: string) => character(Number.parseInt(hex, 16)))
      .replace(/(?:%[0-9a-fA-F]{2})+/g, (run) => lenientUtf8(run))
  }
  if (out.includes('\\')) {
    out = out.replace(/\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})/g, (_all, wide, narrow) =>
      character(Number.parseInt(String(wide ?? narrow), 16)),
    )
  }
  if (out.includes('&')) {
    out = out.replace(
      /&(?:#x0{0,6}([0-9a-fA-F]{1,4})|#0{0,6}([0-9]{1,5})|([a-z]{2,6}));/g,
      (all, hex, decimal, name) => entity(all, hex, decimal, name),
    )
  }
  return out
}

function entity(all: string, hex: unknown, decimal: unknown, name: unknown): string {
  if (typeof hex === 'string') return character(Number.parseInt(hex, 16))
  if (typeof decimal === 'string') return character(Number.parseInt(decimal, 10))
  return typeof name === 'string' && Object.hasOwn(named, name) ? (named[name] ?? all) : all
}

/** Full-width forms become the ASCII that some servers take them for. */
function character(code: number): string {
  if (code >= 0xd800 && code <= 0xdfff) return '\uFFFD'
  if (code >= 0xff01 && code <= 0xff5e) return String.fromCharCode(code - 0xfee0)
  if (code === 0x2215 || code === 0x2044) return '/'
  if (code === 0x2216) return '\\'
  return String.fromCharCode(code & 0xffff)
}

/**
 * Percent-encoded bytes as UTF-8, overlong forms included (`%c0%ae` is a dot, as it was for many
 * servers); a byte that fits no sequence stands for itself as Latin-1.
 */
function lenientUtf8(run: string): string {
  const bytes = Buffer.from(run.replaceAll('%', ''), 'hex')
  let out = ''
  let at = 0
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0
    const count = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0
    let code = count === 0 ? lead : lead & (0x3f >> count)
    let size = 1
    while (size <= count && ((bytes[at + size] ?? 0) & 0xc0) === 0x80) {
      code = (code << 6) | ((bytes[at + size] ?? 0) & 0x3f)
      size++
    }
    const isWhole = size === count + 1 && code <= 0x10ffff
    out += !isWhole
      ? String.fromCharCode(lead)
      : code > 0xffff
        ? String.fromCodePoint(code)
        : character(code)
    at += isWhole ? size : 1
  }
  return out
}

/** Backslashes of the path, and of what looks like a path in the query. */
function forwardSlashes(text: string): string {
  if (!text.includes('\\')) return text
  const query = text.indexOf('?')
  const path = query === -1 ? text : text.slice(0, query)
  const rest = query === -1 ? '' : text.slice(query)
  return (
    path.replaceAll('\\', '/') +
    rest.replace(/(?:\.\.|[A-Za-z]:)\\[^\s?#&]*/g, (match) => match.replaceAll('\\', '/'))
  )
}
