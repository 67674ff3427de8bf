/**
 * A set of small whole numbers that is emptied and filled once per look-up: emptying is one
 * increment, adding allocates nothing. A number is in the set while its mark is the current epoch.
 */
export class IdSet {
  readonly #marks: Uint32Array
  readonly #ids: Int32Array
  #epoch = 1
  size = 0

  /** For numbers from 0 to `limit` - 1. */
  constructor(limit: number) {
    this.#marks = new Uint32Array(limit)
    this.#ids = new Int32Array(limit)
  }

  clear(): void {
    this.size = 0
    this.#epoch += 1
    // After 2^32 look-ups marks of the last round would look current again.
    if (this.#epoch === 2 ** 32) {
      this.#marks.fill(0)
      this.#epoch = 1
    }
  }

  has(id: number): boolean {
    return this.#marks[id] === this.#epoch
  }

  /** False if it was there already. */
  add(id: number): boolean {
    if (this.#marks[id] === this.#epoch) return false
    this.#marks[id] = this.#epoch
    this.#ids[this.size] = id
    this.size += 1
    return true
  }

  /** The member that was added at `index`, for 0 ≤ index < size. */
  at(index: number): number {
    return this.#ids[index] ?? 0
  }
}
