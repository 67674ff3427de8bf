/** Writes Kafka's primitive types. Record batches are passed on without a copy. */

const initialBytes = 256
/** Below this a copy is cheaper than one more buffer for the socket. */
const copyBytesMax = 1_024

export class Writer {
  #done: Buffer[] = []
  #buffer = Buffer.allocUnsafe(initialBytes)
  #at = 0

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int8(value: number): this {
    this.#reserve(1)
    this.#at = this.#buffer.writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#reserve(2)
    this.#at = this.#buffer.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#reserve(4)
    this.#at = this.#buffer.writeInt32BE(value, this.#at)
    return this
  }

  int64(value: number): this {
    this.#reserve(8)
    this.#at = this.#buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), this.#at)
    this.#at = this.#buffer.writeUInt32BE(value >>> 0, this.#at)
    return this
  }

  unsignedVarint(value: number): this {
    let rest = value
    while (rest > 0x7f) {
      this.#byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    return this.#byte(rest)
  }

  string(text: string): this {
    return this.nullableString(text)
  }

  nullableString(text: string | null): this {
    if (text === null) return this.int16(-1)
    const length = Buffer.byteLength(text)
    this.int16(length)
    this.#reserve(length)
    this.#at += this.#buffer.write(text, this.#at)
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.int32(bytes.length)
    if (bytes.length > copyBytesMax) {
      this.#seal()
      this.#done.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
    } else {
      this.#reserve(bytes.length)
      this.#buffer.set(bytes, this.#at)
      this.#at += bytes.length
    }
    return this
  }

  array<Item>(items: readonly Item[], writeItem: (item: Item) => void): this {
    this.int32(items.length)
    for (const item of items) writeItem(item)
    return this
  }

  /** What was written, in order; the writer is not used afterwards. */
  finish(): Buffer[] {
    this.#seal()
    return this.#done
  }

  #byte(value: number): this {
    this.#reserve(1)
    this.#at = this.#buffer.writeUInt8(value, this.#at)
    return this
  }

  #seal(): void {
    if (this.#at > 0) this.#done.push(this.#buffer.subarray(0, this.#at))
    this.#buffer = this.#buffer.subarray(this.#at)
    this.#at = 0
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#at + bytes) + initialBytes)
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }
}
