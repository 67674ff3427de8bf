import { anyCharacter } from '../node.ts'

/**
 * The part of a keyword that can be looked for in an event's raw JSON, without decoding it.
 *
 * JSON writes printable ASCII as itself, but `"` and `\` with a backslash before them and `/` with or
 * without one; so a run of printable ASCII stands in the bytes in one of a few spellings. Two things
 * break this, and the scan watches for them: other escapes of printable ASCII, and letters beyond
 * ASCII whose lower case is ASCII (see `keyword-scan.ts`). A third is ruled out here: a number may be
 * written in other digits than its text (`1e3`), so what could be part of a number is not used.
 */

/** The longest part of the keyword that can be used, lower-case; null if there is none. */
export function keywordLiteral(segments: readonly string[]): string | null {
  const pieces = segments.flatMap((segment) => segment.toLowerCase().split(anyCharacter))
  let best = ''
  for (const run of pieces.flatMap((piece) => piece.split(beyondPrintable)).flatMap(fewSlashes)) {
    if (run.length > best.length && !numberPart.test(run)) best = run
  }
  return best.length >= literalCharsMin ? best : null
}

/** Every way in which JSON may write `literal` without hiding its letters, and as it is. */
export function jsonSpellings(literal: string): string[] {
  const [first = '', ...rest] = literal.replace(/["\\]/g, '\\$&').split('/')
  let spellings = [first]
  for (const part of rest) {
    spellings = spellings.flatMap((head) => [`${head}/${part}`, `${head}\\/${part}`])
  }
  return [...new Set([literal, ...spellings])]
}

/** The shortest that a gram table can find. */
const literalCharsMin = 3
/** Each slash doubles the spellings. */
const slashesMax = 3

const beyondPrintable = /[^ -~]+/
const numberPart = /^(?:[-+.e0-9]+|i?n?f?i?n?i?t?y?)$/

/** All parts of `run` with no more slashes than are worth spelling out. */
function fewSlashes(run: string): string[] {
  const parts = run.split('/')
  return parts.map((_, at) => parts.slice(at, at + slashesMax + 1).join('/'))
}
