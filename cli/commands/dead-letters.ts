/** Records that could not become events: what they were, and a second chance after a fix. */

import { systemClock } from '../../core/clock.ts'
import { type Config, readConfig } from '../../core/config.ts'
import { ConfigError } from '../../core/error.ts'
import { groupBy } from '../../core/group-by.ts'
import { silentLog } from '../../core/log.ts'
import { type Arguments, type Command, type OptionSpec, textOption } from '../command.ts'
import { replayLetters } from '../dead-letter-replay.ts'
import { createKafka } from '../kafka.ts'
import { parseTimeOption } from '../time-option.ts'
import { createViews } from '../views.ts'

interface Letter {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly last_offset: number
  readonly ingest_time: string
  readonly record_time: string
  readonly records: number
  readonly code: string
  readonly reason: string
  readonly value_sha256: string
  readonly value_bytes: number
  readonly head: string
  readonly replayable: boolean
}

const rowsMax = 10_000

const filters = {
  code: { type: 'string', value: 'CODE', doc: 'Only with this reason, such as malformed-json.' },
  topic: { type: 'string', value: 'TOPIC', doc: 'Only from this topic.' },
  since: { type: 'string', value: 'TIME', default: '7d', doc: 'Taken in since; a time or an age.' },
} as const satisfies Readonly<Record<string, OptionSpec>>
const json = { type: 'boolean', doc: 'One JSON object a line.' } as const

const list: Command = {
  name: 'dead-letters list',
  summary: 'List records that could not become events, newest first.',
  options: {
    ...filters,
    limit: { type: 'string', value: 'N', default: '50', doc: 'Most letters shown.' },
    json,
  },
  async run(args, io) {
    const letters = await readLetters(list, args, readConfig(), limitOf(list, args))
    for (const letter of letters) {
      const { head: _, ...short } = letter
      io.out(args.options['json'] === true ? `${JSON.stringify(short)}\n` : `${lineOf(letter)}\n`)
    }
    const codes = groupBy(letters, ({ code }) => code)
    const counts = [...codes].map(([code, of]) => `${of.length} ${code}`).join(', ')
    io.err(`${letters.length} dead letters${counts === '' ? '' : `: ${counts}`}\n`)
    return 0
  },
}

const show: Command = {
  name: 'dead-letters show',
  usage: 'TOPIC:PARTITION:OFFSET',
  summary: 'Show one dead letter: why, and the head of the record, redacted.',
  options: { json },
  async run({ rest, options }, io) {
    const position = parsePosition(rest[0] ?? '')
    const views = createViews(readConfig())
    try {
      const letters = await views.select<Letter>('dead_letter_at', position)
      if (letters.length === 0) {
        io.err(`No dead letter stands at ${rest[0]}.\n`)
        return 1
      }
      for (const letter of letters) {
        io.out(options['json'] === true ? `${JSON.stringify(letter)}\n` : pageOf(letter))
      }
      return 0
    } finally {
      await views.close()
    }
  },
}

const replay: Command = {
  name: 'dead-letters replay',
  usage: '[TOPIC:PARTITION:OFFSET]',
  summary: 'Send dead records again as they stand in Kafka, each at most once.',
  options: {
    ...filters,
    limit: { type: 'string', value: 'N', default: '1000', doc: 'Most records sent.' },
    'dry-run': { type: 'boolean', doc: 'Only count what would be sent.' },
    json: { type: 'boolean', doc: 'The counts as JSON.' },
  },
  async run(args, io) {
    const config = readConfig()
    const letters = await lettersToReplay(args, config)
    const replayable = letters.filter((letter) => letter.replayable)
    const isDryRun = args.options['dry-run'] === true
    const kafka = createKafka(config, silentLog)
    const counts = await replayLetters(kafka, replayable, {
      groupId: config.text('TTPSTREAM_KAFKA_GROUP'),
      batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
      isDryRun,
      signal: io.signal,
      onProgress: ({ topic, partition, read, of }) =>
        io.err(`${topic}:${partition}: ${read} of ${of} records read\n`),
    })
    const skipped = letters.length - replayable.length
    const result = { letters: letters.length, ...counts, skipped, dry_run: isDryRun }
    if (args.options['json'] === true) io.out(`${JSON.stringify(result)}\n`)
    else {
      io.out(`${counts.sent} ${isDryRun ? 'would be sent' : 'sent'} again\n`)
      io.out(`${counts.repeated} had been sent again before\n`)
      io.out(`${skipped} stand for no single record that is not a row already\n`)
      io.out(`${counts.expired} have expired in Kafka, ${counts.changed} are other records now\n`)
    }
    const lost = counts.expired + counts.changed
    if (lost > 0) {
      io.err(
        `${lost} records cannot be sent again: Kafka does not hold them any more. ` +
          'A longer retention of the topic keeps them for longer.\n',
      )
    }
    return lost > 0 ? 1 : 0
  },
}

export const deadLetterCommands: readonly Command[] = [list, show, replay]

async function lettersToReplay(args: Arguments, config: Config): Promise<readonly Letter[]> {
  const [position] = args.rest
  if (position === undefined) return readLetters(replay, args, config, limitOf(replay, args))
  const at = parsePosition(position)
  const views = createViews(config)
  try {
    const found = await views.select<Letter>('dead_letter_at', at)
    if (found.length > 0) return found.slice(0, 1)
    throw new ConfigError('no-dead-letter', `No dead letter stands at ${position}.`)
  } finally {
    await views.close()
  }
}

async function readLetters(
  command: Command,
  args: Arguments,
  config: Config,
  limit: number,
): Promise<readonly Letter[]> {
  const views = createViews(config)
  try {
    return await views.select<Letter>('dead_letter_list', {
      topic: textOption(command, args, 'topic'),
      code: textOption(command, args, 'code'),
      from_s: parseTimeOption('since', textOption(command, args, 'since')) / 1000,
      to_s: nowS(),
      limit_rows: limit,
    })
  } finally {
    await views.close()
  }
}

/** A little beyond now: another machine's clock may be ahead. */
function nowS(): number {
  return systemClock.now() / 1000 + 3_600
}

function limitOf(command: Command, args: Arguments): number {
  const text = textOption(command, args, 'limit')
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= rowsMax) return limit
  throw new ConfigError('bad-arguments', `--limit is "${text}"; give 1 to ${rowsMax}.`)
}

function parsePosition(text: string): { topic: string; partition: number; position: number } {
  const [, topic, partition, position] = /^(.{1,249}):(\d{1,9}):(\d{1,15})$/.exec(text) ?? []
  if (topic === undefined) {
    throw new ConfigError('bad-arguments', `"${text}" is no position; give TOPIC:PARTITION:OFFSET.`)
  }
  return { topic, partition: Number(partition), position: Number(position) }
}

function lineOf({ topic, partition, offset, ingest_time, code, reason, records }: Letter): string {
  const many = records > 1 ? ` (${records} records)` : ''
  const why = reason.length > 100 ? `${reason.slice(0, 99)}…` : reason
  return `${ingest_time}  ${topic}:${partition}:${offset}  ${code}${many}  ${why}`
}

function pageOf(letter: Letter): string {
  const { topic, partition, offset, last_offset, head } = letter
  const to = last_offset === offset ? '' : `-${last_offset}`
  return [
    `position     ${topic}:${partition}:${offset}${to}`,
    `code         ${letter.code}`,
    `reason       ${letter.reason}`,
    `taken in     ${letter.ingest_time}`,
    `record time  ${letter.record_time}`,
    `records      ${letter.records}`,
    `bytes        ${letter.value_bytes}   SHA-256 ${letter.value_sha256}`,
    '',
    head,
    '',
  ].join('\n')
}
