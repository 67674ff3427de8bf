import { userInfo } from 'node:os'
import { type CandidateFilter, candidateFilter } from '../../api/lifecycle/candidates.ts'
import { readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import type { OutRecord } from '../../core/kafka.ts'
import { silentLog } from '../../core/log.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { adoptCandidates } from '../adopt.ts'
import { type Arguments, type Command, textOption } from '../command.ts'
import { createKafka } from '../kafka.ts'
import { createViews } from '../views.ts'

const shownMax = 20

/** Adopts assets that were made from rules, by what they are (L1). */
export const assetsAdopt: Command = {
  name: 'assets adopt',
  summary:
    'Adopt the assets made from rules that pass every filter given, so that they count in lists and ' +
    'scores. Without a filter: all that nobody has adopted.',
  options: {
    type: { type: 'string', value: 'NAME', doc: 'Only native or sigma rules.' },
    platform: { type: 'string', value: 'NAME', doc: 'Only of this platform, such as windows.' },
    'log-source': { type: 'string', value: 'NAME', doc: 'Such as windows/process_creation.' },
    technique: { type: 'string', value: 'ID', doc: 'Mapped to it or one of its sub-techniques.' },
    path: { type: 'string', value: 'TEXT', doc: 'How the path of the rule’s file begins.' },
    'dry-run': { type: 'boolean', doc: 'Say which, and adopt none.' },
    json: { type: 'boolean', doc: 'For machines.' },
  },
  async run(args, io) {
    const filter = filterOf(args)
    const config = readConfig()
    const views = createViews(config)
    const sink = new KafkaSink(createKafka(config, silentLog))
    try {
      const isDryRun = args.options['dry-run'] === true
      const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
      const send = isDryRun ? null : (records: readonly OutRecord[]) => sink.send(records)
      const run = { views, topic, actor: userInfo().username, send }
      const { ids, left } = await adoptCandidates(run, filter)
      const isJson = args.options['json'] === true
      io.out(isJson ? jsonOf(ids, left, isDryRun) : textOf(ids, left, isDryRun))
      return 0
    } finally {
      await Promise.allSettled([sink.close(), views.close()])
    }
  },
}

/** Throws `ConfigError` for a value that no candidate can have. */
function filterOf(args: Arguments): CandidateFilter {
  const given = {
    asset_type: textOption(assetsAdopt, args, 'type'),
    platform: textOption(assetsAdopt, args, 'platform'),
    log_source_name: textOption(assetsAdopt, args, 'log-source'),
    technique_id: textOption(assetsAdopt, args, 'technique'),
    rule_file_path: textOption(assetsAdopt, args, 'path'),
  }
  if (args.rest.length > 0) {
    throw new ConfigError('bad-arguments', `what is "${args.rest[0]}"? Give filters as options.`)
  }
  const parsed = candidateFilter.safeParse(
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
  )
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new ConfigError('bad-arguments', problems.join('\n'))
}

function jsonOf(asset_ids: readonly string[], left: number, dry_run: boolean): string {
  return `${JSON.stringify({ dry_run, adopted: asset_ids.length, left, asset_ids }, null, 2)}\n`
}

function textOf(ids: readonly string[], left: number, isDryRun: boolean): string {
  const more = ids.length > shownMax ? [`… and ${ids.length - shownMax} more`] : []
  const done = isDryRun ? 'would be adopted' : 'adopted'
  const rest = left > 0 ? `; ${left} are left: run it again` : ''
  return `${[...ids.slice(0, shownMax), ...more, `${ids.length} ${done}${rest}`].join('\n')}\n`
}
