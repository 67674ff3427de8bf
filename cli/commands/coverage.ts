import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../../core/error.ts'
import { createLog, silentLog } from '../../core/log.ts'
import { type Command, textOption } from '../command.ts'
import { startDevStack } from '../dev-stack.ts'
import { createKafka } from '../kafka.ts'
import {
  coverRecordings,
  type RecordingCoverage,
  type RecordingResult,
} from '../recording-coverage.ts'
import { adoptAll, type RecordingStory, type Standing, tellStory } from '../recording-story.ts'
import { readManifest, ruleFolder } from '../recordings.ts'
import { createViews } from '../views.ts'
import { startWorker } from '../worker.ts'

export const coverage: Command = {
  name: 'coverage',
  summary:
    'Replay labelled recordings as tests through a temporary stack: what the rules detect, how fast, and why not.',
  options: {
    recordings: {
      type: 'string',
      value: 'FOLDER',
      doc: 'Recordings with a manifest.json of their labels.',
    },
    rules: {
      type: 'string',
      value: 'FOLDER',
      doc: 'Rules, or a .tgz of them; else those that ship.',
    },
    only: { type: 'string', value: 'TEXT', doc: 'Only recordings whose id or technique has it.' },
    story: {
      type: 'boolean',
      doc: 'Adopt all rules first; then edit one, see coverage fall, and validate it again by replay.',
    },
    json: { type: 'boolean', doc: 'The result as JSON.' },
  },
  async run(args, io) {
    const folder = textOption(coverage, args, 'recordings')
    if (folder === '') throw new ConfigError('bad-arguments', 'give --recordings FOLDER.')
    const only = textOption(coverage, args, 'only')
    const recordings = readManifest(folder).filter(
      ({ id, techniques }) => id.includes(only) || techniques.some((name) => name.includes(only)),
    )
    if (recordings.length === 0) throw new ConfigError('bad-arguments', 'no recording is left.')
    const dataDir = await mkdtemp(join(tmpdir(), 'ttpstream-coverage-'))
    const rules = textOption(coverage, args, 'rules')
    try {
      const hasStory = args.options['story'] === true
      const named =
        rules === '' ? {} : { TTPSTREAM_RULES: await ownRules(rules, dataDir, hasStory) }
      const overrides = { TTPSTREAM_API_PORT: '0', ...named }
      const stack = await startDevStack({ dataDir, hasUsualPorts: false, overrides })
      try {
        const { config } = stack
        const worker = await startWorker(config, createLog('error'))
        const views = createViews(config)
        const say = (text: string) => io.err(`${text}\n`)
        try {
          say(`${worker.rules.rules().length} rules, ${recordings.length} recordings`)
          const kafka = createKafka(config, silentLog)
          const run = { worker, kafka, config, views, say }
          const adopted = hasStory ? await adoptAll(run) : 0
          const result = await coverRecordings(run, recordings)
          const story = hasStory ? await tellStory(run, result) : null
          if (args.options['json'] === true) {
            const all = hasStory ? { ...result, adopted, story } : result
            io.out(`${JSON.stringify(all, null, 2)}\n`)
          } else {
            io.out(textOf(result))
            if (hasStory) io.out(storyText(adopted, story))
          }
          return 0
        } finally {
          await Promise.allSettled([worker.close(), views.close()])
        }
      } finally {
        await stack.close()
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  },
}

/** A story edits rules: a copy of them. */
async function ownRules(path: string, dataDir: string, isEdited: boolean): Promise<string> {
  const folder = await ruleFolder(path, dataDir)
  const own = join(dataDir, 'rules')
  if (!isEdited || folder === own) return folder
  await cp(folder, own, { recursive: true })
  return own
}

function storyText(adopted: number, story: RecordingStory | null): string {
  if (story === null) {
    return `  No Sigma rule that detected a recording could be edited by machine: no story to tell.\n`
  }
  const { ruleId, technique, before, commented, edited, revalidated } = story
  const line = ({ coveragePct, status, score, level }: Standing) =>
    `coverage ${coveragePct.toFixed(2)} %, ${technique} ${status}, confidence ${score.toFixed(1)} (${level})`
  const named = edited.losses.map(
    ({ technique_id, status_from, status_to, cause, rule_version_from, rule_version_to }) =>
      `      ${technique_id} ${status_from} → ${status_to}: ${cause}, ${rule_version_from} → ${rule_version_to}`,
  )
  return [
    `  ${adopted} rules adopted. Of these, ${ruleId} is edited:`,
    `  before               ${line(before)}`,
    `  a comment            ${line(commented)}; ${commented.assetsPublished} assets published`,
    `  its logic            ${line(edited)}; ${edited.validationsFallen} validations void`,
    ...named,
    `  tests replayed       ${line(revalidated)}; ${revalidated.detected} of ${revalidated.replayed} valid again`,
    '',
  ].join('\n')
}

const reasons: Readonly<Record<string, string>> = {
  no_events: 'no events came from its machines',
  no_rule_matched: 'events came, no rule of its technique matched',
  alert_wrong_technique: 'an alert named another technique',
  not_observed: 'the test was left out',
}

function textOf(result: RecordingCoverage): string {
  const { recordings, coverage: total, detected } = result
  const found = recordings.filter(({ isDetected }) => isDetected)
  const late = found.filter(({ isLate }) => isLate).length
  const parents = found.filter(({ isParentOnly }) => isParentOnly).length
  const pct = Number(total['coverage_pct'] ?? 0).toFixed(2)
  const share = detected.share === null ? '–' : `${(detected.share * 100).toFixed(1)} %`
  return [
    '',
    ...recordings.map(lineOf),
    '',
    `  rules                ${result.rules}`,
    `  events, tags         ${result.events}, ${result.tags} (${result.deadLetters} dead letters)`,
    `  detected             ${found.length} of ${recordings.length}, ${share}; ` +
      `${parents} by the parent technique alone, ${late} only after the recording ended`,
    `  time to detect       p50 ${secondsText(detected.p50)}, p90 ${secondsText(detected.p90)} (misses censored); median of the detected ${secondsText(medianOf(found))}`,
    `  coverage             ${pct} % of ${total['total']} techniques of ATT&CK ${total['attack_release']}: ` +
      `${total['validated']} validated, ${total['partial']} partial`,
    '',
  ].join('\n')
}

function lineOf(result: RecordingResult): string {
  const { id, technique, title, isDetected, seconds, rules, missReason, taggedInstead } = result
  const head = `  ${isDetected ? 'detected' : 'missed  '}  ${id}  ${technique.padEnd(10)} ${title}`
  if (isDetected) {
    const by =
      rules.length > 2
        ? `${rules.slice(0, 2).join(', ')} and ${rules.length - 2} more`
        : rules.join(', ')
    return `${head}\n${' '.repeat(12)}after ${secondsText(seconds)}${by === '' ? '' : ` by ${by}`}`
  }
  const most = Object.entries(taggedInstead)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 5)
    .map(([name, count]) => `${name} ×${count}`)
  const instead = most.length === 0 ? '' : `; tagged meanwhile: ${most.join(', ')}`
  return `${head}\n${' '.repeat(12)}${reasons[missReason ?? ''] ?? missReason}${instead}`
}

function medianOf(found: readonly RecordingResult[]): number | null {
  const sorted = found.flatMap(({ seconds }) => seconds ?? []).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? null
}

function secondsText(seconds: number | null): string {
  if (seconds === null) return '> 24 h'
  return seconds < 120 ? `${seconds.toFixed(1)} s` : `${(seconds / 60).toFixed(1)} min`
}
