/**
 * Waits until nobody writes and no block is left half done, before tables with data are changed.
 *
 * What is rebuilt has not seen the tokens of earlier inserts. A block that was begun before, by an
 * engine that died, is inserted again by the next one: a rebuilt table or view would count it twice.
 * Kafka's commits tell of such blocks; only an engine (or a replay) can finish them.
 */

import { setTimeout } from 'node:timers/promises'
import type { Kafka } from 'kafkajs'
import type { Config } from '../core/config.ts'
import { ConfigError, messageOf, TransientError } from '../core/error.ts'
import type { TopicPartition } from '../core/kafka.ts'
import { silentLog } from '../core/log.ts'
import { parseMark } from '../processors/engine/intent.ts'
import { type Commit, KafkaWitness } from '../processors/engine/kafka-witness.ts'
import { parseReplayMark } from '../processors/engine/replay-mark.ts'
import { ClickHouseStore, type Store } from '../processors/engine/store.ts'
import { tables } from '../schemas/table.ts'
import { createClickHouse } from './clickhouse.ts'
import { createKafka } from './kafka.ts'
import { sqlServer } from './migrate-database.ts'

export interface QuietOptions {
  /** Hears what is waited for, each time that it changes. */
  readonly say: (text: string) => void
  readonly signal?: AbortSignal
  /** Default: the setting. 0: asks once. */
  readonly waitMsMax?: number
}

const pollMs = 1_000

/**
 * Returns at once for a database without rows. Throws `ConfigError` when the wait is over, and
 * `TransientError` when Kafka or ClickHouse does not answer.
 */
export async function untilQuiet(config: Config, options: QuietOptions): Promise<void> {
  const clickhouse = createClickHouse(config)
  try {
    if (!(await hasRows(sqlServer(clickhouse)))) return
    const kafka = createKafka(config, silentLog)
    await poll(config, kafka, new ClickHouseStore(clickhouse), options)
  } finally {
    await clickhouse.close()
  }
}

async function poll(
  config: Config,
  kafka: Kafka,
  store: Store,
  { say, signal, waitMsMax = config.count('TTPSTREAM_MIGRATE_WAIT_MS') }: QuietOptions,
): Promise<void> {
  const group = config.text('TTPSTREAM_KAFKA_GROUP')
  const engines = new KafkaWitness(kafka, group)
  const replays = new KafkaWitness(kafka, `${group}-replay`)
  const end = performance.now() + waitMsMax
  let said = ''
  try {
    for (;;) {
      const reasons = await unrest(config, store, engines, replays)
      if (reasons.length === 0) return
      const text = reasons.join('; ')
      if (performance.now() >= end) throw notQuiet(text, waitMsMax)
      if (text !== said) say(`Waiting: ${text}. ${remedy}`)
      said = text
      await setTimeout(pollMs, undefined, signal === undefined ? {} : { signal }).catch(interrupted)
    }
  } catch (cause) {
    if (!(cause instanceof TransientError) || cause.code !== 'kafka-unavailable') throw cause
    const why = `${messageOf(cause)}. Its commits tell whether a block is half done; nothing was changed.`
    throw new TransientError(cause.code, why, { cause })
  } finally {
    await Promise.all([engines.close(), replays.close()])
  }
}

function interrupted(cause: unknown): never {
  throw new TransientError('interrupted', 'Interrupted while waiting; nothing was changed.', {
    cause,
  })
}

const remedy =
  'Engines must be stopped in good order (SIGTERM) before a change; a block that one left half done ' +
  'is finished by an engine: start the version that ran last, wait until it is ready and has no lag, stop it.'

function notQuiet(text: string, waitMs: number): ConfigError {
  return new ConfigError(
    'blocks-begun',
    `Nothing was changed; waited ${Math.round(waitMs / 1_000)} s for this: ${text}. ` +
      `A block that is finished after the change would be counted twice. ${remedy} Then try again.`,
  )
}

/** What stands in the way, as sentences. */
async function unrest(
  config: Config,
  store: Store,
  engines: KafkaWitness,
  replays: KafkaWitness,
): Promise<readonly string[]> {
  const topics = new Set(
    (['COMMANDS', 'ALERTS', 'TESTS', 'CATALOG'] as const).map((name) =>
      config.text(`TTPSTREAM_TOPIC_${name}`),
    ),
  )
  const reasons: string[] = []
  for (const [what, witness] of [
    ['engines', engines],
    ['replays', replays],
  ] as const) {
    const members = await witness.members()
    if (members > 0) reasons.push(`${what} run (${members} in the group ${witness.groupId})`)
  }
  const commits = (await engines.commits()).filter(({ topic }) => topics.has(topic))
  reasons.push(...(await begunBlocks(commits, store)))
  reasons.push(...begunReplays(commits, await replays.commits()))
  return reasons
}

/** Those that this database does not hold as finished. The blocks of another store are not in it. */
async function begunBlocks(commits: readonly Commit[], store: Store): Promise<string[]> {
  const found: string[] = []
  let storeId: string | null = null
  for (const commit of commits) {
    const mark = parseMark(commit.metadata)
    if (mark?.kind !== 'intent') continue
    storeId ??= await store.id()
    if (mark.store !== storeId) continue
    if ((await store.progressEnding(commit, mark.log, mark.last)) !== null) continue
    found.push(`${place(commit)} ${mark.first}-${mark.last} was begun and is not finished`)
  }
  return found
}

/** A replay goes on with what another left only in the log that the engine reads. */
function begunReplays(engines: readonly Commit[], replays: readonly Commit[]): string[] {
  const logs = new Map(engines.map((one) => [place(one), parseMark(one.metadata)?.log]))
  return replays.flatMap((commit) => {
    const mark = parseReplayMark(commit.metadata)
    if (mark === null || mark.log !== logs.get(place(commit))) return []
    const again = `\`ttpstream replay --topic ${commit.topic}\` finishes it`
    return [`a replay left ${place(commit)} ${mark.first}-${mark.last} half done, ${again}`]
  })
}

function place({ topic, partition }: TopicPartition): string {
  return `${topic}:${partition}`
}

/** Not only of finished blocks: the very first one may have been left half done. */
async function hasRows(server: ReturnType<typeof sqlServer>): Promise<boolean> {
  const names = Object.keys(tables)
    .map((name) => `'${name}'`)
    .join(', ')
  const [row] = await server.query<{ rows: number }>(
    `SELECT sum(total_rows) AS rows FROM system.tables
     WHERE database = currentDatabase() AND name IN (${names})`,
  )
  return Number(row?.rows ?? 0) > 0
}
