/**
 * Where batches lie in a segment: one entry per 16 KiB, so that a read starts at most that far before
 * the batch it looks for. In memory; written beside a segment when it is sealed.
 */
export interface IndexEntry {
  /** Base offset of the batch at `position`. */
  readonly offset: number
  readonly position: number
  /** The latest record time before `position`; -1 at the start. */
  readonly maxTimestampBeforeMs: number
}

export const indexIntervalBytes = 16 * 1024

export class SegmentIndex {
  readonly #entries: IndexEntry[]

  constructor(entries: readonly IndexEntry[] = []) {
    this.#entries = [...entries]
  }

  get entries(): readonly IndexEntry[] {
    return this.#entries
  }

  /** Called for every batch in order; keeps those that are an interval apart. */
  add(entry: IndexEntry): void {
    const last = this.#entries.at(-1)
    if (last === undefined || entry.position - last.position >= indexIntervalBytes) {
      this.#entries.push(entry)
    }
  }

  /** The position of an indexed batch at or before the one that holds `offset`. */
  positionOf(offset: number): number {
    return this.#lastWhere((entry) => entry.offset <= offset)
  }

  /** The position of an indexed batch at or before the first one as late as `timestampMs`. */
  positionAtTime(timestampMs: number): number {
    return this.#lastWhere((entry) => entry.maxTimestampBeforeMs < timestampMs)
  }

  /** `holds` is true for a first part of the entries and false for the rest. */
  #lastWhere(holds: (entry: IndexEntry) => boolean): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const entry = this.#entries[middle]
      if (entry !== undefined && holds(entry)) low = middle + 1
      else high = middle
    }
    return this.#entries[low - 1]?.position ?? 0
  }
}
