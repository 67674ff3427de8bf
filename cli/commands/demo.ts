import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { Config } from '../../core/config.ts'
import { createLog, silentLog } from '../../core/log.ts'
import { recordsOfBatch } from '../../processors/engine/wire/batch-records.ts'
import type { Command } from '../command.ts'
import { startDevStack } from '../dev-stack.ts'
import { createKafka } from '../kafka.ts'
import { type Counts, untilFinished } from '../progress.ts'
import { type Replayed, readSample, replaySample } from '../sample.ts'
import { startWorker } from '../worker.ts'

const finishMsMax = 50_000

export const demo: Command = {
  name: 'demo',
  summary: 'Replay the sample through a temporary stack, print what was found, and end.',
  options: { json: { type: 'boolean', doc: 'The result as JSON.' } },
  async run({ options }, io) {
    const begun = process.hrtime.bigint()
    const dataDir = await mkdtemp(join(tmpdir(), 'ttpstream-demo-'))
    const say = (text: string) => io.err(`${text}\n`)
    const stack = await startDevStack({ dataDir, hasUsualPorts: false })
    try {
      const worker = await startWorker(stack.config, createLog('warn'))
      try {
        const parts = readSample()
        const records = parts.reduce((sum, { lines }) => sum + lines.length, 0)
        say(`Replaying ${records} records of ${parts.length} files through Kafka…`)
        const kafka = createKafka(stack.config, silentLog)
        const replayed = await replaySample(kafka, stack.config, parts, ({ part }) =>
          say(`  ${part.name.padEnd(24)} ${String(part.lines.length).padStart(6)} records`),
        )
        await worker.duties.ruleAssets.settled
        const { sent } = worker.duties.ruleAssets
        const counts = await untilFinished(worker, records + sent, finishMsMax)
        const own = { ...counts, events: counts.events - sent }
        const result = await summarize(stack.config, worker.api.url, replayed, own)
        const seconds = Number((process.hrtime.bigint() - begun) / 1_000_000n) / 1000
        io.out(
          options['json'] === true
            ? `${JSON.stringify(result, null, 2)}\n`
            : tableOf(result, seconds),
        )
        return 0
      } finally {
        await worker.close()
      }
    } finally {
      await stack.close()
      await rm(dataDir, { recursive: true, force: true })
    }
  },
}

export interface DemoResult {
  readonly events: number
  readonly deadLetters: number
  readonly tags: number
  readonly techniques: readonly string[]
  readonly recordings: readonly {
    readonly id: string
    readonly title: string
    readonly techniques: readonly string[]
    readonly isDetected: boolean
    /** Rule → events it tagged. */
    readonly rules: Readonly<Record<string, number>>
  }[]
  readonly mttdHours: number | null
  readonly tests: number
}

const mttdSchema = z.object({ mean_hours: z.number().nullable(), sample_size: z.number() })

interface PublishedTag {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly rule_id: string
  readonly technique_id: string
  readonly sub_technique_id?: string
}

async function summarize(
  config: Config,
  api: string,
  replayed: readonly Replayed[],
  counts: Counts,
): Promise<DemoResult> {
  const tags = await readTags(config)
  const recordings = replayed.flatMap((range) => {
    const { recording } = range.part
    if (recording === undefined) return []
    const own = tags.filter((tag) => isWithin(tag, range, config))
    const rules: Record<string, number> = {}
    for (const { rule_id } of own) rules[rule_id] = (rules[rule_id] ?? 0) + 1
    const isDetected = recording.techniques.some((label) => own.some((tag) => names(tag, label)))
    return [{ ...recording, isDetected, rules }]
  })
  const mttd = mttdSchema.parse(await ask(`${api}/api/v1/metrics/operational/mttd`))
  return {
    events: counts.events,
    deadLetters: counts.deadLetters,
    tags: counts.tags,
    techniques: [...new Set(tags.map((tag) => tag.sub_technique_id || tag.technique_id))].sort(),
    recordings,
    mttdHours: mttd.mean_hours,
    tests: mttd.sample_size,
  }
}

/** Everything on `ttp.tags`, as any consumer sees it. */
async function readTags(config: Config): Promise<readonly PublishedTag[]> {
  const kafka = createKafka(config, silentLog)
  const topic = config.text('TTPSTREAM_TOPIC_TAGS')
  const admin = kafka.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  let left = ends.reduce((sum, { high }) => sum + Number(high), 0)
  const tags: PublishedTag[] = []
  if (left === 0) return tags
  const consumer = kafka.consumer({ groupId: 'demo-reader', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          // A message is a whole batch here, not a record.
          const records = recordsOfBatch(batch)
          for (const { value } of records)
            tags.push(JSON.parse(Buffer.from(value ?? []).toString()))
          left -= records.length
          if (left <= 0) resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return tags
}

function isWithin(
  tag: PublishedTag,
  { part, partition, first, last }: Replayed,
  config: Config,
): boolean {
  return (
    tag.topic === config.text(part.topic) &&
    tag.partition === partition &&
    tag.offset >= first &&
    tag.offset <= last
  )
}

/** The label itself; a label without a sub-technique is met by any of its own, a tag without one by its parent. */
function names(tag: PublishedTag, label: string): boolean {
  const sub = tag.sub_technique_id ?? ''
  return (
    sub === label ||
    tag.technique_id === label ||
    (sub === '' && label.startsWith(`${tag.technique_id}.`))
  )
}

async function ask(url: string): Promise<unknown> {
  const answer = await fetch(url)
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

function tableOf(result: DemoResult, seconds: number): string {
  const { recordings, techniques } = result
  const detected = recordings.filter(({ isDetected }) => isDetected).length
  const rows = recordings.map(({ id, title, techniques: labels, isDetected, rules }) => {
    const mark = isDetected ? 'detected' : 'missed  '
    const hits = Object.values(rules).reduce((sum, count) => sum + count, 0)
    return `  ${mark}  ${id}  ${labels.join(' ').padEnd(22)} ${String(hits).padStart(5)} tags  ${title}`
  })
  const mttd = result.mttdHours === null ? '–' : `${result.mttdHours} h over ${result.tests} tests`
  return [
    '',
    ...rows,
    '',
    `  events                 ${result.events}`,
    `  dead letters           ${result.deadLetters}`,
    `  tags                   ${result.tags}`,
    `  techniques seen        ${techniques.length}  ${techniques.slice(0, 12).join(' ')}${techniques.length > 12 ? ' …' : ''}`,
    `  recordings detected    ${detected} of ${recordings.length} by their label`,
    `  mean time to detect    ${mttd}`,
    `  took                   ${seconds.toFixed(1)} s`,
    '',
  ].join('\n')
}
