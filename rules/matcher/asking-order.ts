/**
 * The parts of an AND or OR, in the order in which they are asked. The first to decide ends the
 * asking, so what decides most often for its cost belongs in front. Which that is depends on the
 * stream and is learned from it: whoever decides is credited, and passes the part before it once it
 * has the greater credit. A part has no effect on another, so no answer depends on the order.
 */
export class AskingOrder<Part> {
  readonly parts: Part[]
  readonly #costs: number[]
  readonly #credits: number[]

  /** `costs`: of each part, relative to one another. The order at first is the given one. */
  constructor(parts: readonly Part[], costs: readonly number[] = parts.map(() => 1)) {
    this.parts = [...parts]
    this.#costs = [...costs]
    this.#credits = parts.map(() => 0)
  }

  /** The part at `place` decided. */
  decided(place: number): void {
    const credits = this.#credits
    const credit = (credits[place] ?? 0) + 1 / (this.#costs[place] ?? 1)
    credits[place] = credit
    if (place === 0 || credit <= (credits[place - 1] ?? 0)) return
    exchange(this.parts, place - 1, place)
    exchange(this.#costs, place - 1, place)
    exchange(credits, place - 1, place)
  }
}

function exchange<Item>(list: Item[], left: number, right: number): void {
  const [kept, moved] = [list[left], list[right]]
  if (kept === undefined || moved === undefined) return
  list[left] = moved
  list[right] = kept
}
