/** Takes traces as a collector does, OTLP over HTTP in JSON, and keeps what came; or is unwell. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

const value = z.union([
  z.strictObject({ stringValue: z.string() }).transform((of) => of.stringValue),
  z.strictObject({ intValue: z.coerce.number() }).transform((of) => of.intValue),
  z.strictObject({ doubleValue: z.number() }).transform((of) => of.doubleValue),
])
const attributes = z
  .array(z.strictObject({ key: z.string(), value }))
  .transform((pairs) => Object.fromEntries(pairs.map((pair) => [pair.key, pair.value])))
const span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  /** 1: internal, 2: server, 5: consumer. */
  kind: z.number(),
  startTimeUnixNano: z.coerce.bigint(),
  endTimeUnixNano: z.coerce.bigint(),
  attributes,
  events: z.array(z.unknown()).max(0),
  links: z.array(z.unknown()).max(0),
  status: z.strictObject({ code: z.number() }),
})
const request = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(span) })),
    }),
  ),
})

export type ReceivedSpan = z.output<typeof span>

/** `mute`: takes a request and never answers. `refusing`: answers it with a 400. */
export type ReceiverMood = 'well' | 'mute' | 'refusing'

export class OtlpReceiver {
  /** The bodies, as they came. */
  readonly bodies: string[] = []
  readonly #server: Server
  readonly #mood: ReceiverMood

  private constructor(mood: ReceiverMood) {
    this.#mood = mood
    this.#server = createServer(async (message, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of message) chunks.push(chunk)
      this.bodies.push(Buffer.concat(chunks).toString())
      if (this.#mood === 'mute') return
      const isWell = this.#mood === 'well' && message.url === '/v1/traces'
      response.writeHead(isWell ? 200 : 400, { 'Content-Type': 'application/json' })
      response.end(isWell ? '{}' : 'the collector says no')
    })
  }

  static async start(mood: ReceiverMood = 'well'): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver(mood)
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  get url(): string {
    // Checked: a server that listens on TCP.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get spans(): ReceivedSpan[] {
    return this.#requests().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
  }

  get resources(): Readonly<Record<string, string | number>>[] {
    return this.#requests().map(({ resource }) => resource.attributes)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #requests() {
    return this.bodies.flatMap((body) => request.parse(JSON.parse(body)).resourceSpans)
  }
}
