import type { StartedTestContainer } from 'testcontainers'
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import type { Broker } from './broker.ts'
import { kafkaVersion } from './kafka-jars.ts'
import { freePorts } from './node-process.ts'

/** Whether a container engine answers here. */
export async function hasContainerEngine(): Promise<boolean> {
  try {
    await getContainerRuntimeClient()
    return true
  } catch {
    return false
  }
}

/** One node of Apache Kafka's own image. Its process is the engine's, so `kill` is refused. */
export async function startContainerKafka(
  config: Readonly<Record<string, string>> = {},
): Promise<Broker> {
  const [port = 0] = await freePorts(1)
  const bootstrap = `127.0.0.1:${port}`
  const container = await new GenericContainer(`apache/kafka:${kafkaVersion}`)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment(environment({ ...config, 'advertised.listeners': `PLAINTEXT://${bootstrap}` }))
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start()
  return new ContainerKafka(container, bootstrap)
}

class ContainerKafka implements Broker {
  readonly name = `Apache Kafka ${kafkaVersion} in a container`
  readonly bootstrap: string
  readonly pids: number[] = []
  readonly #container: StartedTestContainer
  #isClosed = false

  constructor(container: StartedTestContainer, bootstrap: string) {
    this.#container = container
    this.bootstrap = bootstrap
  }

  kill(): void {
    throw new Error('a broker in a container cannot be sent signals; use restart()')
  }

  async restart(): Promise<void> {
    await this.#container.restart()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#container.stop()
  }
}

/** The image reads `a.b.c` from the variable KAFKA_A_B_C. */
function environment(config: Readonly<Record<string, string>>): Record<string, string> {
  const properties: Record<string, string> = {
    'node.id': '1',
    'process.roles': 'broker,controller',
    'controller.quorum.voters': '1@localhost:9093',
    'controller.listener.names': 'CONTROLLER',
    listeners: 'PLAINTEXT://:9092,CONTROLLER://:9093',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    ...config,
  }
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      `KAFKA_${key.replaceAll('.', '_').toUpperCase()}`,
      value,
    ]),
  )
}
