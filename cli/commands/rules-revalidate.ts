import { userInfo } from 'node:os'
import { systemClock } from '../../core/clock.ts'
import { readConfig } from '../../core/config.ts'
import { silentLog } from '../../core/log.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { type RevalidationDue, replayedValidation } from '../../processors/revalidation.ts'
import { type Command, textOption } from '../command.ts'
import { createKafka } from '../kafka.ts'
import { createProcessors } from '../processors.ts'
import { type Revalidation, revalidate } from '../revalidate.ts'
import { rulesOfToday } from '../rules-in-force.ts'
import { createViews } from '../views.ts'

/** Validates edited rules anew by the events of their last passing tests (R9, L3). */
export const rulesRevalidate: Command = {
  name: 'rules revalidate',
  usage: '[RULE-ID …]',
  summary:
    'Replay the events of the last passing test of every rule whose logic changed; where it still ' +
    'detects, publish a validation of the new logic. Exit 1 if one does not, or cannot be replayed.',
  options: {
    events: {
      type: 'string',
      value: 'FILE,…',
      doc: 'Records, one JSON object a line (.gz too), instead of those that are stored.',
    },
    'dry-run': { type: 'boolean', doc: 'Replay, and publish nothing.' },
    json: { type: 'boolean', doc: 'For machines.' },
  },
  async run(args, io) {
    const config = readConfig()
    const kafka = createKafka(config, silentLog)
    const views = createViews(config)
    const sink = new KafkaSink(kafka)
    try {
      const at_s = systemClock.now() / 1000
      const all = await views.select<RevalidationDue>('revalidation_due', { at_s })
      const wanted = new Set(args.rest)
      const dues = all.filter(({ rule_id }) => wanted.size === 0 || wanted.has(rule_id))
      const rules =
        dues.length === 0 ? [] : (await rulesOfToday(kafka, config)).rules.revision.rules
      const results = await revalidate(
        {
          ...{ config, kafka, views, rules, signal: io.signal },
          processors: createProcessors(config),
          files: textOption(rulesRevalidate, args, 'events').split(',').filter(Boolean),
        },
        dues,
      )
      const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
      const records = results.flatMap(({ due, rule, outcome, shown }) => {
        if (rule === null || outcome !== 'detected') return []
        const record = replayedValidation(due, rule, shown, userInfo().username)
        return [{ topic, key: `validation:${record.id}`, value: JSON.stringify(record) }]
      })
      const isDryRun = args.options['dry-run'] === true
      if (!isDryRun) await sink.send(records)
      io.out(args.options['json'] === true ? jsonOf(results, isDryRun) : tableOf(results, isDryRun))
      return results.every(({ outcome }) => outcome === 'detected') ? 0 : 1
    } finally {
      await Promise.allSettled([sink.close(), views.close()])
    }
  },
}

function jsonOf(results: readonly Revalidation[], isDryRun: boolean): string {
  const rows = results.map(({ due, rule, outcome, events, shown, note }) => ({
    rule_id: due.rule_id,
    technique_id: due.technique_id === '' ? null : due.technique_id,
    test_id: due.test_id === '' ? null : due.test_id,
    validation_id: due.validation_id,
    rule_version_from: due.rule_version_from,
    rule_version_to: rule?.version ?? null,
    outcome,
    events,
    tags: shown.length,
    note,
  }))
  return `${JSON.stringify({ dry_run: isDryRun, results: rows }, null, 2)}\n`
}

const verdicts = {
  detected: 'detects',
  not_detected: 'MISSES',
  not_replayed: 'not replayed',
} as const

function tableOf(results: readonly Revalidation[], isDryRun: boolean): string {
  if (results.length === 0) return 'No validation fell because its rule changed.\n'
  const lines = results.flatMap(({ due, rule, outcome, events, shown, note }) => {
    const versions = `${due.rule_version_from || '?'} → ${rule?.version ?? '?'}`
    const counts = `${events} events, ${shown.length} tags; ${note}`
    return [
      `${verdicts[outcome].padEnd(13)} ${(due.technique_id || 'all').padEnd(10)} ${due.rule_id}  ${versions}`,
      `${' '.repeat(14)}${due.test_id || 'no test'}: ${outcome === 'not_replayed' ? note : counts}`,
    ]
  })
  const detected = results.filter(({ outcome }) => outcome === 'detected').length
  const done = isDryRun ? 'would be valid again' : 'valid again'
  return `${[...lines, `${detected} of ${results.length} ${done} by replay`].join('\n')}\n`
}
