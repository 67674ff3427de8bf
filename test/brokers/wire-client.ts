import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameSplitter } from '../../dev/kafka/wire/frames.ts'
import { Reader } from '../../dev/kafka/wire/reader.ts'
import { Writer } from '../../dev/kafka/wire/writer.ts'

const answerMsMax = 20_000

/**
 * A connection that says exactly what a test wants to say to a broker: one request a call, any API,
 * any version, or raw bytes. Not for flexible versions.
 */
export class WireClient {
  /** Resolves when the broker has closed the connection. */
  readonly closed: Promise<unknown>
  /** The correlation ids answered, in order: 1 is that of the first request. */
  readonly answered: number[] = []
  readonly #socket: Socket
  readonly #splitter = new FrameSplitter(100 * 1024 * 1024)
  readonly #waiting = new Map<number, (answer: Reader) => void>()
  #correlationId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const frame of this.#splitter.push(chunk)) {
        const answer = new Reader(frame)
        const correlationId = answer.int32()
        this.answered.push(correlationId)
        this.#waiting.get(correlationId)?.(answer)
        this.#waiting.delete(correlationId)
      }
    })
  }

  static async connect(bootstrap: string): Promise<WireClient> {
    const [host = '', port = ''] = (bootstrap.split(',')[0] ?? '').split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    return new WireClient(socket)
  }

  /** The answer's body. */
  request(key: number, version: number, write: (body: Writer) => void = () => {}): Promise<Reader> {
    this.#correlationId += 1
    const correlationId = this.#correlationId
    const answer = new Promise<Reader>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`API ${key} was not answered in ${answerMsMax} ms`)),
        answerMsMax,
      )
      this.#waiting.set(correlationId, (reader) => {
        clearTimeout(timer)
        resolve(reader)
      })
      void this.closed.then(() => {
        clearTimeout(timer)
        reject(new Error(`the connection was closed before API ${key} was answered`))
      })
    })
    this.send(frameOf(key, version, correlationId, write))
    return answer
  }

  /** For requests that have no answer. */
  tell(key: number, version: number, write: (body: Writer) => void): void {
    this.send(frameOf(key, version, 0, write))
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  close(): void {
    this.#socket.destroy()
  }
}

export function frameOf(
  key: number,
  version: number,
  correlationId: number,
  write: (body: Writer) => void,
): Buffer {
  const writer = new Writer().int16(key).int16(version).int32(correlationId).nullableString('wire')
  write(writer)
  const frame = Buffer.concat(writer.finish())
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}
