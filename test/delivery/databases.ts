/**
 * Databases for cases, each with its twin for the oracle. Making one takes seconds, so a case that is
 * done gives its own back. It is emptied as late as can be, and once no insert is under way: that of an
 * engine that the case killed may go on long after the case.
 */

import { createClient } from '@clickhouse/client'
import { migrateDatabase } from '../../cli/migrate-database.ts'
import { until } from './until.ts'

export class Databases {
  readonly url: string
  readonly #free: string[] = []
  #made = 0

  constructor(url: string) {
    this.url = url
  }

  async take(): Promise<string> {
    const longestFree = this.#free.shift()
    if (longestFree !== undefined) {
      for (const database of [longestFree, `${longestFree}_clean`]) await this.#empty(database)
      return longestFree
    }
    this.#made += 1
    const name = `case_${process.pid}_${this.#made}`
    for (const database of [name, `${name}_clean`]) {
      await migrateDatabase({ url: this.url, database })
    }
    return name
  }

  giveBack(name: string): void {
    this.#free.push(name)
  }

  async drop(name: string): Promise<void> {
    const client = createClient({ url: this.url })
    try {
      for (const database of [name, `${name}_clean`]) {
        await client.command({ query: `DROP DATABASE IF EXISTS ${database} SYNC` })
      }
    } finally {
      await client.close()
    }
  }

  /** Removes what engines and the oracle have written; the store keeps its id. */
  async #empty(database: string): Promise<void> {
    const client = createClient({ url: this.url, database })
    try {
      const isQuiet = async () => {
        const answer = await client.query({
          query: `SELECT count() AS inserts FROM system.processes
                  WHERE current_database = currentDatabase() AND query_kind = 'Insert'`,
          format: 'JSONEachRow',
        })
        const [row] = await answer.json<{ inserts: string }>()
        return Number(row?.inserts) === 0
      }
      await until(`no insert to be under way in ${database}`, isQuiet)
      const answer = await client.query({
        query: `SELECT name FROM system.tables WHERE database = currentDatabase()
                AND engine LIKE '%MergeTree' AND name NOT IN ('store', 'schema_migrations')
                AND name NOT LIKE 'attack_%' AND total_rows > 0`,
        format: 'JSONEachRow',
      })
      for (const { name } of await answer.json<{ name: string }>()) {
        await client.command({ query: `TRUNCATE TABLE ${name}` })
      }
    } finally {
      await client.close()
    }
  }
}
