import type { IdSet } from './id-set.ts'

/** For each of a list of atoms, the rules that it is a witness of: numbers in two flat arrays. */
export class Postings {
  /** By atom: where its rules begin; one more for the end. */
  readonly #starts: Int32Array
  readonly #rules: Int32Array

  constructor(rulesByAtom: readonly (readonly number[])[]) {
    this.#starts = new Int32Array(rulesByAtom.length + 1)
    rulesByAtom.forEach((rules, atom) => {
      this.#starts[atom + 1] = (this.#starts[atom] ?? 0) + rules.length
    })
    this.#rules = Int32Array.from(rulesByAtom.flat())
  }

  /** Adds the rules of the atoms `found` to `candidates`. */
  addRules(found: IdSet, candidates: IdSet): void {
    for (let index = 0; index < found.size; index += 1) {
      const atom = found.at(index)
      const end = this.#starts[atom + 1] ?? 0
      for (let at = this.#starts[atom] ?? 0; at < end; at += 1) candidates.add(this.#rules[at] ?? 0)
    }
  }
}
