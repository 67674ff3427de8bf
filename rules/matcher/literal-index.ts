import { longest } from '../longest.ts'
import { asciiRuns, hasWide } from './ascii.ts'
import { cheapestSampling, windowLength } from './gram-sampling.ts'
import { type GramTable, gramTables } from './gram-table.ts'
import type { IdSet } from './id-set.ts'
import type { ScanBuffer } from './scan-buffer.ts'
import { WideIndex } from './wide-index.ts'

/**
 * Finds which of many literals occur anywhere in a text. Three ways, by literal:
 * - in a gram table, when it has an ASCII run long enough for the table's sampling;
 * - by its rarest wide character, when that is all it has (emoji, a lone en dash);
 * - by a search of its own, when it is short and plain. A few of those cost less than the finer
 *   sampling that would let them into the table.
 */

/** A lower-case literal and the number that stands for it in the result. */
export interface Literal {
  readonly text: string
  readonly id: number
}

/** Of a text as fields have it, for choosing between tables and searches. */
const usualChars = 128
const searchNs = 28
const loadNs = 56

export class LiteralIndex {
  readonly #tables: readonly GramTable[]
  readonly #wide: WideIndex | null
  readonly #alone: readonly Literal[]

  /** `sample`: lower-case text of the kind that will be searched, to tell rare grams from common. */
  constructor(literals: readonly Literal[], sample: readonly string[] = []) {
    const measured = literals.map((literal) => ({
      literal,
      run: longest(asciiRuns(literal.text)).length,
      aloneNs: searchNs,
    }))
    const sampling = cheapestSampling(measured, usualChars, loadNs)
    const needed = sampling === null ? Number.POSITIVE_INFINITY : windowLength(sampling)
    const inTable = measured.filter(({ run }) => run >= needed).map(({ literal }) => literal)
    const rest = measured.filter(({ run }) => run < needed).map(({ literal }) => literal)
    const wide = rest.filter((literal) => hasWide(literal.text))
    this.#tables = sampling === null ? [] : gramTables(inTable, sampling, sample)
    this.#wide = wide.length === 0 ? null : new WideIndex(wide)
    this.#alone = rest.filter((literal) => !hasWide(literal.text))
  }

  /** Adds the number of every literal in the lower-case `text`. `buffer` is scratch space. */
  find(text: string, buffer: ScanBuffer, found: IdSet): void {
    if (this.#tables.length !== 0) {
      buffer.loadText(text)
      for (const table of this.#tables) table.scan(buffer, found)
    }
    for (const literal of this.#alone) if (text.includes(literal.text)) found.add(literal.id)
    if (this.#wide !== null && hasWide(text)) this.#wide.find(text, found)
  }
}
