import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { installGroupRules } from './kafkajs-group.ts'

test('that no broker says who coordinates the group is an error that passes', async () => {
  installGroupRules()
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/cluster/index.js')
  const cluster = Object.assign(Object.create(prototype), {
    brokerPool: { withBroker: async () => null },
  })
  const answer = cluster.findGroupCoordinatorMetadata({ groupId: 'g', coordinatorType: 0 })
  await expect(answer).rejects.toMatchObject({
    name: 'KafkaJSGroupCoordinatorNotFound',
    retriable: true,
  })
})

test('a runner that is asked to stop while its fetchers are made anew stops', async () => {
  installGroupRules()
  const Runner = createRequire(import.meta.url)('kafkajs/src/consumer/runner.js')
  const logger = { namespace: () => logger, info() {}, debug() {}, warn() {}, error() {} }
  let answer = (_: unknown[]) => {}
  let nodeIds = [1, 2]
  let looks = 0
  const consumerGroup = {
    connect: async () => {},
    joinAndSync: async () => {},
    leave: async () => {},
    heartbeat: async () => {},
    getNodeIds() {
      looks += 1
      // Nothing could end the test otherwise.
      if (looks > 1_000) throw new Error('round and round')
      return nodeIds
    },
    // The first broker answers late; meanwhile a third one joins, which the second fetcher sees.
    fetch(nodeId: number) {
      if (nodeId === 2) nodeIds = [1, 2, 3]
      return nodeId === 1
        ? new Promise<unknown[]>((resolve) => {
            answer = resolve
          })
        : Promise.resolve([])
    },
  }
  const runner = new Runner({
    logger,
    consumerGroup,
    instrumentationEmitter: { emit() {} },
    concurrency: 1,
    onCrash() {},
    retry: { initialRetryTime: 10, retries: 5 },
  })
  await runner.start()
  await new Promise((resolve) => setTimeout(resolve, 20))
  const stopped = runner.stop()
  answer([])
  await stopped
  expect(runner.consuming).toBe(false)
  expect(looks).toBeLessThan(100)
})
