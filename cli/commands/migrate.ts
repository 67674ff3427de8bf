import { backfillView } from '../../core/backfill.ts'
import type { Config } from '../../core/config.ts'
import { readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import type { Step } from '../../core/migrations.ts'
import { clickHouseCa, createClickHouse } from '../clickhouse.ts'
import type { Command, Io } from '../command.ts'
import {
  type DatabaseAddress,
  migrateDatabase,
  planDatabase,
  sqlServer,
} from '../migrate-database.ts'
import { untilQuiet } from '../until-quiet.ts'

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the ClickHouse database to what this version needs.',
  options: { plan: { type: 'boolean', doc: 'Only say what would be done.' } },
  async run({ options }, io) {
    const config = readConfig()
    const address = databaseAddress(config)
    const isPlan = options['plan'] === true
    const steps = isPlan
      ? await planDatabase(address)
      : await migrateDatabase(address, {
          onStep: (step) => io.out(`${lineOf(step)}\n`),
          beforeChange: () => quiet(config, io),
        })
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
    const config = readConfig()
    const clickhouse = createClickHouse(config, { requestMs: backfillMsMax })
    try {
      const { target, views, rows } = await backfillView(sqlServer(clickhouse), view, async () => {
        await quiet(config, io)
        io.err(`Filling ${view} anew; the old content stays until it is done.\n`)
      })
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

function quiet(config: Config, io: Io): Promise<void> {
  return untilQuiet(config, { say: (text) => io.err(`${text}\n`), signal: io.signal })
}

function lineOf({ action, file, reason }: Step): string {
  return `${action.padEnd(8)} ${file.path}  ${reason}`
}
