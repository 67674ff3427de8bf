/**
 * What becomes of coverage when a rule is edited, told on recordings that it detected: its comment
 * changes nothing; its logic voids what validated it, and coverage and confidence fall with the rule
 * and both versions named; the events of its tests, replayed through the new logic, validate it again.
 *
 * It edits files under the folder that it is given: a copy. What it tells was asked of the API.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { KafkaSink } from '../processors/engine/kafka-sink.ts'
import { type RevalidationDue, replayedValidation } from '../processors/revalidation.ts'
import type { Rule } from '../rules/rule.ts'
import { adoptCandidates } from './adopt.ts'
import { createProcessors } from './processors.ts'
import {
  exercise,
  finish,
  type RecordingCoverage,
  type RecordingRun,
} from './recording-coverage.ts'
import { revalidate } from './revalidate.ts'

export interface Standing {
  readonly coveragePct: number
  readonly status: string
  readonly score: number
  readonly level: string
}

export interface RecordingStory {
  readonly ruleId: string
  readonly technique: string
  /** What the API tells of the recordings as tests. */
  readonly tests: readonly ShownTest[]
  readonly before: Standing
  /** A comment was added. */
  readonly commented: Standing & { readonly assetsPublished: number }
  /** The logic was edited. */
  readonly edited: Standing & {
    readonly validationsFallen: number
    readonly losses: readonly Loss[]
  }
  /** The tests' events were replayed through the new logic. */
  readonly revalidated: Standing & { readonly detected: number; readonly replayed: number }
}

const loss = z.object({
  technique_id: z.string(),
  status_from: z.string(),
  status_to: z.string(),
  asset_id: z.string(),
  cause: z.string(),
  rule_version_from: z.string().nullable(),
  rule_version_to: z.string().nullable(),
  rule_file_path: z.string().nullable(),
})
export type Loss = z.output<typeof loss>

const shownTest = z.object({
  test_id: z.string(),
  detected_seconds: z.number().nullable(),
  miss_reason: z.string().nullable(),
})
export type ShownTest = z.output<typeof shownTest>

const stepMs = 50
const waitMsMax = 60_000
/** The publisher of assets acts within a fraction of it. */
const quietMs = 1_000

/** Every rule counts from now on, as if somebody had taken the whole set in; gives how many. */
export async function adoptAll(run: RecordingRun): Promise<number> {
  await finish(run)
  const { config, kafka, views, worker } = run
  const { ruleAssets } = worker.duties
  const { sent } = ruleAssets
  const sink = new KafkaSink(kafka)
  try {
    const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
    const send: KafkaSink['send'] = (records) => sink.send(records)
    const { ids } = await adoptCandidates({ views, topic, actor: 'ttpstream:coverage', send }, {})
    // The publisher of assets says each again, with the hash that nobody else may state.
    const isSaid = async () => (ruleAssets.sent - sent >= ids.length ? true : undefined)
    await until('the adopted rules to be restated', isSaid)
    await finish(run)
    return ids.length
  } finally {
    await sink.close()
  }
}

/** null where no rule detected anything that can be edited without a change of what it detects. */
export async function tellStory(
  run: RecordingRun,
  coverage: RecordingCoverage,
): Promise<RecordingStory | null> {
  const chosen = choose(run, coverage)
  if (chosen === null) return null
  const { rule, technique, text } = chosen
  const before = await standing(run, technique)
  const { ruleAssets } = run.worker.duties

  const sent = ruleAssets.sent
  await save(run, rule, `${text}\n# The same rule.\n`)
  await setTimeout(quietMs)
  await finish(run)
  const commented = { ...(await standing(run, technique)), assetsPublished: ruleAssets.sent - sent }

  const editedAtS = Date.now() / 1000
  await save(run, rule, withAlternative(text) ?? text)
  const dues = await until(`the validations of ${rule.id} to fall`, async () => {
    const found = await duesOf(run, rule.id)
    return found.length > 0 ? found : undefined
  })
  const lost = await losses(run, editedAtS)
  const edited = {
    ...(await standing(run, technique)),
    validationsFallen: dues.length,
    losses: lost.filter(({ asset_id }) => asset_id === `rule:${rule.id}`),
  }
  const detected = await replayTests(run, dues)
  await finish(run)
  const again = { ...(await standing(run, technique)), detected, replayed: dues.length }
  const story = { ruleId: rule.id, technique, before, commented, edited, revalidated: again }
  return { ...story, tests: await shownTests(run) }
}

interface Chosen {
  readonly rule: Rule
  readonly technique: string
  readonly text: string
}

/** A technique that falls with one rule tells most. */
function choose({ worker }: RecordingRun, { recordings }: RecordingCoverage): Chosen | null {
  const byTechnique = new Map<string, Set<string>>()
  for (const { technique, rules, isDetected, isParentOnly } of recordings) {
    if (!isDetected || isParentOnly) continue
    const known = byTechnique.get(technique) ?? new Set()
    byTechnique.set(technique, new Set([...known, ...rules]))
  }
  const loaded = new Map(worker.rules.rules().map((rule) => [rule.id, rule]))
  for (const [technique, ids] of [...byTechnique].sort(([, a], [, b]) => a.size - b.size)) {
    for (const id of ids) {
      const rule = loaded.get(id)
      const text = rule === undefined ? '' : readFileSync(rule.file, 'utf8')
      if (rule !== undefined && withAlternative(text) !== null) return { rule, technique, text }
    }
  }
  return null
}

/** Matches what it matched, and one thing more; null where that is not easily said. */
function withAlternative(text: string): string | null {
  const conditions = [...text.matchAll(/^( +)condition: *([^\n|>[]+)$/gm)]
  const [found] = conditions
  const isPlain = conditions.length === 1 && /^detection:/m.test(text)
  if (found === undefined || !isPlain || /of +them/.test(text)) return null
  const [line, indent = '', condition = ''] = found
  const more = `${indent}one_more: { CommandLine: 'ttpstream-edited-rule' }`
  return text.replace(line, () => `${more}\n${indent}condition: (${condition.trim()}) or one_more`)
}

async function save({ worker }: RecordingRun, rule: Rule, text: string): Promise<void> {
  const hashOf = () => worker.rules.rules().find(({ id }) => id === rule.id)?.ruleHash
  const old = hashOf()
  writeFileSync(rule.file, text)
  await until(`${rule.file} to be read`, async () => (hashOf() === old ? undefined : true))
}

function duesOf({ views }: RecordingRun, ruleId: string): Promise<RevalidationDue[]> {
  const at_s = Date.now() / 1000
  return views
    .select<RevalidationDue>('revalidation_due', { at_s })
    .then((dues) => dues.filter(({ rule_id }) => rule_id === ruleId))
}

/** As `rules revalidate` does; how many detect. */
async function replayTests(run: RecordingRun, dues: readonly RevalidationDue[]): Promise<number> {
  const { config, kafka, views, worker } = run
  const rules = worker.rules.rules()
  const processors = createProcessors(config)
  const { signal } = new AbortController()
  const parts = { config, kafka, views, rules, processors, files: [], signal }
  const results = await revalidate(parts, dues)
  const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
  const records = results.flatMap(({ due, rule, outcome, shown }) => {
    if (rule === null || outcome !== 'detected') return []
    const record = replayedValidation(due, rule, shown, 'ttpstream:coverage')
    return [{ topic, key: `validation:${record.id}`, value: JSON.stringify(record) }]
  })
  const sink = new KafkaSink(kafka)
  try {
    await sink.send(records)
  } finally {
    await sink.close()
  }
  return records.length
}

const coverageAnswer = z.object({
  total: z.object({ coverage_pct: z.number() }),
})
const confidenceAnswer = z.object({
  status: z.string(),
  score: z.number(),
  level: z.string(),
})
const testsAnswer = z.object({ data: z.array(shownTest) })
const regressionAnswer = z.object({ data: z.array(loss) })

async function standing(run: RecordingRun, technique: string): Promise<Standing> {
  const [coverage, confidence] = await Promise.all([
    ask(run, '/api/v1/coverage?limit=1').then((answer) => coverageAnswer.parse(answer)),
    ask(run, `/api/v1/detection-lifecycle/confidence/${technique}`).then((answer) =>
      confidenceAnswer.parse(answer),
    ),
  ])
  return { coveragePct: coverage.total.coverage_pct, ...confidence }
}

async function shownTests(run: RecordingRun): Promise<readonly ShownTest[]> {
  const path = `/api/v1/metrics/operational/observed/tests?exercise=${exercise}&limit=1000`
  return testsAnswer.parse(await ask(run, path)).data
}

async function losses(run: RecordingRun, fromS: number): Promise<readonly Loss[]> {
  const path = `/api/v1/coverage/regression?from=${fromS.toFixed(3)}&limit=1000`
  return regressionAnswer.parse(await ask(run, path)).data
}

async function ask({ worker }: RecordingRun, path: string): Promise<unknown> {
  const answer = await fetch(`${worker.api.url}${path}`)
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

async function until<Answer>(
  what: string,
  read: () => Promise<Answer | undefined>,
): Promise<Answer> {
  for (let leftMs = waitMsMax; leftMs > 0; leftMs -= stepMs) {
    const answer = await read()
    if (answer !== undefined) return answer
    await setTimeout(stepMs)
  }
  throw new Error(`waited ${waitMsMax / 1000} s for ${what}`)
}
