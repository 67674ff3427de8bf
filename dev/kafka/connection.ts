/**
 * One client's connection. Requests are carried out one after the other and answered in order, as
 * Kafka does; while one waits (a fetch, a join) the next ones wait behind it.
 *
 * Contract: whatever arrives, the process goes on; a frame that cannot be read closes this connection
 * with one line in the log; what is held of a client that does not read is bounded.
 */
import type { Socket } from 'node:net'
import type { RequestContext } from './apis/api.ts'
import type { Broker } from './broker.ts'
import { parseRequest } from './request.ts'
import { FrameSplitter } from './wire/frames.ts'
import { FrameError } from './wire/reader.ts'

/** Requests beyond these are left in the socket until the ones before are answered. */
const queuedFramesMax = 64
const queuedBytesMax = 4 * 1024 * 1024
/** Smaller answers go out as one piece: a copy is cheaper than a gathering write. */
const copyBytesMax = 16 * 1024

export class Connection {
  readonly #socket: Socket
  readonly #broker: Broker
  readonly #splitter: FrameSplitter
  readonly #frames: Buffer[] = []
  readonly #gone = new AbortController()
  readonly #peer: string
  #isBusy = false

  constructor(socket: Socket, broker: Broker) {
    this.#socket = socket
    this.#broker = broker
    this.#splitter = new FrameSplitter(broker.settings.frameBytesMax)
    this.#peer = `${socket.remoteAddress}:${socket.remotePort}`
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    // A client that is killed resets its connection; `close` follows.
    socket.on('error', () => {})
    socket.on('close', () => this.#gone.abort())
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    try {
      this.#frames.push(...this.#splitter.push(chunk))
    } catch (error) {
      this.#refuse(error)
      return
    }
    const queuedBytes = this.#frames.reduce((sum, frame) => sum + frame.length, 0)
    if (this.#frames.length > queuedFramesMax || queuedBytes > queuedBytesMax) this.#socket.pause()
    if (!this.#isBusy) void this.#serve()
  }

  /** Carries out what is queued. Never rejects. */
  async #serve(): Promise<void> {
    this.#isBusy = true
    try {
      for (;;) {
        const frame = this.#frames.shift()
        if (frame === undefined || this.#gone.signal.aborted) break
        if (this.#frames.length === 0) this.#socket.resume()
        await this.#answer(frame)
      }
    } catch (error) {
      this.#refuse(error)
    }
    this.#isBusy = false
  }

  async #answer(frame: Buffer): Promise<void> {
    const request = parseRequest(frame)
    const context: RequestContext = {
      broker: this.#broker,
      clientId: request.clientId,
      clientHost: `/${this.#socket.remoteAddress ?? ''}`,
      signal: this.#gone.signal,
    }
    const body = (await request.carryOut(context))?.finish()
    if (body === undefined || this.#gone.signal.aborted) return
    const bytes = body.reduce((sum, part) => sum + part.length, 0)
    const head = Buffer.allocUnsafe(8)
    head.writeInt32BE(4 + bytes, 0)
    head.writeInt32BE(request.correlationId, 4)
    await this.#write(bytes > copyBytesMax ? [head, ...body] : [Buffer.concat([head, ...body])])
  }

  /** Waits until the socket has taken it, so that a slow reader holds up itself alone. */
  async #write(parts: readonly Buffer[]): Promise<void> {
    if (parts.length > 1) this.#socket.cork()
    let isTaken = true
    for (const part of parts) isTaken = this.#socket.write(part)
    if (parts.length > 1) this.#socket.uncork()
    if (isTaken) return
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#socket.off('drain', done).off('close', done)
        resolve()
      }
      this.#socket.on('drain', done).on('close', done)
    })
  }

  #refuse(error: unknown): void {
    const fields = { peer: this.#peer, error: String(error) }
    if (error instanceof FrameError) this.#broker.log.warn(fields, 'bad request: connection closed')
    else
      this.#broker.log.error(
        { ...fields, stack: stackOf(error) },
        'request failed: connection closed',
      )
    this.#socket.destroy()
  }
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}
