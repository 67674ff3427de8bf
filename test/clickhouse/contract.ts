import { afterAll, beforeAll } from 'vitest'
import { type ClickHouseUnderTest, ContractDatabase } from './contract-database.ts'
import { defineForeignClients } from './foreign-clients.ts'
import { defineInserts } from './inserts.ts'
import { defineQueries } from './queries.ts'
import { defineSessions } from './sessions.ts'

/**
 * What the project takes for granted of ClickHouse's HTTP interface, by the clients that people use:
 * one suite, run against the dev server and against real ones.
 */
export function defineClickHouseContract(start: () => Promise<ClickHouseUnderTest>): void {
  const db = new ContractDatabase(start)
  beforeAll(() => db.open())
  afterAll(() => db.close())
  defineInserts(db)
  defineQueries(db)
  defineSessions(db)
  defineForeignClients(db)
}
