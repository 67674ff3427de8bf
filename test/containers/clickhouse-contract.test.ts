import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { describe, test } from 'vitest'
import { defineClickHouseContract } from '../clickhouse/contract.ts'

/** The same suite as for the dev server, against ClickHouse's own image. */

const image = 'clickhouse/clickhouse-server:26.7'
const username = 'contract'
const password = 'contract'

const hasEngine = await getContainerRuntimeClient().then(
  () => true,
  () => false,
)

if (!hasEngine) test.skip(`${image} (skipped: no container engine answers here)`, () => {})
else {
  describe(image, () => {
    defineClickHouseContract(async () => {
      const container = await new GenericContainer(image)
        .withExposedPorts(8123)
        .withEnvironment({
          CLICKHOUSE_USER: username,
          CLICKHOUSE_PASSWORD: password,
          CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1',
        })
        .withWaitStrategy(Wait.forHttp('/ping', 8123).forStatusCode(200))
        .start()
      return {
        url: `http://${container.getHost()}:${container.getMappedPort(8123)}`,
        username,
        password,
        close: async () => {
          await container.stop()
        },
      }
    })
  })
}
