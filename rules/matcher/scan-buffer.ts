/**
 * The text that is being scanned, as bytes and as aligned 32-bit words of the same memory.
 *
 * A text is written as the low byte of each UTF-16 unit, so that ASCII stands for itself at its own
 * index. What lies behind `length` is left over from longer texts: a reader checks its bounds.
 */
export class ScanBuffer {
  bytes: Uint8Array
  words: Int32Array
  length = 0
  #buffer: Buffer

  constructor(bytesInitial = 1 << 16) {
    this.#buffer = Buffer.alloc(bytesInitial)
    this.bytes = this.#buffer
    this.words = wordsOf(this.#buffer)
  }

  loadText(text: string): void {
    this.#reserve(text.length)
    this.length = text.length
    if (text.length > shortChars) {
      this.#buffer.write(text, 0, text.length, 'latin1')
      return
    }
    const { bytes } = this
    for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at)
  }

  loadBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes)
    this.length = bytes.length
  }

  #reserve(length: number): void {
    if (length + spareBytes <= this.bytes.length) return
    this.#buffer = Buffer.alloc((2 * length + spareBytes + 7) & ~7)
    this.bytes = this.#buffer
    this.words = wordsOf(this.#buffer)
  }
}

/** Up to here a loop is faster than a call. */
const shortChars = 40
/** Scans take four steps of up to 8 bytes at a time, and read on behind the end. */
const spareBytes = 64

function wordsOf(buffer: Buffer): Int32Array {
  return new Int32Array(buffer.buffer, buffer.byteOffset, buffer.length >> 2)
}
