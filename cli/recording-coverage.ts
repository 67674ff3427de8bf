/**
 * What rules see of recordings: each recording becomes a test with its label, goes through the whole
 * product, and the views tell what was detected, how fast, and why the rest was missed. A rule that
 * tagged a recording with its label is validated by it, so that coverage says what was shown.
 */

import type { Kafka } from 'kafkajs'
import type { Views } from '../core/clickhouse.ts'
import type { Config } from '../core/config.ts'
import { ruleAssetId } from '../processors/rule-assets.ts'
import { countsOf, recordsIn, untilFinished } from './progress.ts'
import { type LabelledRecording, readLines, type Survey, surveyOf } from './recordings.ts'
import { replaySample } from './sample.ts'
import type { Worker } from './worker.ts'

export interface RecordingResult {
  readonly id: string
  readonly title: string
  readonly technique: string
  readonly isDetected: boolean
  /** Seconds from the recording's start to the first hit; null if there was none. */
  readonly seconds: number | null
  /** The first hit lies after the recording's end: it belongs to another one of the same machine. */
  readonly isLate: boolean
  readonly isParentOnly: boolean
  /** no_events, no_rule_matched, …; null where it was detected. */
  readonly missReason: string | null
  /** Rules that tagged it with its label. */
  readonly rules: readonly string[]
  /** Of a miss: what its machines were tagged with meanwhile, and how often. */
  readonly taggedInstead: Readonly<Record<string, number>>
}

export interface RecordingCoverage {
  readonly recordings: readonly RecordingResult[]
  readonly events: number
  readonly tags: number
  readonly deadLetters: number
  readonly rules: number
  readonly detected: { share: number | null; p50: number | null; p90: number | null }
  readonly coverage: Readonly<Record<string, number | string | null>>
}

export interface RecordingRun {
  readonly worker: Worker
  readonly kafka: Kafka
  readonly config: Config
  readonly views: Views
  readonly say: (text: string) => void
}

interface ObservedRow {
  readonly test_id: string
  readonly detected_seconds: number | null
  readonly is_parent_match_only: boolean
  readonly miss_reason: string | null
}
interface SummaryRow {
  readonly group_kind: string
  readonly stage: string
  readonly reached_share: number | null
  readonly p50_seconds: number | null
  readonly p90_seconds: number | null
}
interface TagRow {
  readonly rule_id: string
  readonly technique_id: string
  readonly sub_technique_id: string | null
}

const finishMsMax = 900_000
export const exercise = 'recordings'
const tagRowsMax = 5_000
const marginMs = 1_000
const nothing: Survey = { machines: [], firstMs: 0, lastMs: 0 }

export async function coverRecordings(
  run: RecordingRun,
  recordings: readonly LabelledRecording[],
): Promise<RecordingCoverage> {
  const { worker, views } = run
  const before = await countsOf(worker)
  const surveys = await replay(run, recordings)
  const counts = await finish(run)
  const times = [...surveys.values()].flatMap(({ firstMs, lastMs }) => [firstMs, lastMs])
  const scope = { exercise, technique_id: '', tactic: '', platform: '', team: '' }
  const range = { from_s: Math.min(...times) / 1000 - 1, to_s: Math.max(...times) / 1000 + 1 }
  const asked = { ...scope, ...range, at_s: Date.now() / 1000 }
  const observed = await views.select<ObservedRow>('observed_detection', asked)
  const summary = await views.select<SummaryRow>('observed_summary', asked)
  const results: RecordingResult[] = []
  for (const { recording, technique, id } of tests(recordings)) {
    const row = observed.find(({ test_id }) => test_id === id)
    results.push(
      await resultOf(views, recording, surveys.get(recording.id) ?? nothing, technique, row),
    )
  }
  await validate(run, results)
  await finish(run)
  const [total] = await views.select<RecordingCoverage['coverage']>('coverage_total', {
    at_s: Date.now() / 1000,
  })
  const all = summary.find((row) => row.group_kind === 'all' && row.stage === 'detected')
  return {
    recordings: results,
    events: counts.events - before.events - tests(recordings).length,
    tags: counts.tags,
    deadLetters: counts.deadLetters,
    rules: worker.rules.rules().length,
    detected: {
      share: all?.reached_share ?? null,
      p50: all?.p50_seconds ?? null,
      p90: all?.p90_seconds ?? null,
    },
    coverage: total ?? {},
  }
}

/** One test a label. */
function tests(recordings: readonly LabelledRecording[]) {
  return recordings.flatMap((recording) =>
    recording.techniques.map((technique) => {
      return { recording, technique, id: `recording:${recording.id}/${technique}` }
    }),
  )
}

async function replay(
  run: RecordingRun,
  recordings: readonly LabelledRecording[],
): Promise<ReadonlyMap<string, Survey>> {
  const { kafka, config, say } = run
  const surveys = new Map<string, Survey>()
  for (const [index, recording] of recordings.entries()) {
    const lines = readLines(recording.file)
    surveys.set(recording.id, surveyOf(lines, Date.now()))
    const part = { name: recording.id, topic: 'TTPSTREAM_TOPIC_COMMANDS', lines } as const
    await replaySample(kafka, config, [part])
    say(`  ${index + 1} of ${recordings.length}  ${recording.id}  ${lines.length} records`)
  }
  const lines = tests(recordings).map(({ recording, technique, id }) => {
    const { machines, firstMs, lastMs } = surveys.get(recording.id) ?? nothing
    return JSON.stringify({
      test_id: id,
      exercise,
      name: recording.title,
      technique_id: technique,
      hosts: machines,
      state: 'blue_evaluating',
      executed: true,
      red_started_at: new Date(firstMs).toISOString(),
      red_ended_at: new Date(lastMs).toISOString(),
    })
  })
  await replaySample(kafka, config, [{ name: 'tests', topic: 'TTPSTREAM_TOPIC_TESTS', lines }])
  return surveys
}

/** Everything that is in the topics is in the views. */
export async function finish({ worker, kafka, config, say }: RecordingRun) {
  await worker.duties.ruleAssets.settled
  const records = await recordsIn(kafka, config)
  let told = 0
  return untilFinished(worker, records, finishMsMax, (counts) => {
    if (counts.records - told < 50_000) return
    told = counts.records
    say(`  ${counts.records} of ${records} records, ${counts.tags} tags`)
  })
}

async function resultOf(
  views: Views,
  { id, title }: LabelledRecording,
  survey: Survey,
  technique: string,
  row: ObservedRow | undefined,
): Promise<RecordingResult> {
  const { firstMs, lastMs } = survey
  const seconds = row?.detected_seconds ?? null
  const tags = await tagsWithin(views, survey)
  const own = tags.filter((tag) => isOf(tag, technique))
  const instead: Record<string, number> = {}
  for (const tag of seconds === null ? tags : []) {
    const name = nameOf(tag)
    instead[name] = (instead[name] ?? 0) + 1
  }
  return {
    id,
    title,
    technique,
    isDetected: seconds !== null,
    seconds,
    isLate: seconds !== null && seconds * 1000 > lastMs - firstMs + marginMs,
    isParentOnly: row?.is_parent_match_only === true,
    missReason: seconds === null ? (row?.miss_reason ?? 'not_observed') : null,
    rules: [...new Set(own.map(({ rule_id }) => rule_id))].sort(),
    taggedInstead: instead,
  }
}

function tagsWithin(views: Views, { firstMs, lastMs }: Survey): Promise<TagRow[]> {
  const to_s = (lastMs + marginMs) / 1000
  return views.select<TagRow>('tag_list', {
    from_s: (firstMs - marginMs) / 1000,
    to_s,
    before_time_s: to_s,
    before_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    min_confidence: 0,
    technique_id: '',
    host: '',
    rule_id: '',
    all_versions: false,
    limit_rows: tagRowsMax,
  })
}

function nameOf({ technique_id, sub_technique_id }: TagRow): string {
  return sub_technique_id || technique_id
}

/** The label itself, any of its sub-techniques, or its parent where the rule says no more. */
function isOf(tag: TagRow, label: string): boolean {
  const name = nameOf(tag)
  return name === label || name.startsWith(`${label}.`) || label.startsWith(`${name}.`)
}

/** A rule that tagged a recording with its label has been seen to detect it. */
async function validate({ kafka, config }: RecordingRun, results: readonly RecordingResult[]) {
  const lines = results.flatMap(({ id, technique, rules, isParentOnly }) =>
    rules.map((rule) =>
      JSON.stringify({
        kind: 'validation',
        id: `recording:${id}/${technique}/${rule}`,
        actor: 'ttpstream:coverage',
        entity: {
          asset_id: ruleAssetId(rule),
          // A rule that names the parent alone was seen to detect the parent.
          technique_id: isParentOnly ? technique.slice(0, 5) : technique,
          test_id: `recording:${id}/${technique}`,
          validation_result: 'detected',
          validation_method: 'replay',
        },
      }),
    ),
  )
  if (lines.length === 0) return
  const part = { name: 'validations', topic: 'TTPSTREAM_TOPIC_CATALOG', lines } as const
  await replaySample(kafka, config, [part])
}
