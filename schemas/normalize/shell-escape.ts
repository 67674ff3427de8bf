/** Backslash escapes of `$'…'`, `echo -e` and `printf`. */

const letters: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
}

const hexDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

/** The escape whose backslash is at `at`, and where it ends. An unknown one stands for itself. */
export function readEscape(text: string, at: number): { text: string; end: number } {
  const letter = text.charAt(at + 1)
  const known = letters[letter]
  if (known !== undefined) return { text: known, end: at + 2 }
  const hexMax = hexDigits[letter] ?? 0
  const start = hexMax > 0 ? at + 2 : at + 1
  // `\0` may have three more octal digits, `\1` to `\7` two.
  const radix = hexMax > 0 ? 16 : 8
  const digitsMax = hexMax > 0 ? hexMax : letter === '0' ? 4 : 3
  let end = start
  while (end < start + digitsMax && isDigit(text.charCodeAt(end), radix)) end++
  if (end === start) return { text: `\\${letter}`, end: at + 1 + letter.length }
  const code = Number.parseInt(text.slice(start, end), radix)
  const value = radix === 8 ? code & 0xff : Math.min(code, 0xfffd)
  return { text: String.fromCharCode(value), end }
}

export function decodeEscapes(text: string): string {
  let out = ''
  let at = 0
  while (at < text.length) {
    const next = text.indexOf('\\', at)
    if (next === -1) break
    const found = readEscape(text, next)
    out += text.slice(at, next) + found.text
    at = found.end
  }
  return out + text.slice(at)
}

function isDigit(code: number, radix: 8 | 16): boolean {
  if (code >= 0x30 && code <= 0x37) return true
  if (radix === 8) return false
  const lower = code | 0x20
  return code === 0x38 || code === 0x39 || (lower >= 0x61 && lower <= 0x66)
}
