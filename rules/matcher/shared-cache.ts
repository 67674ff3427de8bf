/**
 * Equal things built once, for as long as somebody uses one: the cache itself keeps nothing alive.
 */
export class SharedCache<Value extends object> {
  readonly #entries = new Map<string, WeakRef<Value>>()
  #sweepAt = 64

  get(key: string, build: () => Value): Value {
    const known = this.#entries.get(key)?.deref()
    if (known !== undefined) return known
    const built = build()
    this.#entries.set(key, new WeakRef(built))
    if (this.#entries.size >= this.#sweepAt) this.#sweep()
    return built
  }

  /** Values in use. */
  values(): Value[] {
    return [...this.#entries.values()].flatMap((entry) => entry.deref() ?? [])
  }

  #sweep(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.deref() === undefined) this.#entries.delete(key)
    }
    this.#sweepAt = Math.max(64, 2 * this.#entries.size)
  }
}
