import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { defineClickHouseContract } from './clickhouse/contract.ts'
import type { ClickHouseUnderTest } from './clickhouse/contract-database.ts'

describe('dev ClickHouse', () => {
  defineClickHouseContract(async (): Promise<ClickHouseUnderTest> => {
    const dataDir = await mkdtemp(join(tmpdir(), 'clickhouse-contract-'))
    const server = await spawnDevClickHouse({ dataDir, port: 0 })
    return {
      url: server.url,
      close: async () => {
        await server.close()
        await rm(dataDir, { recursive: true })
      },
    }
  })
})

const {
  CLICKHOUSE_URL: url,
  CLICKHOUSE_USERNAME: username,
  CLICKHOUSE_PASSWORD: password,
} = process.env
if (url === undefined) {
  test.skip('real ClickHouse (skipped: CLICKHOUSE_URL is not set)', () => {})
} else {
  describe(`ClickHouse at ${url}`, () => {
    defineClickHouseContract(async () => ({
      url,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      close: async () => {},
    }))
  })
}
