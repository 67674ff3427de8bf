/**
 * The product over TLS: Apache Kafka with SASL_SSL (with TTPSTREAM_APACHE=1, and a JDK), and ClickHouse
 * behind HTTPS. Both with an authority of their own.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { foldCatalog } from '../cli/catalog-fold.ts'
import { createClickHouse } from '../cli/clickhouse.ts'
import { databaseAddress } from '../cli/commands/migrate.ts'
import { createKafka, ensureTopics } from '../cli/kafka.ts'
import { migrateDatabase } from '../cli/migrate-database.ts'
import { createViews } from '../cli/views.ts'
import { readConfig } from '../core/config.ts'
import { silentLog } from '../core/log.ts'
import { type SpawnedClickHouse, spawnDevClickHouse } from '../dev/clickhouse/spawn.ts'
import { KafkaSink } from '../processors/engine/kafka-sink.ts'
import { ClickHouseStore } from '../processors/engine/store.ts'
import { type Certificate, makeCertificate } from './brokers/certificate.ts'
import { freePorts } from './brokers/node-process.ts'
import { provideBrokers } from './brokers/provide.ts'

const folder = mkdtempSync(join(tmpdir(), 'ttpstream-secure-'))
let clickhouse: SpawnedClickHouse
let proxy: Server
let certificate: Certificate
const hasKeytool = runs('keytool')
if (!hasKeytool)
  process.stderr.write('Skipped: TLS: there is no keytool (a JDK) to make certificates.\n')

beforeAll(async () => {
  if (!hasKeytool) return
  certificate = await makeCertificate(folder, 'ours')
  clickhouse = await spawnDevClickHouse({ dataDir: join(folder, 'clickhouse'), port: 0 })
  proxy = await startProxy(certificate, clickhouse.url)
}, 60_000)

afterAll(async () => {
  proxy?.closeAllConnections()
  proxy?.close()
  await clickhouse?.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test.skipIf(!hasKeytool)(
  'ClickHouse behind HTTPS is migrated, written and read with the authority’s file, and not without',
  async () => {
    const { port } = proxy.address() as AddressInfo // Checked: it listens on TCP.
    const settings = { TTPSTREAM_CLICKHOUSE_URL: `https://127.0.0.1:${port}` }
    const config = readConfig({ ...settings, TTPSTREAM_CLICKHOUSE_TLS_CA_FILE: certificate.pem })
    expect((await migrateDatabase(databaseAddress(config))).length).toBeGreaterThan(10)
    const client = createClickHouse(config)
    const views = createViews(config)
    const id = await new ClickHouseStore(client).id()
    expect(await views.select('store_id')).toEqual([{ id }])
    await Promise.all([client.close(), views.close()])

    const strangers = createClickHouse(readConfig(settings))
    await expect(new ClickHouseStore(strangers).id()).rejects.toThrow(/certificate/)
    await strangers.close()
    const missing = { ...settings, TTPSTREAM_CLICKHOUSE_TLS_CA_FILE: '/nowhere/ca.pem' }
    expect(() => createClickHouse(readConfig(missing))).toThrow(
      'TTPSTREAM_CLICKHOUSE_TLS_CA_FILE names /nowhere/ca.pem',
    )
  },
)

const withApache = process.env['TTPSTREAM_APACHE'] !== undefined && hasKeytool
if (!withApache) process.stderr.write('Skipped: Kafka over SASL_SSL: set TTPSTREAM_APACHE=1.\n')

// As in the other suites of brokers: without it there is no such test, and a line that says so.
test.each(withApache ? ['Apache Kafka'] : [])(
  '%s over SASL_SSL takes the right user, known by a password file, and no other',
  async () => {
    const [port] = await freePorts(1)
    const provided = await provideBrokers({
      config: (defaults) => secureListener(defaults, port ?? 0, certificate),
    })
    if (provided.kind === 'skip') throw new Error(provided.reason)
    const passwordFile = join(folder, 'password')
    writeFileSync(passwordFile, 'correct horse\n')
    const settings = {
      TTPSTREAM_KAFKA_BROKERS: `127.0.0.1:${port}`,
      TTPSTREAM_KAFKA_TLS: 'true',
      TTPSTREAM_KAFKA_TLS_CA_FILE: certificate.pem,
      TTPSTREAM_KAFKA_SASL_MECHANISM: 'plain',
      TTPSTREAM_KAFKA_SASL_USERNAME: 'engine',
      TTPSTREAM_KAFKA_CREATE_TOPICS: 'true',
    }
    try {
      const config = readConfig({ ...settings, TTPSTREAM_KAFKA_SASL_PASSWORD_FILE: passwordFile })
      expect(JSON.stringify(config.masked())).not.toContain('correct horse')
      const kafka = createKafka(config, silentLog)
      await ensureTopics(kafka, config)
      const sink = new KafkaSink(kafka)
      await sink.send([{ topic: 'ttp.catalog', key: 'k', value: 'over TLS' }])
      await sink.close()
      const values: string[] = []
      await foldCatalog(kafka, config, ({ value }) => values.push(String(value)))
      expect(values).toEqual(['over TLS'])

      const wrong = readConfig({ ...settings, TTPSTREAM_KAFKA_SASL_PASSWORD: 'battery staple' })
      await expect(ensureTopics(createKafka(wrong, silentLog), wrong)).rejects.toThrow(
        /authentication/i,
      )
      const strangers = readConfig({
        ...settings,
        TTPSTREAM_KAFKA_TLS_CA_FILE: '',
        TTPSTREAM_KAFKA_SASL_PASSWORD: 'correct horse',
      })
      await expect(ensureTopics(createKafka(strangers, silentLog), strangers)).rejects.toThrow(
        /certificate/,
      )
    } finally {
      await provided.broker.close()
    }
  },
  180_000,
)

function secureListener(
  defaults: Readonly<Record<string, string>>,
  port: number,
  { keystore, password }: Certificate,
): Record<string, string> {
  const secure = `SECURE://127.0.0.1:${port}`
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule required'
  return {
    listeners: `${defaults['listeners']},${secure}`,
    'advertised.listeners': `${defaults['advertised.listeners']},${secure}`,
    'listener.security.protocol.map': `${defaults['listener.security.protocol.map']},SECURE:SASL_SSL`,
    'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.secure.plain.sasl.jaas.config': `${login} user_engine="correct horse";`,
    'listener.name.secure.ssl.keystore.location': keystore,
    'listener.name.secure.ssl.keystore.type': 'PKCS12',
    'listener.name.secure.ssl.keystore.password': password,
  }
}

/** HTTPS in front of the dev server, as a load balancer would be. */
async function startProxy({ keystore, password }: Certificate, target: string): Promise<Server> {
  const server = createServer(
    { pfx: readFileSync(keystore), passphrase: password },
    (message, response) => {
      const { method, headers, url = '/' } = message
      const onward = request(
        new URL(url, target),
        { ...(method === undefined ? {} : { method }), headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers)
          answer.pipe(response)
        },
      )
      onward.on('error', () => response.destroy())
      message.pipe(onward)
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function runs(tool: string): boolean {
  try {
    execFileSync(tool, ['-help'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
