import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type ContractDatabase, database } from './contract-database.ts'

/** The clients that people use besides ours. */

const run = promisify(execFile)
const python = join(homedir(), '.cache/ttpstream/clickhouse-connect/bin/python')
const jdbcFolder = join(homedir(), '.cache/ttpstream/clickhouse-jdbc')
const jdbcJars = existsSync(jdbcFolder) ? readdirSync(jdbcFolder) : []

export function defineForeignClients(db: ContractDatabase): void {
  test('curl sends a statement in the body, in the URL, and rows after either', async () => {
    await db.freshTables()
    const url = (query: string) => {
      const full = new URL(db.address)
      if (query !== '') full.searchParams.set('query', query)
      return full.href
    }
    const curl = async (...args: string[]) => (await run('curl', ['-sS', ...args])).stdout
    const inBody = "INSERT INTO source (id, text) VALUES (1, 'a;b'), (2, 'FORMAT TSV')"
    expect(await curl('--data-binary', inBody, url(''))).toBe('')
    const rowsInBody = '3,"three"\n4,"four"\n'
    const csv = 'INSERT INTO source (id, text) FORMAT CSV'
    expect(await curl('--data-binary', rowsInBody, url(csv))).toBe('')
    expect(await curl('--data-binary', `${csv}\n5,"five"`, url(''))).toBe('')
    const select = 'SELECT id, text FROM source ORDER BY id'
    const expected = '1\ta;b\n2\tFORMAT TSV\n3\tthree\n4\tfour\n5\tfive\n'
    expect(await curl(url(select))).toBe(expected)
    expect(await curl('--data-binary', `${select} FORMAT TSV;`, url(''))).toBe(expected)
    const head = await curl(
      '-D',
      '-',
      '-o',
      '/dev/null',
      '--data-binary',
      'SELECT 1 FORMAT JSON',
      url(''),
    )
    expect(head).toMatch(/^X-ClickHouse-Format: JSON\r$/im)
    expect(head).toMatch(/^X-ClickHouse-Query-Id: .+\r$/im)
    expect(head).toMatch(/^X-ClickHouse-Summary: \{"read_rows":"\d+".*\}\r$/im)
  })

  test.skipIf(!existsSync(python))(
    existsSync(python)
      ? 'clickhouse-connect inserts, reads and streams, with every compression it knows'
      : `clickhouse-connect (skipped: python3 -m venv ${join(python, '../..')}; pip install clickhouse-connect)`,
    async () => {
      const script = join(import.meta.dirname, 'clickhouse-connect.py')
      const { username = 'default', password = '' } = db.server
      const { hostname, port } = new URL(db.server.url)
      const { stdout } = await run(python, [script, hostname, port, username, password, database])
      const results = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown)
      const expected = { rows: 5000, sum: 12_497_500, streamed: 100_000, empty: 0, code: 47 }
      expect(results).toEqual(
        [false, 'gzip', 'zstd', 'lz4'].map((compress) => ({ compress, ...expected })),
      )
    },
  )

  test.skipIf(jdbcJars.length === 0)(
    jdbcJars.length > 0
      ? 'the JDBC driver inserts, reads and describes, with and without compression'
      : `the JDBC driver (skipped: mvn dependency:copy clickhouse-jdbc:0.9.4:jar:all, slf4j-api and slf4j-nop to ${jdbcFolder})`,
    async () => {
      const program = join(import.meta.dirname, 'clickhouse-jdbc.java')
      const { username = 'default', password = '' } = db.server
      const classes = jdbcJars.map((jar) => join(jdbcFolder, jar)).join(':')
      const url = db.server.url.replace(/\/$/, '')
      const args = ['-cp', classes, program, url, username, password, database]
      const { stdout } = await run('java', args)
      expect(stdout.trim().split('\n')).toEqual(
        ['compress=0', 'decompress=1'].map((way) => `${way} true 4999959945 2 yes`),
      )
    },
  )
}
