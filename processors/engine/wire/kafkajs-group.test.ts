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
