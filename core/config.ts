/**
 * Every setting, declared once: its environment variable, default and doc line. Parsing, `--help`,
 * the reference page and masking are made from this declaration. `process.env` is read nowhere else.
 */

import { readFileSync } from 'node:fs'
import { ConfigError } from './error.ts'

type SettingType = 'text' | 'texts' | 'count' | 'flag' | 'secret'

interface Setting {
  readonly type: SettingType
  readonly default: string
  readonly doc: string
}

export const settings = {
  TTPSTREAM_KAFKA_BROKERS: {
    type: 'texts',
    default: 'localhost:9092',
    doc: 'Kafka bootstrap servers, separated by commas.',
  },
  TTPSTREAM_KAFKA_GROUP: {
    type: 'text',
    default: 'ttpstream',
    doc: 'Consumer group of the engines.',
  },
  TTPSTREAM_KAFKA_CLIENT_ID: {
    type: 'text',
    default: 'ttpstream',
    doc: 'Client id in Kafka’s logs and quotas.',
  },
  TTPSTREAM_KAFKA_TLS: { type: 'flag', default: 'false', doc: 'Connect to Kafka with TLS.' },
  TTPSTREAM_KAFKA_TLS_CA_FILE: {
    type: 'text',
    default: '',
    doc: 'PEM file of the authority that signed the brokers’ certificates.',
  },
  TTPSTREAM_KAFKA_SASL_MECHANISM: {
    type: 'text',
    default: '',
    doc: 'plain, scram-sha-256 or scram-sha-512; empty for no SASL.',
  },
  TTPSTREAM_KAFKA_SASL_USERNAME: { type: 'text', default: '', doc: 'SASL user name.' },
  TTPSTREAM_KAFKA_SASL_PASSWORD: { type: 'secret', default: '', doc: 'SASL password.' },
  TTPSTREAM_KAFKA_SESSION_MS: {
    type: 'count',
    default: '30000',
    doc: 'Session timeout of the consumer group, milliseconds.',
  },
  TTPSTREAM_KAFKA_CREATE_TOPICS: {
    type: 'flag',
    default: 'false',
    doc: 'Create missing topics at start; `dev` does.',
  },
  TTPSTREAM_TOPIC_COMMANDS: {
    type: 'text',
    default: 'ttp.commands',
    doc: 'Topic in: what actors did.',
  },
  TTPSTREAM_TOPIC_ALERTS: {
    type: 'text',
    default: 'ttp.alerts',
    doc: 'Topic in: alerts of SIEM and EDR.',
  },
  TTPSTREAM_TOPIC_TESTS: {
    type: 'text',
    default: 'ttp.tests',
    doc: 'Topic in: purple-team tests.',
  },
  TTPSTREAM_TOPIC_CATALOG: {
    type: 'text',
    default: 'ttp.catalog',
    doc: 'Topic in: what people maintain. One partition.',
  },
  TTPSTREAM_TOPIC_TAGS: { type: 'text', default: 'ttp.tags', doc: 'Topic out: every tag.' },
  TTPSTREAM_TOPIC_RULE_EVENTS: {
    type: 'text',
    default: 'ttp.rule-events',
    doc: 'Topic out: changes of rules.',
  },
  TTPSTREAM_TOPIC_DEAD_LETTERS: {
    type: 'text',
    default: 'ttp.dead-letters',
    doc: 'Topic out: records that could not be used.',
  },
  TTPSTREAM_CLICKHOUSE_URL: {
    type: 'text',
    default: 'http://localhost:8123',
    doc: 'ClickHouse’s HTTP interface.',
  },
  TTPSTREAM_CLICKHOUSE_DATABASE: {
    type: 'text',
    default: 'ttpstream',
    doc: 'Database of all tables and views.',
  },
  TTPSTREAM_CLICKHOUSE_USERNAME: { type: 'text', default: 'default', doc: 'ClickHouse user.' },
  TTPSTREAM_CLICKHOUSE_PASSWORD: { type: 'secret', default: '', doc: 'ClickHouse password.' },
  TTPSTREAM_CLICKHOUSE_TLS_CA_FILE: {
    type: 'text',
    default: '',
    doc: 'PEM file of the authority that signed ClickHouse’s certificate (an https URL).',
  },
  TTPSTREAM_MIGRATE_WAIT_MS: {
    type: 'count',
    default: '60000',
    doc: 'How long a migration or backfill waits until engines are gone and no block is half done, milliseconds.',
  },
  TTPSTREAM_RULES: {
    type: 'texts',
    default: '',
    doc: 'Rule folders, separated by commas; empty for the packs that ship; `log` for what `rules push` published.',
  },
  TTPSTREAM_RULE_ASSETS: {
    type: 'flag',
    default: 'true',
    doc: 'Publish every rule in force to the catalog as a detection asset (a candidate until adopted).',
  },
  TTPSTREAM_RULE_MATCHES_PER_MINUTE: {
    type: 'count',
    default: '0',
    doc: 'Matches of one rule on one entity in a block that become tags, per minute of event time; 0: all.',
  },
  TTPSTREAM_CORRELATION_MS: {
    type: 'count',
    default: '5000',
    doc: 'Time between two passes of the correlations, milliseconds; 0: they are not run.',
  },
  TTPSTREAM_QUARANTINE_MATCHES: {
    type: 'count',
    default: '5000',
    doc: 'Matches in a window from which a rule’s hit rate may put it in quarantine; 0: never.',
  },
  TTPSTREAM_QUARANTINE_WINDOW_MS: {
    type: 'count',
    default: '60000',
    doc: 'Length of the windows in which hit rates are compared, milliseconds.',
  },
  TTPSTREAM_QUARANTINE_MS: {
    type: 'count',
    default: '900000',
    doc: 'How long a quarantine lasts, milliseconds.',
  },
  TTPSTREAM_TIME_ZONE: {
    type: 'text',
    default: 'UTC',
    doc: 'Time zone of schedules, an IANA name; the decay run begins at 02:00. Days are UTC days.',
  },
  TTPSTREAM_SOURCES: { type: 'text', default: '', doc: 'A folder of further source definitions.' },
  TTPSTREAM_RAW: {
    type: 'text',
    default: 'matches',
    doc: 'Whose raw record is kept: matches or all.',
  },
  TTPSTREAM_REDACT: {
    type: 'texts',
    default: '',
    doc: 'Fields never kept as evidence, besides those named like secrets; separated by commas.',
  },
  TTPSTREAM_INTEGRITY_KEY: {
    type: 'secret',
    default: '',
    doc: 'Key that signs validations (HMAC-SHA-256); empty: they are not signed.',
  },
  TTPSTREAM_LINGER_MS: {
    type: 'count',
    default: '50',
    doc: 'How long a fetch waits for more records, milliseconds.',
  },
  TTPSTREAM_FETCH_BYTES_MAX: {
    type: 'count',
    default: '33554432',
    doc: 'Most bytes one fetch returns.',
  },
  TTPSTREAM_BATCH_BYTES_MAX: {
    type: 'count',
    default: '67108864',
    doc: 'Most bytes one Kafka record batch takes decompressed; a larger one becomes a dead letter.',
  },
  TTPSTREAM_BLOCK_RECORDS_MAX: {
    type: 'count',
    default: '20000',
    doc: 'Most records of one block.',
  },
  TTPSTREAM_BLOCK_BYTES_MAX: {
    type: 'count',
    default: '33554432',
    doc: 'Most bytes of one block.',
  },
  TTPSTREAM_RECORD_BYTES_MAX: {
    type: 'count',
    default: '1048576',
    doc: 'A larger record becomes a dead letter.',
  },
  TTPSTREAM_API_HOST: {
    type: 'text',
    default: '127.0.0.1',
    doc: 'Address the API binds; anything but loopback needs auth.',
  },
  TTPSTREAM_API_PORT: { type: 'count', default: '8080', doc: 'Port of the API.' },
  TTPSTREAM_API_TOKENS_FILE: {
    type: 'text',
    default: '',
    doc: 'JSON file of hashed bearer tokens and their roles.',
  },
  TTPSTREAM_LOG_LEVEL: {
    type: 'text',
    default: 'info',
    doc: 'debug, info, warn, error or silent.',
  },
  TTPSTREAM_TRACES: {
    type: 'flag',
    default: 'false',
    doc: 'Export traces of blocks and requests as OTLP over HTTP, to where OTEL_EXPORTER_OTLP_ENDPOINT says.',
  },
} as const satisfies Readonly<Record<string, Setting>>

export type SettingName = keyof typeof settings

/** The values in force. `text` of an unset setting is its default. */
export interface Config {
  text(name: SettingName): string
  texts(name: SettingName): readonly string[]
  count(name: SettingName): number
  flag(name: SettingName): boolean
  /** Every setting for printing, secrets masked. */
  masked(): Readonly<Record<string, string>>
}

/**
 * Reads settings from `environment`, then `overrides`. `NAME_FILE` names a file that holds the value.
 * Throws `ConfigError` for a name that begins with TTPSTREAM_ and is no setting, and for a bad number.
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  overrides: Readonly<Partial<Record<SettingName, string>>> = {},
): Config {
  const values = new Map<string, string>()
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith('TTPSTREAM_')) continue
    if (isSetting(name)) values.set(name, value)
    else if (name.endsWith('_FILE') && isSetting(name.slice(0, -5))) {
      values.set(name.slice(0, -5), readSecret(name, value))
    } else throw unknownSetting(name)
  }
  for (const [name, value] of Object.entries(overrides)) values.set(name, value)
  const text = (name: SettingName): string => values.get(name) ?? settings[name].default
  const config: Config = {
    text,
    texts: (name) => splitList(text(name)),
    count: (name) => parseCount(name, text(name)),
    flag: (name) => parseFlag(name, text(name)),
    masked: () =>
      Object.fromEntries(
        names().map((name) => {
          const isHidden = settings[name].type === 'secret' && text(name) !== ''
          return [name, isHidden ? '***' : text(name)]
        }),
      ),
  }
  checkAll(config)
  return config
}

export function names(): readonly SettingName[] {
  return Object.keys(settings).filter(isSetting)
}

function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settings, name)
}

function checkAll(config: Config): void {
  for (const name of names()) {
    if (settings[name].type === 'count') config.count(name)
    if (settings[name].type === 'flag') config.flag(name)
  }
}

function splitList(value: string): readonly string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function parseCount(name: string, value: string): number {
  if (!/^\d{1,15}$/.test(value)) {
    throw new ConfigError('bad-setting', `${name} is "${value}"; give a whole number.`)
  }
  return Number(value)
}

function parseFlag(name: string, value: string): boolean {
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw new ConfigError('bad-setting', `${name} is "${value}"; give true or false.`)
}

function readSecret(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd()
  } catch (cause) {
    throw new ConfigError('bad-setting', `${name} names ${file}, which cannot be read.`, { cause })
  }
}

function unknownSetting(name: string): ConfigError {
  return new ConfigError(
    'unknown-setting',
    `${name} is not a setting. \`ttpstream config\` lists them.`,
  )
}
