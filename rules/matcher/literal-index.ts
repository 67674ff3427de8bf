import { asciiRuns, hasWide } from './ascii.ts'
import { type Sampling, samplings, windowLength } from './gram-sampling.ts'
import { GramTable, literalsMax } from './gram-table.ts'
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

export class LiteralIndex {
  readonly #tables: readonly GramTable[]
  readonly #wide: WideIndex | null
  readonly #alone: readonly Literal[]

  /** `sample`: lower-case text of the kind that will be searched, to tell rare grams from common. */
  constructor(literals: readonly Literal[], sample: readonly string[] = []) {
    const runs = literals.map((literal) => longestRun(literal.text))
    const sampling = cheapestSampling(runs)
    const needed = sampling === null ? Number.POSITIVE_INFINITY : windowLength(sampling)
    const inTable = literals.filter((_, index) => (runs[index] ?? 0) >= needed)
    const rest = literals.filter((_, index) => (runs[index] ?? 0) < needed)
    const wide = rest.filter((literal) => hasWide(literal.text))
    this.#tables = sampling === null ? [] : tablesOf(inTable, sampling, sample)
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

/** In nanoseconds, for a text of usual length: what one probe and one search cost here. */
const usualChars = 128
const probeNs = 1
const searchNs = 28

/** Null: so few that a table is not worth loading the text for. */
function cheapestSampling(runs: readonly number[]): Sampling | null {
  let best: Sampling | null = null
  let bestNs = runs.length * searchNs
  for (const sampling of samplings) {
    const needed = windowLength(sampling)
    const left = runs.filter((run) => run < needed).length
    const loadNs = 2 * searchNs
    const ns = loadNs + (usualChars / sampling.step) * probeNs + left * searchNs
    if (ns >= bestNs) continue
    best = sampling
    bestNs = ns
  }
  return best
}

function tablesOf(
  literals: readonly Literal[],
  sampling: Sampling,
  sample: readonly string[],
): GramTable[] {
  const tables: GramTable[] = []
  const chunk = literalsMax(sampling)
  for (let from = 0; from < literals.length; from += chunk) {
    tables.push(new GramTable(literals.slice(from, from + chunk), sampling, sample))
  }
  return tables
}

function longestRun(text: string): number {
  return asciiRuns(text).reduce((longest, run) => Math.max(longest, run.length), 0)
}
