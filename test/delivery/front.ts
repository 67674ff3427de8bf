/**
 * Stands between an engine and ClickHouse and behaves as badly as it is told to: the server behind it
 * is well all the time, so what comes through is real.
 */

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export type Mood =
  | { readonly kind: 'well' }
  /** Closes every connection at once, as if nobody listened. */
  | { readonly kind: 'away' }
  /** Takes the request, never answers. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** Answers with an error of ClickHouse, without asking it. */
  | { readonly kind: 'failing'; readonly code: number }
  /** Lets ClickHouse do it, then closes the connection without an answer. */
  | { readonly kind: 'forgetful' }
  /** Lets ClickHouse do it, then sends half of the answer. */
  | { readonly kind: 'half' }

export class Front {
  mood: Mood = { kind: 'well' }
  /** Requests whose query holds this are treated badly; the others go through. */
  only = ''
  /** Changes what is asked of ClickHouse. */
  rewrite = (path: string): string => path
  readonly #target: URL
  readonly #server: http.Server

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = http.createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy())
    })
  }

  static async create(target: string): Promise<Front> {
    const front = new Front(target)
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve))
    return front
  }

  get url(): string {
    // Checked: it listens on a port of its own.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts every connection there is. */
  reset(): void {
    this.#server.closeAllConnections()
  }

  async close(): Promise<void> {
    this.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const mood = this.#moodFor(request)
    switch (mood.kind) {
      case 'away':
        request.destroy()
        return
      case 'silent':
        request.resume()
        return
      case 'failing':
        request.resume()
        response.writeHead(500, { 'X-ClickHouse-Exception-Code': String(mood.code) })
        response.end(`Code: ${mood.code}. DB::Exception: as the test wishes. (TEST)`)
        return
      case 'slow':
        await setTimeout(mood.delayMs)
        this.#pass(request, response, mood)
        return
      case 'well':
      case 'forgetful':
      case 'half':
        this.#pass(request, response, mood)
    }
  }

  #moodFor(request: IncomingMessage): Mood {
    const isMeant = this.only === '' || decodeURIComponent(request.url ?? '').includes(this.only)
    return isMeant ? this.mood : { kind: 'well' }
  }

  #pass(request: IncomingMessage, response: ServerResponse, mood: Mood): void {
    const { hostname, port } = this.#target
    const { method, url = '/', headers } = request
    const path = this.rewrite(url)
    const options = { hostname, port, method, path, headers, agent: false }
    const asked = http.request(options, (answer) => {
      if (mood.kind === 'forgetful') {
        answer.resume().once('end', () => response.destroy())
      } else if (mood.kind === 'half') {
        sendHalf(answer, response)
      } else {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      }
    })
    asked.once('error', () => response.destroy())
    request.pipe(asked)
  }
}

function sendHalf(answer: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  answer.on('data', (chunk: Buffer) => chunks.push(chunk))
  answer.once('end', () => {
    const body = Buffer.concat(chunks)
    const { 'content-length': _, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 500, { ...headers, 'transfer-encoding': 'chunked' })
    response.write(body.subarray(0, Math.ceil(body.length / 2)))
    setImmediate(() => response.destroy())
  })
}
