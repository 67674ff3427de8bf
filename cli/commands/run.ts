import { setTimeout } from 'node:timers/promises'
import { type Config, readConfig } from '../../core/config.ts'
import { messageOf, TransientError } from '../../core/error.ts'
import { createLog, type Log, type LogLevel } from '../../core/log.ts'
import type { Command, Io } from '../command.ts'
import { createKafka, ensureTopics } from '../kafka.ts'
import { checkDatabase, migrateDatabase } from '../migrate-database.ts'
import { untilQuiet } from '../until-quiet.ts'
import { startWorker, type Worker } from '../worker.ts'
import { databaseAddress } from './migrate.ts'

const waitMs = 2_000

export const run: Command = {
  name: 'run',
  summary: 'Run an engine and its API against Kafka and ClickHouse.',
  options: { migrate: { type: 'boolean', doc: 'Migrate the database first.' } },
  async run({ options }, io) {
    const config = readConfig()
    const log = createLog(logLevel(config))
    log.info({ settings: config.masked() }, 'starting')
    const migrates = options['migrate'] === true
    // Asked to stop, it waits for no server: what was begun is taken up by the next start.
    const worker = await Promise.race([start(config, log, io, migrates), asked(io)])
    if (worker === null) return 0
    log.info({ api: worker.api.url }, 'started')
    await untilStopped(worker, io)
    log.info({}, 'stopped')
    return 0
  },
}

/** Null where it was asked to stop before its servers were there. */
async function start(config: Config, log: Log, io: Io, migrates: boolean): Promise<Worker | null> {
  await untilThere('ClickHouse', log, io, async () => {
    if (migrates) await migrateFirst(config, log, io)
    else await checkDatabase(databaseAddress(config))
  })
  const kafka = createKafka(config, log)
  await untilThere('Kafka', log, io, () => ensureTopics(kafka, config))
  return io.signal.aborted ? null : startWorker(config, log)
}

/** Waits for the engine to fail or for the signal; closes the worker either way. */
export async function untilStopped(worker: Worker, io: Io): Promise<void> {
  try {
    await Promise.race([worker.running, asked(io)])
  } finally {
    await worker.close()
  }
}

/** Resolves when it is asked to stop. */
function asked({ signal }: Io): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
}

async function migrateFirst(config: Config, log: Log, io: Io): Promise<void> {
  const say = (text: string) => log.warn({}, text)
  const beforeChange = () => untilQuiet(config, { say, signal: io.signal })
  await migrateDatabase(databaseAddress(config), { beforeChange })
}

export function logLevel(config: Config): LogLevel {
  const level = config.text('TTPSTREAM_LOG_LEVEL')
  return level === 'debug' || level === 'warn' || level === 'error' || level === 'silent'
    ? level
    : 'info'
}

/** A server that is away is waited for; anything else is an error at once. */
async function untilThere(
  what: string,
  log: Log,
  io: Io,
  work: () => Promise<void>,
): Promise<void> {
  while (!io.signal.aborted) {
    try {
      await work()
      return
    } catch (cause) {
      if (!isAway(cause)) throw cause
      log.warn({ error: messageOf(cause) }, `waiting for ${what}`)
      await setTimeout(waitMs)
    }
  }
}

function isAway(cause: unknown): boolean {
  if (cause instanceof TransientError) return true
  return cause instanceof Error && cause.name.startsWith('KafkaJS')
}
