/**
 * Kafka and ClickHouse for rounds of faults: processes of their own that can be killed, frozen and
 * started again on their old ports and data, and for every node of Kafka a front that clients come
 * through.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../../dev/clickhouse/spawn.ts'
import type { Broker } from '../brokers/broker.ts'
import { startDevBroker } from '../brokers/dev-broker.ts'
import { provideBrokers } from '../brokers/provide.ts'
import { Databases } from '../delivery/databases.ts'
import { TcpFront } from './tcp-front.ts'

export type BrokerKind = 'dev' | 'apache' | 'apache3'

export class FaultServers {
  readonly name: string
  readonly broker: Broker
  readonly fronts: readonly TcpFront[]
  readonly clickhouse: ClickHouseProcess
  readonly databases: Databases

  private constructor(
    name: string,
    broker: Broker,
    fronts: readonly TcpFront[],
    clickhouse: ClickHouseProcess,
  ) {
    this.name = name
    this.broker = broker
    this.fronts = fronts
    this.clickhouse = clickhouse
    this.databases = new Databases(clickhouse.url)
  }

  /** Null where there is no such Kafka here; why is on standard error. */
  static async start(kind: BrokerKind): Promise<FaultServers | null> {
    const fronts = await Promise.all(
      Array.from({ length: kind === 'apache3' ? 3 : 1 }, () => TcpFront.create()),
    )
    const broker = kind === 'dev' ? await devBroker(fronts) : await apache(fronts)
    if (broker === null) {
      for (const front of fronts) await front.close()
      return null
    }
    const name = kind === 'apache3' ? `${broker.name} ×3` : broker.name
    return new FaultServers(name, broker, fronts, await ClickHouseProcess.start())
  }

  /** Through the fronts. */
  get bootstrap(): string {
    return this.fronts.map(({ port }) => `127.0.0.1:${port}`).join(',')
  }

  async close(): Promise<void> {
    await this.broker.close()
    for (const front of this.fronts) await front.close()
    await this.clickhouse.close()
  }
}

async function devBroker(fronts: readonly TcpFront[]): Promise<Broker> {
  const [front] = fronts
  const broker = await startDevBroker({ advertisedPort: front?.port ?? 0 })
  if (front !== undefined) front.target = portOf(broker.bootstrap)
  return broker
}

async function apache(fronts: readonly TcpFront[]): Promise<Broker | null> {
  if (process.env['KAFKA_BROKERS']) {
    process.stderr.write('Skipped: the cluster that KAFKA_BROKERS names is not ours to kill.\n')
    return null
  }
  const provided = await provideBrokers({
    nodes: fronts.length === 3 ? 3 : 1,
    config: (defaults) => {
      const front = fronts[Number(defaults['node.id']) - 1]
      if (front === undefined) throw new Error(`no front for node ${defaults['node.id']}`)
      front.target = portOf(defaults['advertised.listeners'] ?? '')
      return { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${front.port}` }
    },
  })
  return provided.kind === 'broker' ? provided.broker : null
}

function portOf(address: string): number {
  return Number(/:(\d+)$/.exec(address)?.[1])
}

/** Queries that it runs side by side: more than engines, their APIs and the oracle ask at once. */
const sessionsMax = 8

export class ClickHouseProcess {
  readonly url: string
  readonly #dataDir: string
  #process: SpawnedClickHouse

  private constructor(dataDir: string, running: SpawnedClickHouse) {
    this.#dataDir = dataDir
    this.#process = running
    this.url = running.url
  }

  static async start(): Promise<ClickHouseProcess> {
    const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-faults-data-'))
    const running = await spawnDevClickHouse({ dataDir, port: 0, sessionsMax })
    return new ClickHouseProcess(dataDir, running)
  }

  get pid(): number {
    return this.#process.pid
  }

  kill(): Promise<void> {
    return this.#process.kill('SIGKILL')
  }

  /** On its old port and data; it must have ended. */
  async restart(): Promise<void> {
    const port = portOf(this.url)
    this.#process = await spawnDevClickHouse({ dataDir: this.#dataDir, port, sessionsMax })
  }

  async close(): Promise<void> {
    await this.#process.close()
    rmSync(this.#dataDir, { recursive: true, force: true })
  }
}
