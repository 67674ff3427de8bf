import { systemClock } from '../../core/clock.ts'
import { readConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { DecayHoldings } from '../../processors/decay.ts'
import { CatalogFollower } from '../../processors/engine/catalog-follower.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import type { Command } from '../command.ts'
import { type DecayResult, runDecay } from '../decay-run.ts'
import { createKafka } from '../kafka.ts'
import { createViews } from '../views.ts'

export const decayRun: Command = {
  name: 'decay run',
  summary:
    'Record what became invalid or valid again, the day’s coverage, and what to validate anew.',
  options: { json: { type: 'boolean', doc: 'The result as JSON.' } },
  async run({ options }, io) {
    const config = readConfig()
    const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
    const kafka = createKafka(config, silentLog)
    const holdings = new DecayHoldings()
    const follower = new CatalogFollower(kafka, {
      topic,
      groupId: `${config.text('TTPSTREAM_KAFKA_GROUP')}-decay-${systemRandom.uuid()}`,
      batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
      log: silentLog,
      onRecord: (record) => holdings.apply(record),
    })
    const sink = new KafkaSink(kafka)
    const views = createViews(config)
    try {
      await follower.start()
      const send = sink.send.bind(sink)
      const result = await runDecay({ topic, views, holdings, send, clock: systemClock })
      io.out(options['json'] === true ? `${JSON.stringify(result, null, 2)}\n` : textOf(result))
      return 0
    } finally {
      await Promise.allSettled([follower.close(), sink.close(), views.close()])
    }
  },
}

function textOf({ began, ended, opened, snapshot }: DecayResult): string {
  const pct = Number(snapshot?.['coverage_pct'] ?? 0).toFixed(2)
  return [
    `validations that became invalid   ${began}`,
    `validations valid again           ${ended}`,
    `techniques to validate anew       ${opened.length}  ${opened.join(' ')}`,
    snapshot === null
      ? 'snapshot                          the day has one already'
      : `snapshot of ${snapshot['date']}            ${pct} % of ${snapshot['total']} techniques`,
    '',
  ].join('\n')
}
