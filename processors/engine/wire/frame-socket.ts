/**
 * Plain sockets for kafkajs that hand over whole answers:
 *
 *     Answer => length: int32 [byte]
 *
 * kafkajs keeps the pieces of a fetch answer of 16 MB and joins them at the end: every byte is
 * allocated and copied twice, and V8 sees so much memory outside of its heap come and go that it
 * collects all of it every few fetches. Here one buffer is read into again and again, and an answer
 * is put together where it stays; `kafkajs-connection.ts` sees to it that kafkajs joins nothing to it.
 */

import { connect } from 'node:net'
import type { ISocketFactory } from 'kafkajs'

const readBytes = 256 << 10
const keepAliveMs = 60_000
/** A longer answer is none: what answers there does not speak Kafka. */
const answerBytesMax = 512 << 20

export const frameSocket: ISocketFactory = ({ host, port, onConnect }) => {
  const frames = new Frames((answer) => socket.emit('data', answer))
  const onread = {
    buffer: Buffer.allocUnsafeSlow(readBytes),
    callback(count: number, bytes: Uint8Array): boolean {
      const problem = frames.take(bytes.subarray(0, count))
      if (problem !== null) socket.destroy(new Error(`${host}:${port} ${problem}`))
      return problem === null
    },
  }
  const socket = connect({ host, port, onread }, onConnect)
  socket.setKeepAlive(true, keepAliveMs)
  return socket
}

/** Puts a stream of bytes together to answers, each with its length in front. */
export class Frames {
  readonly #onAnswer: (answer: Buffer) => void
  readonly #length = Buffer.alloc(4)
  #lengthFilled = 0
  #answer: Buffer | null = null
  #filled = 0

  constructor(onAnswer: (answer: Buffer) => void) {
    this.#onAnswer = onAnswer
  }

  /** What is wrong with the stream, or null. The bytes are not kept. */
  take(bytes: Uint8Array): string | null {
    for (let at = 0; at < bytes.length; ) {
      if (this.#answer === null) {
        this.#length[this.#lengthFilled] = bytes[at] ?? 0
        this.#lengthFilled += 1
        at += 1
        if (this.#lengthFilled < 4) continue
        const length = this.#length.readInt32BE(0)
        if (length < 0 || length > answerBytesMax) return `claims an answer of ${length} bytes`
        this.#begin(length)
      } else {
        const count = Math.min(bytes.length - at, this.#answer.length - this.#filled)
        this.#answer.set(bytes.subarray(at, at + count), this.#filled)
        this.#filled += count
        at += count
      }
      this.#endIfWhole()
    }
    return null
  }

  #begin(length: number): void {
    const answer = Buffer.allocUnsafe(4 + length)
    answer.set(this.#length)
    this.#answer = answer
    this.#filled = 4
    this.#lengthFilled = 0
  }

  #endIfWhole(): void {
    const answer = this.#answer
    if (answer === null || this.#filled < answer.length) return
    this.#answer = null
    this.#onAnswer(answer)
  }
}
