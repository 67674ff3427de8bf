import { type ClickHouseViews, createClickHouseViews } from '../api/clickhouse-views.ts'
import type { Config } from '../core/config.ts'
import { clickHouseCa } from './clickhouse.ts'

/** The views of the settings' ClickHouse, read-only. */
export function createViews(config: Config): ClickHouseViews {
  const tlsCa = clickHouseCa(config)
  return createClickHouseViews({
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    database: config.text('TTPSTREAM_CLICKHOUSE_DATABASE'),
    username: config.text('TTPSTREAM_CLICKHOUSE_USERNAME'),
    password: config.text('TTPSTREAM_CLICKHOUSE_PASSWORD'),
    ...(tlsCa === undefined ? {} : { tlsCa }),
  })
}
