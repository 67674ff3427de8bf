/** What the broker contract is tested on: one running broker, and names nobody else uses. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Admin,
  type ITopicConfig,
  Kafka,
  logLevel,
  type Message,
  Partitioners,
  type Producer,
} from 'kafkajs'
import type { Broker } from '../broker.ts'
import { offsetAt } from '../wire-calls.ts'
import { WireClient } from '../wire-client.ts'

const waitMsMax = 20_000

export class Subject {
  readonly broker: Broker
  readonly kafka: Kafka
  admin: Admin
  readonly #clients: WireClient[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.kafka = new Kafka({
      clientId: 'contract',
      brokers: broker.bootstrap.split(','),
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, retries: 10 },
    })
    this.admin = this.kafka.admin()
  }

  static async of(broker: Broker): Promise<Subject> {
    const subject = new Subject(broker)
    await subject.admin.connect()
    return subject
  }

  /** Kills the broker and starts it again, with a new admin: kafkajs does not forgive a lost connection. */
  async crash(): Promise<void> {
    this.broker.kill('SIGKILL')
    await this.admin.disconnect()
    await this.broker.restart()
    this.admin = this.kafka.admin()
    await this.admin.connect()
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close()
    await this.admin.disconnect()
    await this.broker.close()
  }

  /** A connection of its own: requests on one wait for each other. */
  async wire(): Promise<WireClient> {
    const client = await WireClient.connect(this.broker.bootstrap)
    this.#clients.push(client)
    return client
  }

  name(prefix: string): string {
    return `${prefix}-${randomUUID()}`
  }

  async topic(numPartitions = 1): Promise<string> {
    const topic = this.name('topic')
    await this.create({ topic, numPartitions })
    return topic
  }

  /** Resolves when every partition answers. */
  async create(config: ITopicConfig): Promise<void> {
    const { topic, numPartitions = 1 } = config
    const isNew = await this.admin.createTopics({ topics: [config], waitForLeaders: false })
    if (!isNew) throw new Error(`${topic} was there already`)
    // kafkajs's own wait gives up where a broker has not heard of the topic yet.
    const client = await this.wire()
    for (let partition = 0; partition < numPartitions; partition += 1) {
      await eventually(`${topic}-${partition}`, async () => {
        return (await offsetAt(client, { topic, partition }, -1)).error === 'NONE'
      })
    }
    client.close()
  }

  async producer(): Promise<Producer> {
    const producer = this.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    return producer
  }

  async send(topic: string, messages: Message[], acks = -1): Promise<void> {
    const producer = await this.producer()
    await producer.send({ topic, messages, acks })
    await producer.disconnect()
  }

  /** The low and the high watermark of partition 0. */
  async watermarks(topic: string): Promise<{ low: number; high: number }> {
    const offsets = await this.admin.fetchTopicOffsets(topic)
    const first = offsets.find(({ partition }) => partition === 0)
    return { low: Number(first?.low), high: Number(first?.high) }
  }
}

/** Waits, within bounds, until `probe` gives something true, and gives that. */
export async function eventually<Value>(
  what: string,
  probe: () => Value | Promise<Value>,
): Promise<Exclude<Value, false | null | undefined>> {
  const deadline = Date.now() + waitMsMax
  for (;;) {
    const value = await probe()
    if (value !== false && value !== null && value !== undefined) {
      // The three were just excluded; the compiler does not follow that through a type parameter.
      return value as Exclude<Value, false | null | undefined>
    }
    if (Date.now() > deadline) throw new Error(`${what} did not come in ${waitMsMax} ms`)
    await sleep(20)
  }
}

/** Whether `promise` is still open after everything that is ready has been carried out. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => false), sleep(50).then(() => true)])
}
