/** setTimeout's own limit. */
const delayMsMax = 0x7fff_ffff

/**
 * One deadline that can be put off. When the process itself was stopped or busy past it, the requests
 * that already lie in the sockets are served first: they may put it off.
 */
export class Deadline {
  #timer: NodeJS.Timeout | undefined
  #turn: NodeJS.Immediate | undefined

  set(delayMs: number, act: () => void): void {
    this.clear()
    this.#timer = setTimeout(
      () => {
        // Timers run before sockets are read, immediates after it.
        this.#turn = setImmediate(act)
      },
      Math.min(Math.max(delayMs, 0), delayMsMax),
    )
  }

  clear(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#turn)
  }
}
