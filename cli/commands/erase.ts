import { setTimeout } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import { type Config, readConfig } from '../../core/config.ts'
import { type ErasedSubject, eraseSubject, tablesHolding } from '../../core/erase.ts'
import { ConfigError } from '../../core/error.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { minuteMs } from '../../core/units.ts'
import { parseMark } from '../../processors/engine/intent.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { subjectHash } from '../../processors/erasures.ts'
import { addressNames, userNames } from '../../schemas/name.ts'
import { createClickHouse } from '../clickhouse.ts'
import { type Arguments, type Command, type Io, textOption } from '../command.ts'
import { createKafka } from '../kafka.ts'
import { sqlServer } from '../migrate-database.ts'

const waitMsMax = 5 * minuteMs
const waitStepMs = 250
const mutationMsMax = 60 * minuteMs

export const erase: Command = {
  name: 'erase',
  summary: 'Forget an identity, an attacker or a user in every table and view, and in replays.',
  options: {
    identity: { type: 'string', value: 'ID', doc: 'Forget this identity.' },
    attacker: { type: 'string', value: 'ID', doc: 'Forget this attacker, such as an address.' },
    user: { type: 'string', value: 'NAME', doc: 'Forget this account.' },
    hash: { type: 'boolean', doc: 'Keep the rows under a pseudonym instead of removing them.' },
    actor: { type: 'string', value: 'NAME', default: 'cli', doc: 'Who asks for it.' },
    'dry-run': { type: 'boolean', doc: 'Only count the rows.' },
    'no-wait': { type: 'boolean', doc: 'Do not wait for the engine to finish what is in Kafka.' },
  },
  async run(args, io) {
    const config = readConfig()
    const subject = subjectOf(args)
    const clickhouse = createClickHouse(config, { requestMs: mutationMsMax })
    const server = sqlServer(clickhouse)
    const isDryRun = args.options['dry-run'] === true
    try {
      if (!isDryRun) await announce(config, subject, args, io)
      const erased = await eraseSubject(server, subject, {
        isDryRun,
        onTable: ({ table, about, mentions }) =>
          io.out(`${table.padEnd(28)} ${about} rows about it, ${mentions} that mention it\n`),
      })
      const verb = isDryRun
        ? 'hold it'
        : subject.mode === 'hash'
          ? 'now hold a pseudonym'
          : 'cleared'
      io.out(`${erased.length} tables ${verb}\n`)
      if (isDryRun) return 0
      const left = await tablesHolding(server, subject)
      if (left.length > 0) io.err(`Still found in ${left.join(', ')}: run the command again.\n`)
      io.err(notice)
      return left.length === 0 ? 0 : 1
    } finally {
      await clickhouse.close()
    }
  },
}

const notice =
  'Kafka’s own topics keep what producers sent until their retention removes it; replays leave it out. ' +
  'Backups made before hold it still.\n'

function subjectOf(args: Arguments): ErasedSubject {
  const given = (['identity', 'attacker', 'user'] as const)
    .map((name) => ({ name, id: textOption(erase, args, name).trim() }))
    .filter(({ id }) => id !== '')
  const [only] = given
  if (only === undefined || given.length > 1) {
    throw new ConfigError('bad-arguments', 'Give exactly one of --identity, --attacker and --user.')
  }
  const kind = only.name === 'user' ? 'user' : (`${only.name}_id` as const)
  const mode = args.options['hash'] === true ? 'hash' : 'remove'
  const pseudonym = `erased-${subjectHash(kind, only.id).slice(7, 23)}`
  const names = {
    identity: [only.id],
    attacker: addressNames([only.id]),
    user: userNames([only.id]),
  }
  return {
    kind,
    names: lowerOnce([only.id, ...names[only.name]]),
    mode,
    replacement: mode === 'hash' ? pseudonym : 'erased',
  }
}

/** Case does not count in any comparison that follows. */
function lowerOnce(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))]
}

/** Publishes the erasure, without the name, and waits until nothing from before it is on its way. */
async function announce(
  config: Config,
  subject: ErasedSubject,
  args: Arguments,
  io: Io,
): Promise<void> {
  const kafka = createKafka(config, silentLog)
  const sink = new KafkaSink(kafka)
  const records = subject.names.map((name) => ({
    kind: 'erasure',
    id: systemRandom.uuid(),
    op: 'put',
    actor: textOption(erase, args, 'actor'),
    entity: { [subject.kind]: subjectHash(subject.kind, name), mode: subject.mode },
  }))
  try {
    const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
    await sink.send(
      records.map((record) => ({
        topic,
        key: `erasure:${record.id}`,
        value: JSON.stringify(record),
      })),
    )
  } finally {
    await sink.close()
  }
  for (const { id } of records) io.out(`Erasure ${id} published\n`)
  if (args.options['no-wait'] !== true) await untilFinished(kafka, config, io)
}

async function untilFinished(kafka: Kafka, config: Config, io: Io): Promise<void> {
  const topics = (['COMMANDS', 'ALERTS', 'TESTS', 'CATALOG'] as const).map((name) =>
    config.text(`TTPSTREAM_TOPIC_${name}`),
  )
  const admin = kafka.admin()
  await admin.connect()
  try {
    const ends = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)))
    const groupId = config.text('TTPSTREAM_KAFKA_GROUP')
    for (let leftMs = waitMsMax; leftMs > 0 && !io.signal.aborted; leftMs -= waitStepMs) {
      const commits = await admin.fetchOffsets({ groupId, topics })
      const behind = topics.flatMap((topic, index) =>
        (ends[index] ?? []).filter(({ partition, high, low }) => {
          const group = commits.find((one) => one.topic === topic)
          const commit = group?.partitions.find((one) => one.partition === partition)
          const mark = parseMark(commit?.metadata ?? '')
          const done = mark?.kind === 'intent' ? mark.first : Number(commit?.offset ?? -1)
          return Number(high) > Number(low) && done < Number(high)
        }),
      )
      if (behind.length === 0) return
      await setTimeout(waitStepMs)
    }
  } finally {
    await admin.disconnect()
  }
  const why = 'The engine has not finished what was in Kafka before the erasure'
  throw new ConfigError('engine-behind', `${why}. Nothing is erased yet: start it, then run again.`)
}
