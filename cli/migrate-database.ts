/**
 * Brings a ClickHouse database to what this version of the program needs: the database itself, the
 * objects of `views/`, and the pinned ATT&CK release as dimension tables.
 */

import { fileURLToPath } from 'node:url'
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { systemClock } from '../core/clock.ts'
import { checkDedupWindows } from '../core/dedup-window.ts'
import { TransientError } from '../core/error.ts'
import { migrate, planMigration, type SqlServer, type Step } from '../core/migrations.ts'
import { readSqlFiles } from '../core/sql-files.ts'
import { ask, askRows } from '../processors/engine/ask.ts'
import { foldAllTestSpans } from '../processors/engine/test-spans.ts'
import { foldAllValidationSpans } from '../processors/engine/validation-spans.ts'
import { type Attack, loadAttack } from '../schemas/attack.ts'
import { tables } from '../schemas/table.ts'
import { version } from './version.ts'

export interface DatabaseAddress {
  readonly url: string
  readonly database: string
  readonly username?: string
  readonly password?: string
  /** PEM of the authority that signed the server's certificate. */
  readonly tlsCa?: Buffer
}

export interface MigrateOptions {
  readonly onStep?: (step: Step) => void
  /** Awaited before a table or rollup is changed; absent where it is known that no engine has written. */
  readonly beforeChange?: () => Promise<void>
}

/** One statement of a change may take long. A look does not: an answer that was lost is asked for again. */
const [changeMsMax, lookMsMax] = [120_000, 10_000]

/** Applies what is missing and tells of each step. Throws `ConfigError` for a change no migration covers. */
export async function migrateDatabase(
  address: DatabaseAddress,
  options: MigrateOptions = {},
): Promise<readonly Step[]> {
  await createDatabase(address, changeMsMax)
  const client = connect(address, address.database, changeMsMax)
  try {
    const steps = await migrate(sqlServer(client), await readViews(), { version, ...options })
    await loadCatalogue(client, loadAttack())
    // No block tells of another release, of spans that a version before did not keep, or of tables from a backup.
    await foldAllValidationSpans(client)
    await foldAllTestSpans(client)
    await checkDedupWindows(sqlServer(client), Object.keys(tables))
    return steps
  } finally {
    await client.close()
  }
}

/** What `migrateDatabase` would do; the database is made if it is not there, nothing else. */
export async function planDatabase(address: DatabaseAddress): Promise<readonly Step[]> {
  await createDatabase(address, lookMsMax)
  const client = connect(address, address.database, lookMsMax)
  try {
    return await planMigration(sqlServer(client), await readViews())
  } finally {
    await client.close()
  }
}

/**
 * What must hold before an engine writes. Throws `TransientError` while steps are missing, and
 * `ConfigError` for a table that would take a repeated block twice.
 */
export async function checkDatabase(address: DatabaseAddress): Promise<void> {
  const steps = await planDatabase(address)
  if (steps.length > 0) {
    throw new TransientError(
      'not-migrated',
      `${steps.length} steps are missing: run \`ttpstream migrate\``,
    )
  }
  const client = connect(address, address.database, lookMsMax)
  try {
    await checkDedupWindows(sqlServer(client), Object.keys(tables))
  } finally {
    await client.close()
  }
}

export function sqlServer(client: ClickHouseClient): SqlServer {
  return {
    command: (sql) =>
      ask(async () => {
        await client.command({ query: sql, clickhouse_settings: { wait_end_of_query: 1 } })
      }),
    query: (query) =>
      askRows(client, {
        query,
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      }),
  }
}

function readViews() {
  return readSqlFiles(fileURLToPath(new URL('../views', import.meta.url)))
}

async function createDatabase(address: DatabaseAddress, requestMs: number): Promise<void> {
  const client = connect(address, 'default', requestMs)
  try {
    const name = `\`${address.database.replaceAll('`', '')}\``
    await sqlServer(client).command(`CREATE DATABASE IF NOT EXISTS ${name} ENGINE = Atomic`)
  } finally {
    await client.close()
  }
}

function connect(address: DatabaseAddress, database: string, requestMs: number): ClickHouseClient {
  const { url, username = 'default', password = '' } = address
  const log = { level: ClickHouseLogLevel.OFF }
  const tls = address.tlsCa === undefined ? {} : { tls: { ca_cert: address.tlsCa } }
  return createClient({
    url,
    database,
    username,
    password,
    request_timeout: requestMs,
    log,
    ...tls,
  })
}

/** Fills the ATT&CK tables unless they hold this release already. */
async function loadCatalogue(client: ClickHouseClient, attack: Attack): Promise<void> {
  const [loaded] = await sqlServer(client).query<{ release: string }>(
    'SELECT * FROM attack_release',
  )
  if (loaded?.release === attack.release) return
  const loadedAt = new Date(systemClock.now()).toISOString().replace('T', ' ').slice(0, 23)
  const stamp = { release: attack.release, loaded_at: loadedAt }
  const positions = new Map<string, number>()
  const tactics = attack.tactics().map(({ id, shortname, name, domain }) => {
    const position = (positions.get(domain) ?? 0) + 1
    positions.set(domain, position)
    return { tactic: id, shortname, name, domain, position, ...stamp }
  })
  const techniques = attack.techniques().map((technique) => ({
    technique_id: technique.id,
    parent_id: technique.parentId ?? technique.id,
    is_sub_technique: technique.parentId !== undefined,
    name: technique.name,
    tactics: technique.tactics,
    platforms: technique.platforms,
    domain: technique.domain,
    is_active: !technique.isRevoked && !technique.isDeprecated,
    revoked_by: technique.revokedBy ?? '',
    stix_id: technique.stixId,
    group_count: attack.groups(technique.id).length,
    ...stamp,
  }))
  await client.insert({ table: 'attack_tactics', values: tactics, format: 'JSONEachRow' })
  await client.insert({ table: 'attack_techniques', values: techniques, format: 'JSONEachRow' })
}
