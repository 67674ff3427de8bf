import { anyCharacter } from '../node.ts'

/**
 * The part of a keyword that can be looked for in an event's raw JSON, without decoding it; null if
 * there is none.
 *
 * JSON writes printable ASCII as itself, but for `"`, `\` and `/`, so a run of the rest stands in the
 * bytes as it does in the value. Two things break this, and the scan watches for them: escapes of
 * printable ASCII, and letters beyond ASCII whose lower case is ASCII (see `keyword-scan.ts`). A third
 * is ruled out here: a number may be written in other digits than its text (`1e3`), so a run that
 * could be part of a number is not used.
 */
export function keywordLiteral(segments: readonly string[]): string | null {
  const pieces = segments.flatMap((segment) => segment.toLowerCase().split(anyCharacter))
  let best = ''
  for (const piece of pieces) {
    for (const [run] of piece.matchAll(jsonRuns)) {
      if (run.length > best.length && !numberPart.test(run)) best = run
    }
  }
  return best.length >= literalCharsMin ? best : null
}

/** The shortest that a gram table can find. */
const literalCharsMin = 3

const jsonRuns = /[ !#-.0-[\]-~]+/g
const numberPart = /^(?:[-+.e0-9]+|i?n?f?i?n?i?t?y?)$/
