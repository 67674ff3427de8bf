/**
 * Stands between clients and one node of Kafka, which advertises this port instead of its own, and
 * behaves as badly as it is told to. What comes through is what the node said, up to the byte at
 * which a connection is cut.
 */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export type LinkMood =
  | 'well'
  /** Nobody listens: what is there is cut, what comes is cut at once. */
  | 'away'
  /** Takes everything and passes nothing on. */
  | 'stalled'
  /** Every piece takes its time. */
  | 'slow'
  /** Half of the next answer, then the connection is cut. */
  | 'half'

const slowMs = 150

export class TcpFront {
  /** Where the node listens; set before the first client comes. */
  target = 0
  #mood: LinkMood = 'well'
  readonly #server: Server
  readonly #links = new Set<Link>()

  private constructor() {
    this.#server = createServer((client) => this.#accept(client))
  }

  static async create(): Promise<TcpFront> {
    const front = new TcpFront()
    front.#server.listen(0, '127.0.0.1')
    await once(front.#server, 'listening')
    return front
  }

  get port(): number {
    // Checked: it listens on a port of its own.
    return (this.#server.address() as AddressInfo).port
  }

  get mood(): LinkMood {
    return this.#mood
  }

  set mood(mood: LinkMood) {
    this.#mood = mood
    if (mood === 'away') this.reset()
    for (const link of this.#links) this.#hold(link)
  }

  /** Cuts every connection there is. */
  reset(): void {
    for (const link of this.#links) cut(link)
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.reset()
    await closed
  }

  #accept(client: Socket): void {
    if (this.#mood === 'away') {
      client.destroy()
      return
    }
    const link: Link = { client, node: connect(this.target, '127.0.0.1') }
    this.#links.add(link)
    for (const socket of [link.client, link.node]) {
      socket.setNoDelay(true)
      socket.once('error', () => cut(link))
      socket.once('close', () => {
        this.#links.delete(link)
        cut(link)
      })
    }
    link.client.on('data', (chunk: Buffer) => this.#pass(chunk, link.node))
    link.node.on('data', (chunk: Buffer) => {
      if (this.#mood !== 'half') {
        this.#pass(chunk, link.client)
        return
      }
      link.client.write(chunk.subarray(0, Math.ceil(chunk.length / 2)), () => cut(link))
    })
    this.#hold(link)
  }

  /** Clients of a test send little, so what piles up in a slow link is little too. */
  #pass(chunk: Buffer, to: Socket): void {
    const write = () => {
      if (!to.destroyed) to.write(chunk)
    }
    if (this.#mood === 'slow') setTimeout(write, slowMs)
    else write()
  }

  #hold({ client, node }: Link): void {
    for (const socket of [client, node]) {
      if (this.#mood === 'stalled') socket.pause()
      else socket.resume()
    }
  }
}

interface Link {
  readonly client: Socket
  readonly node: Socket
}

function cut({ client, node }: Link): void {
  client.destroy()
  node.destroy()
}
