import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createLog, silentLog } from '../../core/log.ts'
import { type Command, type Io, textOption } from '../command.ts'
import { startDevStack } from '../dev-stack.ts'
import { createKafka } from '../kafka.ts'
import { countsOf, recordsIn } from '../progress.ts'
import { readSample, replaySample } from '../sample.ts'
import { startWorker, type Worker } from '../worker.ts'
import { untilStopped } from './run.ts'

const statusMs = 500
/** Between two lines where the output is no terminal. */
const quietStatusMs = 5_000

export const dev: Command = {
  name: 'dev',
  summary: 'Everything on this machine: broker, ClickHouse, engine, API, and sample data.',
  options: {
    data: { type: 'string', value: 'FOLDER', default: '.ttpstream', doc: 'Where the data lives.' },
    'no-sample': { type: 'boolean', doc: 'Do not replay the sample recordings.' },
  },
  async run(args, io) {
    const dataDir = textOption(dev, args, 'data')
    io.out('Starting the broker and ClickHouse…\n')
    const stack = await startDevStack({ dataDir, hasUsualPorts: true })
    try {
      const log = createLog('info', join(dataDir, 'ttpstream.log'))
      const kafka = createKafka(stack.config, silentLog)
      // Asked before the worker begins: it publishes records of its own.
      const hasData = (await recordsIn(kafka, stack.config)) > 0
      const worker = await startWorker(stack.config, log)
      io.out(welcome(worker, stack.kafka, stack.clickhouse, dataDir))
      const replay =
        hasData || args.options['no-sample'] === true
          ? Promise.resolve([])
          : replaySample(kafka, stack.config, readSample())
      const status = showStatus(worker, io)
      await Promise.all([replay, untilStopped(worker, io)])
      await status
      io.out('\nStopped. The data stays in place; the next start goes on from here.\n')
      return 0
    } finally {
      await stack.close()
    }
  },
}

function welcome(worker: Worker, kafka: string, clickhouse: string, dataDir: string): string {
  return [
    '',
    `  Page and API   ${worker.api.url}`,
    `  Kafka          ${kafka}   (any client: ttp.commands ttp.alerts ttp.tests ttp.catalog)`,
    `  ClickHouse     ${clickhouse}   (any HTTP client, database ttpstream)`,
    `  Rules          ${worker.rules.rules().length} in force, edit them under rules/ while this runs`,
    `  Data and log   ${dataDir}/`,
    '',
    '  Ctrl-C stops everything.',
    '',
    '',
  ].join('\n')
}

/** One line that stays where it is; a rejected rule scrolls above it. */
async function showStatus(worker: Worker, io: Io): Promise<void> {
  const isTerminal = process.stdout.isTTY === true
  let shown = ''
  let sinceMs = quietStatusMs
  while (!io.signal.aborted) {
    const problems = worker.rules.problems().join('\n')
    if (problems !== shown) {
      shown = problems
      const text = problems === '' ? 'All rules are well again.' : problems
      io.out(`${isTerminal ? '\r\u001b[K' : ''}${text}\n`)
    }
    if (isTerminal || sinceMs >= quietStatusMs) {
      const line = await statusLine(worker)
      io.out(isTerminal ? `\r\u001b[K${line}` : `${line}\n`)
      sinceMs = 0
    }
    await setTimeout(statusMs, undefined, { signal: io.signal }).catch(() => {})
    sinceMs += statusMs
  }
}

async function statusLine(worker: Worker): Promise<string> {
  const { events, tags, deadLetters, lag } = await countsOf(worker)
  const { ready, reasons } = worker.readiness.state()
  const reloaded = new Date(worker.rules.changedAtMs).toTimeString().slice(0, 8)
  const parts = [
    ready ? 'ready' : `not ready: ${reasons.join(', ')}`,
    `${events} events`,
    `${tags} tags`,
    `${deadLetters} dead letters`,
    `lag ${lag}`,
    `${worker.rules.rules().length} rules (changed ${reloaded})`,
  ]
  return parts.join(' · ')
}
