/**
 * A Kafka broker for development and tests: one node that speaks Kafka's wire protocol over TCP to
 * unmodified clients and keeps its data on disk. See docs/decisions/dev-kafka.md for what it leaves out.
 *
 * Contract: what was acknowledged is there after the process was killed and started again.
 */
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { type Clock, systemClock } from '../../core/clock.ts'
import { messageOf } from '../../core/error.ts'
import type { Log } from '../../core/log.ts'
import { type Random, systemRandom } from '../../core/random.ts'
import { apis } from './apis/list.ts'
import type { Broker } from './broker.ts'
import { Connection } from './connection.ts'
import { lockFolder } from './folder-lock.ts'
import { Groups } from './group/groups.ts'
import { type DevKafkaSettings, defaultSettings } from './options.ts'
import { Topics } from './topics.ts'

export type DevKafkaOptions = Partial<DevKafkaSettings> &
  Pick<DevKafkaSettings, 'dataDir'> & {
    readonly log: Log
    readonly clock?: Clock
    readonly random?: Random
  }

export interface DevKafka {
  readonly port: number
  /** Ends every connection and releases the folder. May be called twice. */
  close(): Promise<void>
}

/**
 * Resolves when it accepts connections. Throws `ConfigError` where another process uses the folder,
 * and what the system says where the port is taken.
 */
export async function startDevKafka(options: DevKafkaOptions): Promise<DevKafka> {
  const { log, clock = systemClock, random = systemRandom, ...given } = options
  const settings: DevKafkaSettings = { ...defaultSettings, ...given }
  mkdirSync(settings.dataDir, { recursive: true })
  const unlock = lockFolder(settings.dataDir)
  const folder = settings.dataDir
  try {
    const topics = new Topics(
      { folder, limits: settings, partitionsMax: settings.partitionsMax },
      random,
      log,
    )
    const groups = new Groups({ folder, ...settings }, { clock, random, log })
    for (const [name, { partitions, configs }] of Object.entries(settings.topics)) {
      if (topics.get(name) === undefined) topics.create(name, partitions, configs ?? {})
    }
    const node = { nodeId: 1, clusterId: 'ttpstream-dev', host: settings.host }
    const server = createServer()
    const bound = await listen(server, settings)
    const port = settings.advertisedPort === 0 ? bound : settings.advertisedPort
    const broker: Broker = { ...node, port, settings, topics, groups, apis, clock, log }
    const running = new RunningBroker(server, bound, broker, unlock)
    log.info(
      { host: settings.host, port: bound, topics: topics.all.length },
      'Kafka broker listens',
    )
    return running
  } catch (error) {
    unlock()
    throw error
  }
}

class RunningBroker implements DevKafka {
  readonly port: number
  readonly #server: Server
  readonly #broker: Broker
  readonly #unlock: () => void
  readonly #connections = new Set<Connection>()
  readonly #upkeep: NodeJS.Timeout
  #closing: Promise<void> | null = null

  constructor(server: Server, port: number, broker: Broker, unlock: () => void) {
    this.port = port
    this.#server = server
    this.#broker = broker
    this.#unlock = unlock
    server.maxConnections = broker.settings.connectionsMax
    server.on('drop', () => broker.log.warn({ max: server.maxConnections }, 'too many connections'))
    server.on('connection', (socket) => {
      const connection = new Connection(socket, broker)
      this.#connections.add(connection)
      socket.once('close', () => this.#connections.delete(connection))
    })
    this.#upkeep = setInterval(() => this.#keepUp(), broker.settings.retentionCheckMs)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#upkeep)
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const connection of this.#connections) connection.close()
    this.#broker.groups.close()
    this.#broker.topics.close()
    await closed
    this.#unlock()
  }

  #keepUp(): void {
    try {
      this.#broker.topics.enforceRetention(this.#broker.clock.now())
      this.#broker.groups.expire()
    } catch (error) {
      this.#broker.log.error({ error: messageOf(error) }, 'retention could not be enforced')
    }
  }
}

async function listen(server: Server, { host, port }: DevKafkaSettings): Promise<number> {
  server.listen(port, host)
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  return address.port
}
