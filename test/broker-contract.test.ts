/**
 * One contract, every broker: the dev broker always, Apache Kafka with TTPSTREAM_APACHE=1 (or the cluster
 * that KAFKA_BROKERS names). What differs on purpose is listed in docs/decisions/dev-kafka.md.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import type { Broker } from './brokers/broker.ts'
import { kcatSkip, testClients } from './brokers/contract/client-contract.ts'
import { testCommits } from './brokers/contract/commit-contract.ts'
import { testGroups } from './brokers/contract/group-contract.ts'
import { testLog } from './brokers/contract/log-contract.ts'
import { testProduce } from './brokers/contract/produce-contract.ts'
import { Subject } from './brokers/contract/subject.ts'
import { testWire } from './brokers/contract/wire-contract.ts'
import { startDevBroker } from './brokers/dev-broker.ts'
import { provideBrokers } from './brokers/provide.ts'

const { TTPSTREAM_APACHE: withApache } = process.env
if (kcatSkip !== null) process.stderr.write(`Skipped: the kcat tests: ${kcatSkip}.\n`)

testContract('dev broker', startDevBroker)
if (withApache) {
  const provided = await provideBrokers()
  if (provided.kind === 'broker') testContract(provided.broker.name, async () => provided.broker)
}

function testContract(name: string, start: () => Promise<Broker>): void {
  describe(name, () => {
    let subject: Subject | undefined
    const given = () => {
      if (subject === undefined) throw new Error('the broker has not started')
      return subject
    }
    beforeAll(async () => {
      subject = await Subject.of(await start())
    }, 120_000)
    afterAll(() => subject?.close())
    testLog(given)
    testProduce(given)
    testWire(given)
    testGroups(given)
    testCommits(given)
    testClients(given)
  })
}
