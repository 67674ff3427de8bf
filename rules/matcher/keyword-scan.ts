import { isAscii } from 'node:buffer'
import { cheapestSampling, windowLength } from './gram-sampling.ts'
import { type GramTable, gramTables } from './gram-table.ts'
import type { IdSet } from './id-set.ts'
import { jsonSpellings } from './keyword-literal.ts'
import type { Literal } from './literal-index.ts'
import type { ScanBuffer } from './scan-buffer.ts'

/**
 * Which keyword literals occur in an event: a scan of its raw JSON, which costs less than walking
 * and lower-casing its values.
 *
 * Soundness: a literal is looked for in every spelling that JSON has for it, unless the JSON escapes
 * printable ASCII (`\u0041`) or a value has one of the two letters beyond ASCII whose lower case is
 * ASCII (U+212A is k, U+0130 begins with i). Such JSON `hidesAscii`, and the values are to be scanned.
 */
export class KeywordScan {
  readonly #tables: readonly GramTable[]
  /** Short literals without letters: cheaper to search for than to sample finely for. */
  readonly #alone: readonly Literal[]

  /** A literal's position is its number in the result. `sample`: text as will be scanned, lower-case. */
  constructor(literals: readonly string[], sample: readonly string[] = []) {
    const spelled = literals.flatMap((literal, id) =>
      jsonSpellings(literal).map((text) => ({
        literal: { text, id },
        run: text.length,
        // A search cannot ignore case.
        aloneNs: /[a-z]/.test(text) ? Number.POSITIVE_INFINITY : searchNs,
      })),
    )
    const sampling = cheapestSampling(spelled, usualBytes, 0)
    const needed = sampling === null ? Number.POSITIVE_INFINITY : windowLength(sampling)
    const inTable = spelled.filter(({ run }) => run >= needed).map(({ literal }) => literal)
    this.#tables = sampling === null ? [] : gramTables(inTable, sampling, sample)
    this.#alone = spelled.filter(({ run }) => run < needed).map(({ literal }) => literal)
  }

  findInJson(json: Uint8Array, buffer: ScanBuffer, found: IdSet): void {
    buffer.loadBytes(json)
    for (const table of this.#tables) table.scan(buffer, found)
    if (this.#alone.length === 0) return
    const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
    for (const { text, id } of this.#alone) if (bytes.includes(text, 0, 'latin1')) found.add(id)
  }

  /** `text` in lower case. */
  findInText(text: string, buffer: ScanBuffer, found: IdSet): void {
    buffer.loadText(text)
    for (const table of this.#tables) table.scan(buffer, found)
    for (const literal of this.#alone) if (text.includes(literal.text)) found.add(literal.id)
  }
}

const usualBytes = 2048
const searchNs = 250

/** May a value hold ASCII, once lower-cased, that `json` does not show? */
export function hidesAscii(json: Uint8Array): boolean {
  const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength)
  if (!isAscii(bytes) && (bytes.includes(kelvinSign) || bytes.includes(dottedI))) return true
  let at = bytes.indexOf(escapeStart)
  for (let seen = 0; at !== -1; seen += 1) {
    if (seen === escapesMax || hidingEscape.test(bytes.toString('latin1', at, at + 6))) return true
    at = bytes.indexOf(escapeStart, at + 2)
  }
  return false
}

const escapeStart = Buffer.from('\\u')
/** Looking at more escapes costs more than scanning the values. */
const escapesMax = 16
/** Of U+0020 to U+007F, U+212A and U+0130. */
const hidingEscape = /^\\u(?:00[2-7]|212a|0130)/i
const kelvinSign = Buffer.from('\u212a')
const dottedI = Buffer.from('\u0130')
