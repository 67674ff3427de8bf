import { backfillView } from '../../core/backfill.ts'
import type { Config } from '../../core/config.ts'
import { readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import type { Step } from '../../core/migrations.ts'
import { clickHouseCa, createClickHouse } from '../clickhouse.ts'
import type { Command } from '../command.ts'
import {
  type DatabaseAddress,
  migrateDatabase,
  planDatabase,
  sqlServer,
} from '../migrate-database.ts'

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the ClickHouse database to what this version needs.',
  options: { plan: { type: 'boolean', doc: 'Only say what would be done.' } },
  async run({ options }, io) {
    const address = databaseAddress(readConfig())
    const isPlan = options['plan'] === true
    const steps = isPlan
      ? await planDatabase(address)
      : await migrateDatabase(address, (step) => io.out(`${lineOf(step)}\n`))
    if (isPlan) for (const step of steps) io.out(`${lineOf(step)}\n`)
    io.out(steps.length === 0 ? `${address.database} is up to date.\n` : `${steps.length} steps.\n`)
    return 0
  },
}

const backfillMsMax = 6 * 60 * 60 * 1_000

export const migrateBackfill: Command = {
  name: 'migrate backfill',
  usage: 'VIEW',
  summary:
    'Fill a materialized view again from all that its source holds. Stop every engine first.',
  options: {},
  async run({ rest }, io) {
    const [view, ...others] = rest
    if (view === undefined || others.length > 0) {
      throw new ConfigError('bad-arguments', 'Give one view, such as tag_days_from_tags.')
    }
    const clickhouse = createClickHouse(readConfig(), { requestMs: backfillMsMax })
    try {
      io.err(`Filling ${view} anew; the old content stays until it is done.\n`)
      const { target, views, rows } = await backfillView(sqlServer(clickhouse), view)
      io.out(`${target}: ${rows} rows from ${views.join(', ')}\n`)
      return 0
    } finally {
      await clickhouse.close()
    }
  },
}

export function databaseAddress(config: Config): DatabaseAddress {
  const tlsCa = clickHouseCa(config)
  return {
    ...(tlsCa === undefined ? {} : { tlsCa }),
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    database: config.text('TTPSTREAM_CLICKHOUSE_DATABASE'),
    username: config.text('TTPSTREAM_CLICKHOUSE_USERNAME'),
    password: config.text('TTPSTREAM_CLICKHOUSE_PASSWORD'),
  }
}

function lineOf({ action, file, reason }: Step): string {
  return `${action.padEnd(8)} ${file.path}  ${reason}`
}
