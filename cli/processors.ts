import type { Config } from '../core/config.ts'
import { formatDiagnostic } from '../core/diagnostic.ts'
import { ConfigError } from '../core/error.ts'
import { createAlertProcessor } from '../processors/alerts.ts'
import { createCatalogProcessor } from '../processors/catalog.ts'
import { createCommandProcessor } from '../processors/commands.ts'
import type { Processor, Publish } from '../processors/processor.ts'
import { createPublish } from '../processors/publish.ts'
import { createTestProcessor } from '../processors/tests.ts'
import type { SourceSet } from '../schemas/source.ts'
import { loadSources } from '../schemas/source-set.ts'

/** One processor a topic, by the settings. Throws `ConfigError` for a source file that is wrong. */
export function createProcessors(config: Config): ReadonlyMap<string, Processor> {
  const recordBytesMax = config.count('TTPSTREAM_RECORD_BYTES_MAX')
  const redacted = new Set(config.texts('TTPSTREAM_REDACT').map((field) => field.toLowerCase()))
  const integrityKey = config.text('TTPSTREAM_INTEGRITY_KEY')
  const ruleMatchesPerMinuteMax = config.count('TTPSTREAM_RULE_MATCHES_PER_MINUTE')
  const tagged = { recordBytesMax, redacted, ruleMatchesPerMinuteMax }
  return new Map([
    [
      config.text('TTPSTREAM_TOPIC_COMMANDS'),
      createCommandProcessor({
        ...tagged,
        sources: createSources(config),
        keepRaw: keepRaw(config),
      }),
    ],
    [config.text('TTPSTREAM_TOPIC_ALERTS'), createAlertProcessor(tagged)],
    [config.text('TTPSTREAM_TOPIC_TESTS'), createTestProcessor(tagged)],
    [
      config.text('TTPSTREAM_TOPIC_CATALOG'),
      createCatalogProcessor({ recordBytesMax, ...(integrityKey === '' ? {} : { integrityKey }) }),
    ],
  ])
}

export function createPublisher(config: Config): Publish {
  return createPublish({
    tags: config.text('TTPSTREAM_TOPIC_TAGS'),
    deadLetters: config.text('TTPSTREAM_TOPIC_DEAD_LETTERS'),
  })
}

function createSources(config: Config): SourceSet {
  const folder = config.text('TTPSTREAM_SOURCES')
  const loaded = loadSources(folder === '' ? [] : [folder])
  if (loaded.ok) return loaded.value
  throw new ConfigError('bad-sources', loaded.diagnostics.map(formatDiagnostic).join('\n'))
}

function keepRaw(config: Config): 'matches' | 'all' {
  const value = config.text('TTPSTREAM_RAW')
  if (value === 'matches' || value === 'all') return value
  throw new ConfigError('bad-setting', `TTPSTREAM_RAW is "${value}"; give matches or all.`)
}
