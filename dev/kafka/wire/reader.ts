/**
 * Reads Kafka's primitive types off one request frame.
 *
 * Contract: whatever the bytes are, a read either returns or throws `FrameError`; it never reads past
 * the frame and never allocates more than the frame can hold. Slices share the frame's memory.
 */

/** The peer does not speak the protocol: its connection is closed, nothing else happens. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

/** Far above any request a client makes; a count is checked before anything is built. */
const arrayItemsMax = 100_000

export class Reader {
  readonly #frame: Buffer
  #at = 0

  constructor(frame: Buffer) {
    this.#frame = frame
  }

  get remaining(): number {
    return this.#frame.length - this.#at
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    return this.#frame.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#frame.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#frame.readInt32BE(this.#take(4))
  }

  /** As a number: exact to 2^53, which no offset or timestamp of ours reaches. */
  int64(): number {
    const at = this.#take(8)
    return this.#frame.readInt32BE(at) * 0x1_0000_0000 + this.#frame.readUInt32BE(at + 4)
  }

  unsignedVarint(bytesMax = 5): number {
    let value = 0
    for (let index = 0; index < bytesMax; index += 1) {
      const byte = this.#frame.readUInt8(this.#take(1))
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    throw new FrameError(`a varint is longer than ${bytesMax} bytes`)
  }

  unsignedVarlong(): number {
    return this.unsignedVarint(10)
  }

  skip(bytes: number): void {
    this.#take(bytes)
  }

  string(): string {
    const text = this.nullableString()
    if (text === null) throw new FrameError('a string that may not be null is null')
    return text
  }

  nullableString(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#frame.toString('utf8', at, at + length)
  }

  bytes(): Buffer {
    const bytes = this.nullableBytes()
    if (bytes === null) throw new FrameError('bytes that may not be null are null')
    return bytes
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    if (length < 0) return null
    const at = this.#take(length)
    return this.#frame.subarray(at, at + length)
  }

  array<Item>(readItem: () => Item): Item[] {
    return this.nullableArray(readItem) ?? []
  }

  nullableArray<Item>(readItem: () => Item): Item[] | null {
    const count = this.int32()
    if (count < 0) return null
    if (count > arrayItemsMax || count > this.remaining) {
      throw new FrameError(`an array claims ${count} items`)
    }
    const items: Item[] = []
    for (let index = 0; index < count; index += 1) items.push(readItem())
    return items
  }

  /** Kafka's own servers ignore what follows the fields they know; so does this one. */
  skipTaggedFields(): void {
    const count = this.unsignedVarint()
    if (count > this.remaining) throw new FrameError(`${count} tagged fields are claimed`)
    for (let index = 0; index < count; index += 1) {
      this.unsignedVarint()
      this.#take(this.unsignedVarint())
    }
  }

  #take(length: number): number {
    const at = this.#at
    if (length < 0 || length > this.remaining) {
      throw new FrameError(`${length} bytes are claimed where ${this.remaining} are left`)
    }
    this.#at = at + length
    return at
  }
}
