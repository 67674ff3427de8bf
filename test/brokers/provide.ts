/**
 * The Kafka that a suite runs against: `KAFKA_BROKERS` where the environment names one, else Apache
 * Kafka in a JVM, else in a container, else none, with the reason to print beside the skip.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type ApacheKafkaOptions, startApacheKafka } from './apache-kafka.ts'
import type { Broker } from './broker.ts'
import { hasContainerEngine, startContainerKafka } from './container-kafka.ts'
import { hasKafkaJars } from './kafka-jars.ts'

export { startDevBroker } from './dev-broker.ts'

export type Provided =
  | { readonly kind: 'broker'; readonly broker: Broker }
  | { readonly kind: 'skip'; readonly reason: string }

/**
 * Starts what is there; the caller closes the broker. `nodes: 3` needs the JVM. Options do not reach
 * a cluster that `KAFKA_BROKERS` names: its operator has configured it.
 */
export async function provideBrokers(options: ApacheKafkaOptions = {}): Promise<Provided> {
  const { KAFKA_BROKERS: bootstrap } = process.env
  if (bootstrap) return { kind: 'broker', broker: namedBroker(bootstrap) }
  const hasJava = await runs('java', '-version')
  if (hasJava && (hasKafkaJars() || (await runs('mvn', '-version')))) {
    return { kind: 'broker', broker: await startApacheKafka(options) }
  }
  const reason = hasJava ? 'no Kafka jars and no mvn to fetch them' : 'no java'
  if (options.nodes === 3) return skip(`${reason}, and a container gives only one node`)
  if (await hasContainerEngine()) {
    if (typeof options.config === 'function')
      return skip(`${reason}, and a container takes no such options`)
    return { kind: 'broker', broker: await startContainerKafka(options.config) }
  }
  return skip(`${reason}, no container engine, and KAFKA_BROKERS is not set`)
}

function skip(reason: string): Provided {
  process.stderr.write(`Skipped: Apache Kafka cannot be had here: ${reason}.\n`)
  return { kind: 'skip', reason }
}

function namedBroker(bootstrap: string): Broker {
  const refuse = () => {
    throw new Error('the cluster that KAFKA_BROKERS names is not ours to kill or restart')
  }
  return {
    name: `Kafka at ${bootstrap}`,
    bootstrap,
    pids: [],
    kill: refuse,
    restart: async () => refuse(),
    close: async () => {},
  }
}

async function runs(command: string, argument: string): Promise<boolean> {
  try {
    await promisify(execFile)(command, [argument])
    return true
  } catch {
    return false
  }
}
