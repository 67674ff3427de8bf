import { FrameError } from './reader.ts'

/**
 * Cuts a byte stream into Kafka's frames: `size: int32, size bytes`.
 * It holds at most one incomplete frame, and refuses a size that is negative or above the limit as
 * soon as it has read it, before a byte of the frame is kept.
 */
export class FrameSplitter {
  readonly #frameBytesMax: number
  #chunks: Buffer[] = []
  #held = 0
  /** Of the frame under way; -1 while its four bytes of size are not all there. */
  #size = -1

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** The frames that `chunk` completes. Throws `FrameError`; the stream is then of no use. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    const frames: Buffer[] = []
    for (;;) {
      if (this.#size < 0) {
        if (this.#held < 4) return frames
        this.#size = this.#take(4).readInt32BE(0)
        if (this.#size < 0 || this.#size > this.#frameBytesMax) {
          throw new FrameError(
            `a frame claims ${this.#size} bytes; ${this.#frameBytesMax} are the limit`,
          )
        }
      }
      if (this.#held < this.#size) return frames
      frames.push(this.#take(this.#size))
      this.#size = -1
    }
  }

  /** The next `length` bytes; without a copy where one chunk holds them all. */
  #take(length: number): Buffer {
    this.#held -= length
    const [first] = this.#chunks
    if (first !== undefined && first.length > length) {
      this.#chunks[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    const taken: Buffer[] = []
    let missing = length
    while (missing > 0) {
      const chunk = this.#chunks[0]
      if (chunk === undefined)
        throw new FrameError('unreachable: fewer bytes are held than counted')
      taken.push(chunk.subarray(0, missing))
      if (chunk.length > missing) this.#chunks[0] = chunk.subarray(missing)
      else this.#chunks.shift()
      missing -= Math.min(missing, chunk.length)
    }
    return taken.length === 1 && taken[0] !== undefined ? taken[0] : Buffer.concat(taken)
  }
}
