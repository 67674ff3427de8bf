import { readFileSync } from 'node:fs'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Config } from '../core/config.ts'
import { ConfigError } from '../core/error.ts'

/** A client of the settings' ClickHouse; `requestMs` bounds every question. */
export function createClickHouse(
  config: Config,
  options: { database?: string; requestMs?: number } = {},
): ClickHouseClient {
  const ca = clickHouseCa(config)
  return createClient({
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    username: config.text('TTPSTREAM_CLICKHOUSE_USERNAME'),
    password: config.text('TTPSTREAM_CLICKHOUSE_PASSWORD'),
    database: options.database ?? config.text('TTPSTREAM_CLICKHOUSE_DATABASE'),
    request_timeout: options.requestMs ?? 30_000,
    max_open_connections: 20,
    compression: { request: false, response: false },
    application: 'ttpstream',
    ...(ca === undefined ? {} : { tls: { ca_cert: ca } }),
    // Its errors reach us as errors; a log of its own would say everything twice.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

/** The authority that signed ClickHouse's certificate, where it is not one that Node knows. */
export function clickHouseCa(config: Config): Buffer | undefined {
  const file = config.text('TTPSTREAM_CLICKHOUSE_TLS_CA_FILE')
  if (file === '') return undefined
  try {
    return readFileSync(file)
  } catch (cause) {
    const what = `TTPSTREAM_CLICKHOUSE_TLS_CA_FILE names ${file}, which cannot be read.`
    throw new ConfigError('bad-setting', what, { cause })
  }
}
