/**
 * Apache Kafka without Docker: its own classes in a JVM, KRaft, every node broker and controller at
 * once. About 8 s to the first answer with one node. Loopback only, plain text.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Broker } from './broker.ts'
import { fetchKafkaJars, kafkaVersion } from './kafka-jars.ts'
import { freePorts, NodeProcess } from './node-process.ts'

const readyMsMax = 90_000

type Properties = Readonly<Record<string, string>>

export interface ApacheKafkaOptions {
  readonly nodes?: 1 | 3
  /** server.properties on top of the defaults below, for every node; or made from its defaults. */
  readonly config?: Properties | ((defaults: Properties) => Properties)
}

/** Needs `java`, and `mvn` the first time. Throws with the end of the server's log. */
export async function startApacheKafka(options: ApacheKafkaOptions = {}): Promise<Broker> {
  const jars = await fetchKafkaJars()
  const folder = await mkdtemp(join(tmpdir(), 'apache-kafka-'))
  const cluster = new ApacheKafka(jars, folder, await freePorts(2 * (options.nodes ?? 1)))
  try {
    await cluster.format(options.config ?? {})
    await cluster.restart()
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

class ApacheKafka implements Broker {
  readonly name: string
  readonly bootstrap: string
  readonly #jars: string
  readonly #folder: string
  readonly #ports: readonly number[]
  readonly #controllerPorts: readonly number[]
  readonly #nodes: NodeProcess[] = []

  constructor(jars: string, folder: string, ports: readonly number[]) {
    this.#jars = jars
    this.#folder = folder
    this.#ports = ports.slice(0, ports.length / 2)
    this.#controllerPorts = ports.slice(ports.length / 2)
    this.name = `Apache Kafka ${kafkaVersion}`
    this.bootstrap = this.#ports.map((port) => `127.0.0.1:${port}`).join(',')
  }

  get folder(): string {
    return this.#folder
  }

  get pids(): number[] {
    return this.#nodes.filter((node) => node.isRunning).map((node) => node.pid)
  }

  kill(signal: NodeJS.Signals, node?: number): void {
    for (const index of this.#indexes(node)) this.#nodes[index]?.signal(signal)
  }

  async format(config: NonNullable<ApacheKafkaOptions['config']>): Promise<void> {
    const clusterId = `t${randomBytes(16).toString('base64url').slice(1, 21)}w`
    await Promise.all(
      this.#ports.map(async (_, index) => {
        const folder = join(this.#folder, String(index))
        const defaults = this.#properties(index)
        const given = typeof config === 'function' ? config(defaults) : config
        const properties = { ...defaults, ...given }
        const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
        await mkdir(folder)
        await writeFile(join(folder, 'log4j2.properties'), log4j)
        await writeFile(join(folder, 'server.properties'), lines.join(''))
        const format = ['format', '-t', clusterId, '-c', join(folder, 'server.properties')]
        const args = [...this.#javaArgs(folder), 'kafka.tools.StorageTool', ...format]
        await promisify(execFile)('java', args)
      }),
    )
  }

  async restart(node?: number): Promise<void> {
    const indexes = this.#indexes(node)
    await Promise.all(indexes.map((index) => this.#nodes[index]?.end()))
    for (const index of indexes) {
      const folder = join(this.#folder, String(index))
      const args = [...this.#javaArgs(folder), 'kafka.Kafka', join(folder, 'server.properties')]
      const logFile = join(folder, 'server.log')
      this.#nodes[index] = new NodeProcess('java', args, logFile, this.#folder)
    }
    await this.#ready()
  }

  #indexes(node?: number): number[] {
    return node === undefined ? [...this.#ports.keys()] : [node]
  }

  async close(): Promise<void> {
    // The data goes with it, so nothing is gained by a slow, orderly shutdown.
    await Promise.all(this.#nodes.map((node) => node.end()))
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + readyMsMax
    while (!(await this.#namesAllNodes()) || !(await this.#coordinatesGroups())) {
      const dead = this.#nodes.find((node) => !node.isRunning)
      if (dead !== undefined) throw new Error(`Apache Kafka ended at its start:\n${dead.tail()}`)
      if (Date.now() > deadline) {
        throw new Error(
          `Apache Kafka was not ready in ${readyMsMax} ms:\n${this.#nodes[0]?.tail()}`,
        )
      }
      await sleep(100)
    }
  }

  /** Every node is up when each of them names all of them. */
  async #namesAllNodes(): Promise<boolean> {
    const counts = await Promise.all(
      this.#ports.map((port) =>
        ask(`127.0.0.1:${port}`, async (admin) => (await admin.describeCluster()).brokers.length),
      ),
    )
    return counts.every((count) => count === this.#ports.length)
  }

  /** Its groups live in a topic of three partitions, made at the first question and loaded later. */
  async #coordinatesGroups(): Promise<boolean> {
    // The Java hash codes of these names are 97, 98 and 99: one group in each partition.
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((groupId) =>
        ask(this.bootstrap, (admin) => admin.fetchOffsets({ groupId })),
      ),
    )
    return answers.every((answer) => answer !== null)
  }

  #javaArgs(folder: string): string[] {
    const log = `-Dlog4j2.configurationFile=${join(folder, 'log4j2.properties')}`
    return ['-Xmx512m', '-Xss512k', '-XX:+UseSerialGC', log, '-cp', join(this.#jars, '*')]
  }

  #properties(index: number): Record<string, string> {
    const replicas = String(this.#ports.length)
    const voters = this.#controllerPorts.map((port, at) => `${at + 1}@127.0.0.1:${port}`)
    const broker = `PLAINTEXT://127.0.0.1:${this.#ports[index]}`
    return {
      'process.roles': 'broker,controller',
      'node.id': String(index + 1),
      'controller.quorum.voters': voters.join(','),
      'controller.listener.names': 'CONTROLLER',
      listeners: `${broker},CONTROLLER://127.0.0.1:${this.#controllerPorts[index]}`,
      'advertised.listeners': broker,
      'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      'log.dirs': join(this.#folder, String(index), 'data'),
      'offsets.topic.replication.factor': replicas,
      'offsets.topic.num.partitions': '3',
      'transaction.state.log.replication.factor': replicas,
      'transaction.state.log.min.isr': '1',
      'transaction.state.log.num.partitions': '3',
      'default.replication.factor': replicas,
      'group.initial.rebalance.delay.ms': '0',
      'group.min.session.timeout.ms': '1000',
      'broker.session.timeout.ms': '4000',
      'broker.heartbeat.interval.ms': '500',
      // Records of any age are kept; a topic that sets `retention.ms` is held to it at once.
      'log.retention.ms': '-1',
      'log.retention.check.interval.ms': '1000',
      'log.initial.task.delay.ms': '500',
      'file.delete.delay.ms': '1000',
    }
  }
}

/** null where the cluster does not answer, or says no. */
async function ask<Answer>(
  bootstrap: string,
  question: (admin: Admin) => Promise<Answer>,
): Promise<Answer | null> {
  const kafka = new Kafka({
    brokers: bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    // kafkajs finds the cluster's nodes only when it tries again.
    retry: { initialRetryTime: 50, retries: 2 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    return await question(admin)
  } catch {
    return null
  } finally {
    await admin.disconnect()
  }
}

const log4j = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`
