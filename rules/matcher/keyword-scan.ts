import { canHaveSigns, escapeSigns, hidingEscapeStarts } from './escape-signs.ts'
import { cheapestSampling, windowLength } from './gram-sampling.ts'
import { type GramTable, gramTables } from './gram-table.ts'
import { IdSet } from './id-set.ts'
import { jsonSpellings } from './keyword-literal.ts'
import type { Literal } from './literal-index.ts'
import { PairIndex } from './pair-index.ts'
import type { ScanBuffer } from './scan-buffer.ts'

/**
 * Which keyword literals occur in an event: a scan of its raw JSON, which costs less than walking
 * and lower-casing its values.
 *
 * Soundness: a literal is looked for in every spelling that JSON has for it, unless the JSON escapes
 * printable ASCII (`\u0041`) or a value has one of the two letters beyond ASCII whose lower case is
 * ASCII. Then `findInJson` says so, and the values are to be searched.
 */
export class KeywordScan {
  readonly found: IdSet
  /** Where it can be had, it takes the place of tables and searches. */
  readonly #pairs: PairIndex | null
  readonly #tables: readonly GramTable[]
  /** Short literals without letters: cheaper to search for than to sample finely for. */
  readonly #alone: readonly Literal[]
  /** Stands in `found` for an escape that may hide something; -1 where the tables do not look for any. */
  readonly #escape: number

  /** A literal's position is its number in `found`. `sample`: text as will be scanned, lower-case. */
  constructor(literals: readonly string[], sample: readonly string[] = []) {
    const spelled = literals.flatMap((literal, id) =>
      jsonSpellings(literal).map((text) => ({
        literal: { text, id },
        run: text.length,
        // A search cannot ignore case.
        aloneNs: /[a-z]/.test(text) ? Number.POSITIVE_INFINITY : searchNs,
      })),
    )
    this.found = new IdSet(literals.length + 1)
    const starts = hidingEscapeStarts.map((text) => ({ text, id: literals.length }))
    this.#pairs = PairIndex.of([...spelled.map(({ literal }) => literal), ...starts], sample)
    if (this.#pairs !== null) {
      this.#escape = literals.length
      this.#tables = []
      this.#alone = []
      return
    }
    const sampling = cheapestSampling(spelled, usualBytes, 0)
    const needed = sampling === null ? Number.POSITIVE_INFINITY : windowLength(sampling)
    const inTable = spelled.filter(({ run }) => run >= needed).map(({ literal }) => literal)
    this.#escape = sampling !== null && canHaveSigns(sampling) ? literals.length : -1
    const signs =
      sampling !== null && canHaveSigns(sampling) ? escapeSigns(sampling, literals.length) : []
    this.#tables = sampling === null ? [] : gramTables(inTable, sampling, sample, signs)
    this.#alone = spelled.filter(({ run }) => run < needed).map(({ literal }) => literal)
  }

  /** Fills `found`; false if the JSON may hide something, and the values are to be searched. */
  findInJson(json: Uint8Array, buffer: ScanBuffer): boolean {
    const { found } = this
    if (this.#pairs !== null) this.#pairs.find(json, found)
    else {
      buffer.loadBytes(json)
      for (const table of this.#tables) table.scan(buffer, found)
    }
    const bytes = asBuffer(json)
    const mayHide = this.#escape === -1 || found.has(this.#escape)
    if (mayHide && hasHidingEscape(bytes)) return false
    if (has(bytes, kelvinSign) || has(bytes, dottedI)) return false
    for (const { text, id } of this.#alone) if (bytes.includes(text, 0, 'latin1')) found.add(id)
    return true
  }

  /** Adds to `found`. `text` in lower case. */
  findInText(text: string, buffer: ScanBuffer): void {
    const { found } = this
    if (this.#pairs !== null) {
      this.#pairs.find(text, found)
      return
    }
    buffer.loadText(text)
    for (const table of this.#tables) table.scan(buffer, found)
    for (const literal of this.#alone) if (text.includes(literal.text)) found.add(literal.id)
  }
}

const usualBytes = 2048
const searchNs = 250

/** Is printable ASCII, or a letter whose lower case is, written as an escape? */
function hasHidingEscape(json: Buffer): boolean {
  let at = json.indexOf(escapeStart)
  for (let seen = 0; at !== -1; seen += 1) {
    if (seen === escapesMax || hidingEscape.test(json.toString('latin1', at, at + 6))) return true
    at = json.indexOf(escapeStart, at + 2)
  }
  return false
}

/** Looking for one byte is several times as fast as for a few, and the first one is rare. */
function has(json: Buffer, letter: Buffer): boolean {
  return json.indexOf(letter[0] ?? 0) !== -1 && json.includes(letter)
}

function asBuffer(json: Uint8Array): Buffer {
  return json instanceof Buffer ? json : Buffer.from(json.buffer, json.byteOffset, json.byteLength)
}

const escapeStart = Buffer.from('\\u')
/** Looking at more escapes costs more than searching the values. */
const escapesMax = 16
const hidingEscape = /^\\u(?:00[2-7]|212a|0130)/i
/** The letters beyond ASCII whose lower case is ASCII. */
const kelvinSign = Buffer.from('\u212a')
const dottedI = Buffer.from('\u0130')
