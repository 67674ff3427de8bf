import { readFileSync } from 'node:fs'
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs'
import type { Config } from '../core/config.ts'
import { ConfigError } from '../core/error.ts'
import type { Log } from '../core/log.ts'
import { frameSocket } from '../processors/engine/wire/frame-socket.ts'
import { installConnectionRules } from '../processors/engine/wire/kafkajs-connection.ts'

/** A kafkajs client by the settings; its log lines go to `log`, never with secrets. */
export function createKafka(config: Config, log: Log): Kafka {
  installConnectionRules()
  const settings: KafkaConfig = {
    brokers: [...config.texts('TTPSTREAM_KAFKA_BROKERS')],
    clientId: config.text('TTPSTREAM_KAFKA_CLIENT_ID'),
    connectionTimeout: 5_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 8 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => {
      const { message, error } = entry.log
      const fields = {
        kafka: entry.namespace,
        error: typeof error === 'string' ? error : undefined,
      }
      if (entry.level === logLevel.ERROR) log.warn(fields, message)
      else log.debug(fields, message)
    },
  }
  const sasl = saslOf(config)
  return new Kafka({ ...settings, ...transportOf(config), ...(sasl === null ? {} : { sasl }) })
}

function transportOf(config: Config): Pick<KafkaConfig, 'ssl' | 'socketFactory'> {
  if (!config.flag('TTPSTREAM_KAFKA_TLS')) return { socketFactory: frameSocket }
  const file = config.text('TTPSTREAM_KAFKA_TLS_CA_FILE')
  return { ssl: file === '' ? true : { ca: [readFileSync(file, 'utf8')] } }
}

function saslOf(config: Config): SASLOptions | null {
  const mechanism = config.text('TTPSTREAM_KAFKA_SASL_MECHANISM')
  if (mechanism === '') return null
  const username = config.text('TTPSTREAM_KAFKA_SASL_USERNAME')
  const password = config.text('TTPSTREAM_KAFKA_SASL_PASSWORD')
  if (mechanism === 'plain' || mechanism === 'scram-sha-256' || mechanism === 'scram-sha-512') {
    return { mechanism, username, password } as SASLOptions // Checked: one of the union's mechanisms.
  }
  throw new ConfigError(
    'bad-setting',
    `TTPSTREAM_KAFKA_SASL_MECHANISM is "${mechanism}"; give plain, scram-sha-256 or scram-sha-512.`,
  )
}

export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  /** History: kept for ever, never compacted. */
  readonly isKept: boolean
}

/** Every topic with what it needs; `commands` is the one that scales. */
export function topicSpecs(config: Config): readonly TopicSpec[] {
  const one = (topic: string, isKept: boolean): TopicSpec => ({ topic, partitions: 1, isKept })
  return [
    { topic: config.text('TTPSTREAM_TOPIC_COMMANDS'), partitions: 2, isKept: false },
    one(config.text('TTPSTREAM_TOPIC_ALERTS'), false),
    one(config.text('TTPSTREAM_TOPIC_TESTS'), true),
    one(config.text('TTPSTREAM_TOPIC_CATALOG'), true),
    one(config.text('TTPSTREAM_TOPIC_TAGS'), false),
    one(config.text('TTPSTREAM_TOPIC_RULE_EVENTS'), false),
    one(config.text('TTPSTREAM_TOPIC_DEAD_LETTERS'), false),
  ]
}

/** Kafka hides topics from users who may not describe them. */
function missingTopics(missing: readonly TopicSpec[], user: string): ConfigError {
  const [first] = missing
  const names = missing.map(({ topic }) => topic).join(', ')
  const hidden = user === '' ? '' : `, or ${user} lacks the right to describe it`
  return new ConfigError(
    'topics-missing',
    `Kafka shows no topic ${names}${hidden}. Create it, e.g. \`kafka-topics.sh ` +
      `--create --topic ${first?.topic} --partitions ${first?.partitions}\`, or set TTPSTREAM_KAFKA_CREATE_TOPICS=true.`,
  )
}

/**
 * Checks that every topic is there, and `catalog` with exactly one partition. Creates what is missing
 * if the settings allow it, else throws `ConfigError` with the command that does.
 */
export async function ensureTopics(kafka: Kafka, config: Config): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const missing = topicSpecs(config).filter(({ topic }) => !existing.has(topic))
    if (missing.length > 0 && !config.flag('TTPSTREAM_KAFKA_CREATE_TOPICS')) {
      throw missingTopics(missing, config.text('TTPSTREAM_KAFKA_SASL_USERNAME'))
    }
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ topic, partitions, isKept }) => ({
          topic,
          numPartitions: partitions,
          configEntries: isKept ? [{ name: 'retention.ms', value: '-1' }] : [],
        })),
      })
    }
    await checkCatalog(admin, config.text('TTPSTREAM_TOPIC_CATALOG'))
  } finally {
    await admin.disconnect()
  }
}

async function checkCatalog(admin: ReturnType<Kafka['admin']>, topic: string): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  const count = topics[0]?.partitions.length ?? 0
  if (count === 1) return
  throw new ConfigError(
    'catalog-partitions',
    `${topic} has ${count} partitions; the catalog's order is its meaning, so it must have exactly one.`,
  )
}
