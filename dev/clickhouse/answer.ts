import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable, type Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createBrotliCompress, createDeflate, createGzip } from 'node:zlib'
import type { Random } from '../../core/random.ts'
import { asException, statusOf } from './exception.ts'

/** The answer to one query: headers as ClickHouse sends them, then the result, compressed if asked. */
export interface Summary {
  readonly readRows: number
  readonly readBytes: number
  readonly writtenRows: number
  readonly writtenBytes: number
  readonly elapsedSeconds: number
}

export interface Result {
  readonly format: string
  readonly summary?: Summary
}

/** As much of a result is held back until it ends. */
const shortBytesMax = 1 << 18

export class Answer {
  readonly #response: ServerResponse
  readonly #coding: string
  readonly #frames: (() => Transform) | undefined
  readonly #exceptionTag: string

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    options: { id: string; compressesHttp: boolean; frames?: () => Transform; random: Random },
  ) {
    this.#response = response
    this.#coding = options.compressesHttp ? codingOf(message.headers['accept-encoding']) : ''
    this.#frames = options.frames
    this.#exceptionTag = options.random.uuid().replaceAll('-', '').slice(0, 16)
    response.setHeader('X-ClickHouse-Query-Id', options.id)
  }

  async sendBytes(bytes: Uint8Array, result: Result): Promise<void> {
    if (this.#coding === '' && this.#frames === undefined) {
      this.#writeHead(result)
      this.#response.setHeader('Content-Length', bytes.length)
      this.#response.end(bytes)
      return
    }
    await this.#send(Readable.from([bytes]), result)
  }

  async sendFile(path: string, result: Result): Promise<void> {
    // A query without any output leaves no file.
    const isThere = await stat(path).catch(() => undefined)
    if (isThere === undefined || isThere.size === 0) await this.sendBytes(new Uint8Array(), result)
    else await this.#send(createReadStream(path, { highWaterMark: 1 << 18 }), result)
  }

  /**
   * Sends chunks as they come; a short result goes out in one piece, with the summary that is known then. An
   * exception before anything was sent is the caller's; after that the status line is gone and it is written
   * into the body, between tags that clients look for.
   */
  async sendChunks(
    chunks: AsyncIterable<Uint8Array>,
    format: string,
    summary: () => Summary | undefined,
  ): Promise<void> {
    const iterator = chunks[Symbol.asyncIterator]()
    const first: Uint8Array[] = []
    for (let bytes = 0; bytes <= shortBytesMax; ) {
      const next = await iterator.next()
      if (next.done === true) {
        const known = summary()
        const whole = Buffer.concat(first)
        return await this.sendBytes(whole, { format, ...(known && { summary: known }) })
      }
      first.push(next.value)
      bytes += next.value.length
    }
    const tag = this.#exceptionTag
    async function* all(): AsyncGenerator<Uint8Array> {
      try {
        yield* first
        for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
          yield next.value
        }
      } catch (error) {
        yield Buffer.from(taggedException(asException(error).message, tag))
      } finally {
        await iterator.return?.()
      }
    }
    this.#response.setHeader('X-ClickHouse-Exception-Tag', tag)
    await this.#send(Readable.from(all()), { format })
  }

  async #send(source: Readable, result: Result): Promise<void> {
    this.#writeHead(result)
    const steps: Transform[] = []
    if (this.#frames !== undefined) steps.push(this.#frames())
    const compressor = compressorOf(this.#coding)
    if (compressor !== undefined) {
      this.#response.setHeader('Content-Encoding', this.#coding)
      steps.push(compressor)
    }
    const sink: Writable = this.#response
    await pipeline([source, ...steps, sink])
  }

  #writeHead({ format, summary }: Result): void {
    this.#response.setHeader('Content-Type', contentTypeOf(format))
    this.#response.setHeader('X-ClickHouse-Format', format)
    if (summary !== undefined) {
      this.#response.setHeader('X-ClickHouse-Summary', summaryJson(summary))
    }
  }
}

/** Answers with the exception's text and the HTTP status of its code. */
export function sendException(response: ServerResponse, thrown: unknown, version: string): void {
  const { code, message } = asException(thrown)
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  response.removeHeader('Content-Encoding')
  response.writeHead(statusOf(code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Exception-Code': code,
  })
  response.end(`${message} (version ${version})\n`)
}

/** Since ClickHouse 25.11; the length counts the line feed. */
function taggedException(message: string, tag: string): string {
  const length = Buffer.byteLength(message) + 1
  return `\r\n__exception__\r\n${tag}\r\n${message}\n${length} ${tag}\r\n__exception__\r\n`
}

function summaryJson(summary: Summary): string {
  const numbers: [string, number][] = [
    ['read_rows', summary.readRows],
    ['read_bytes', summary.readBytes],
    ['written_rows', summary.writtenRows],
    ['written_bytes', summary.writtenBytes],
    ['total_rows_to_read', 0],
    // chDB does not count a result's rows. The JDBC driver wants to see that there are some.
    ['result_rows', Math.max(summary.readRows, summary.writtenRows)],
    ['result_bytes', Math.max(summary.readBytes, summary.writtenBytes)],
    ['elapsed_ns', Math.round(summary.elapsedSeconds * 1e9)],
  ]
  return JSON.stringify(Object.fromEntries(numbers.map(([name, value]) => [name, String(value)])))
}

function contentTypeOf(format: string): string {
  if (/^JSON.*EachRow|^JSONLines$|^NDJSON$/i.test(format)) {
    return 'application/x-ndjson; charset=UTF-8'
  }
  if (/^JSON/i.test(format)) return 'application/json; charset=UTF-8'
  if (/^(TSV|TabSeparated)/i.test(format)) return 'text/tab-separated-values; charset=UTF-8'
  if (/^CSV/i.test(format)) return 'text/csv; charset=UTF-8'
  if (/^XML$/i.test(format)) return 'application/xml; charset=UTF-8'
  if (/^(Pretty|Vertical|Values|Markdown)/i.test(format)) return 'text/plain; charset=UTF-8'
  return 'application/octet-stream'
}

/** The first coding that both sides know, in ClickHouse's order of preference. */
function codingOf(accepted: string | string[] | undefined): string {
  const names = String(accepted ?? '')
    .split(',')
    .map((part) => part.split(';')[0]?.trim() ?? '')
  return ['br', 'gzip', 'deflate'].find((coding) => names.includes(coding)) ?? ''
}

function compressorOf(coding: string): Transform | undefined {
  if (coding === 'gzip') return createGzip({ level: 1 })
  if (coding === 'deflate') return createDeflate({ level: 1 })
  if (coding === 'br') {
    return createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })
  }
  return undefined
}
