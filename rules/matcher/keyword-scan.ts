import { isAscii } from 'node:buffer'
import { type Sampling, samplings, windowLength } from './gram-sampling.ts'
import { GramTable, literalsMax } from './gram-table.ts'
import type { IdSet } from './id-set.ts'
import type { ScanBuffer } from './scan-buffer.ts'

/**
 * Which keyword literals occur in an event: a scan of its raw JSON, which costs less than walking
 * and lower-casing its values.
 *
 * Soundness: `keyword-literal.ts` only gives literals that stand in JSON as they do in the value,
 * unless the JSON escapes printable ASCII (`\u0041`) or the value has one of the two letters beyond
 * ASCII whose lower case is ASCII (U+212A is k, U+0130 begins with i). Then the values are scanned.
 */
export class KeywordScan {
  readonly #tables: readonly GramTable[]

  /** A literal's position is its number in the result. */
  constructor(literals: readonly string[]) {
    const shortest = Math.min(...literals.map((literal) => literal.length))
    const sampling = coarsestFor(shortest)
    const numbered = literals.map((text, id) => ({ text, id }))
    const chunk = literalsMax(sampling)
    const chunks = Math.ceil(numbered.length / chunk)
    this.#tables = Array.from(
      { length: chunks },
      (_, index) => new GramTable(numbered.slice(index * chunk, (index + 1) * chunk), sampling),
    )
  }

  findInJson(json: Uint8Array, buffer: ScanBuffer, found: IdSet): void {
    buffer.loadBytes(json)
    for (const table of this.#tables) table.scan(buffer, found)
  }

  /** `text` in lower case. */
  findInText(text: string, buffer: ScanBuffer, found: IdSet): void {
    buffer.loadText(text)
    for (const table of this.#tables) table.scan(buffer, found)
  }
}

function coarsestFor(length: number): Sampling {
  const sampling = samplings.find((candidate) => windowLength(candidate) <= length)
  if (sampling === undefined) throw new RangeError(`A keyword literal of ${length} characters.`)
  return sampling
}

/** May a value hold ASCII, once lower-cased, that `json` does not show? */
export function hidesAscii(json: Uint8Array): boolean {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  if (!isAscii(bytes) && (bytes.includes(kelvinSign) || bytes.includes(dottedI))) return true
  let at = bytes.indexOf('\\u', 0, 'latin1')
  for (let seen = 0; at !== -1; seen += 1) {
    if (seen === escapesMax || hidingEscape.test(bytes.toString('latin1', at + 2, at + 6)))
      return true
    at = bytes.indexOf('\\u', at + 2, 'latin1')
  }
  return false
}

/** Looking at more escapes costs more than scanning the values. */
const escapesMax = 16
/** Of U+0020 to U+007F, U+212A and U+0130. */
const hidingEscape = /^(?:00[2-7]|212a|0130)/i
const kelvinSign = Buffer.from('\u212a')
const dottedI = Buffer.from('\u0130')
