import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Config } from '../core/config.ts'

/** A client of the settings' ClickHouse; `requestMs` bounds every question. */
export function createClickHouse(
  config: Config,
  options: { database?: string; requestMs?: number } = {},
): ClickHouseClient {
  return createClient({
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    username: config.text('TTPSTREAM_CLICKHOUSE_USERNAME'),
    password: config.text('TTPSTREAM_CLICKHOUSE_PASSWORD'),
    database: options.database ?? config.text('TTPSTREAM_CLICKHOUSE_DATABASE'),
    request_timeout: options.requestMs ?? 30_000,
    max_open_connections: 20,
    compression: { request: false, response: false },
    application: 'ttpstream',
    // Its errors reach us as errors; a log of its own would say everything twice.
    log: { level: ClickHouseLogLevel.OFF },
  })
}
