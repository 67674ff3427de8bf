import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { messageOf } from '../../core/error.ts'
import { exception } from './exception.ts'

/**
 * A request's body, decoded and bounded, read from its head: the statement is looked for in the
 * first bytes, and what follows goes to the spool without being gathered.
 */
export class Body {
  readonly #chunks: AsyncIterator<Buffer>
  readonly #bytesMax: number
  #bytes = 0
  #isEnded = false

  constructor(source: AsyncIterable<Buffer>, bytesMax: number) {
    this.#chunks = source[Symbol.asyncIterator]()
    this.#bytesMax = bytesMax
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The first chunks, until they hold `bytesMin` bytes or the body ends. */
  async head(bytesMin: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (let bytes = 0; bytes < bytesMin; ) {
      const chunk = await this.#next()
      if (chunk === undefined) break
      chunks.push(chunk)
      bytes += chunk.length
    }
    return Buffer.concat(chunks)
  }

  async *rest(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = await this.#next()
      if (chunk === undefined) return
      yield chunk
    }
  }

  async #next(): Promise<Buffer | undefined> {
    const next = this.#isEnded ? undefined : await this.#read()
    if (next === undefined || next.done === true) {
      this.#isEnded = true
      return undefined
    }
    this.#bytes += next.value.length
    if (this.#bytes > this.#bytesMax) {
      throw exception('QUERY_IS_TOO_LARGE', `The body is larger than ${this.#bytesMax} bytes`)
    }
    return next.value
  }

  async #read(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.#chunks.next()
    } catch (error) {
      const why = messageOf(error)
      throw exception('INCORRECT_DATA', `The body ended or could not be decoded: ${why}`)
    }
  }
}

/** Fields of a multipart form, which clients use for parameters too long for a URL. */
export async function readForm(
  message: IncomingMessage,
  bytesMax: number,
): Promise<[name: string, value: string][]> {
  const body = new Body(message, bytesMax)
  const bytes = await body.head(Number.POSITIVE_INFINITY)
  const headers = { 'Content-Type': message.headers['content-type'] ?? '' }
  const form = await new Response(bytes, { headers }).formData().catch((error: unknown) => {
    throw exception('INCORRECT_DATA', `The multipart form cannot be read: ${messageOf(error)}`)
  })
  return [...form].map(([name, value]) => {
    if (typeof value === 'string') return [name, value]
    throw exception('NOT_IMPLEMENTED', `External data (${name}) is not supported`)
  })
}

/** Codings that Node knows. chDB has to decode the others, zstd and lz4, from a file. */
export function decode(message: IncomingMessage, coding: string): Readable {
  switch (coding) {
    case '':
    case 'identity':
      return message
    case 'gzip':
    case 'x-gzip':
      return piped(message, createGunzip())
    case 'deflate':
      return piped(message, createInflate())
    case 'br':
      return piped(message, createBrotliDecompress())
    default: {
      const why = `Unknown compression method ${coding}`
      throw exception('UNKNOWN_COMPRESSION_METHOD', why)
    }
  }
}

/** As `pipe`, but an upload that breaks off breaks the decoder too. */
function piped<T extends Readable & NodeJS.WritableStream>(message: IncomingMessage, to: T): T {
  message.once('error', (error) => to.destroy(error))
  message.once('aborted', () => to.destroy(new Error('the client went away')))
  message.pipe(to)
  return to
}
