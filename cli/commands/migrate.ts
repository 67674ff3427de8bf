import type { Config } from '../../core/config.ts'
import { readConfig } from '../../core/config.ts'
import type { Step } from '../../core/migrations.ts'
import type { Command } from '../command.ts'
import { type DatabaseAddress, migrateDatabase, planDatabase } from '../migrate-database.ts'

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

export function databaseAddress(config: Config): DatabaseAddress {
  return {
    url: config.text('TTPSTREAM_CLICKHOUSE_URL'),
    database: config.text('TTPSTREAM_CLICKHOUSE_DATABASE'),
    username: config.text('TTPSTREAM_CLICKHOUSE_USERNAME'),
    password: config.text('TTPSTREAM_CLICKHOUSE_PASSWORD'),
  }
}

function lineOf({ action, file, reason }: Step): string {
  return `${action.padEnd(8)} ${file.path}  ${reason}`
}
