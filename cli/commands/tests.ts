import { readFileSync } from 'node:fs'
import { readConfig } from '../../core/config.ts'
import { ConfigError, messageOf } from '../../core/error.ts'
import { silentLog } from '../../core/log.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { type Command, type Io, textOption } from '../command.ts'
import { type ImportFormat, importTests, type TestImport } from '../import/tests.ts'
import { createKafka } from '../kafka.ts'

const sendRecordsMax = 500
const shownMax = 20

export const testsImport: Command = {
  name: 'tests import',
  usage: 'FILE',
  summary:
    'Publish the tests of a VECTR export (CSV, JSON), an Atomic Red Team execution log or a CSV. Exit 1 if lines are left out.',
  options: {
    format: { type: 'string', value: 'NAME', doc: 'vectr, atomic or csv; else by the columns.' },
    zone: { type: 'string', value: 'OFFSET', doc: 'Of times that name none: Z or +02:00.' },
    'dry-run': { type: 'boolean', doc: 'Only show how columns and lines are understood.' },
  },
  async run(args, io) {
    const [file, ...others] = args.rest
    if (file === undefined || others.length > 0)
      throw new ConfigError('bad-arguments', 'give FILE.')
    const format = formatOption(textOption(testsImport, args, 'format'))
    const zone = zoneOption(textOption(testsImport, args, 'zone'))
    const result = read(file, { zone, ...(format === undefined ? {} : { format }) })
    const isDry = args.options['dry-run'] === true
    io.out(mappingText(result))
    if (isDry) {
      for (const { line, record } of result.tests.slice(0, shownMax)) {
        io.out(`${file}:${line}: ${JSON.stringify(record)}\n`)
      }
      const more = result.tests.length - shownMax
      if (more > 0) io.out(`… and ${more} more\n`)
    }
    for (const { line, problem } of result.problems) io.err(`${file}:${line}: ${problem}\n`)
    if (!isDry) await publish(result, io)
    const done = isDry ? 'would be published' : 'published'
    io.out(`${result.tests.length} tests ${done}, ${result.problems.length} lines left out\n`)
    return result.problems.length > 0 ? 1 : 0
  },
}

function read(file: string, options: Parameters<typeof importTests>[1]): TestImport {
  try {
    return importTests(readFileSync(file, 'utf8'), options)
  } catch (cause) {
    throw new ConfigError('bad-import', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

async function publish({ tests }: TestImport, io: Io): Promise<void> {
  const config = readConfig()
  const topic = config.text('TTPSTREAM_TOPIC_TESTS')
  const sink = new KafkaSink(createKafka(config, silentLog))
  try {
    for (let from = 0; from < tests.length && !io.signal.aborted; from += sendRecordsMax) {
      const part = tests.slice(from, from + sendRecordsMax)
      await sink.send(
        part.map(({ record }) => {
          return { topic, key: String(record['test_id']), value: JSON.stringify(record) }
        }),
      )
      io.err(`${from + part.length} of ${tests.length}\n`)
    }
  } finally {
    await sink.close()
  }
}

function mappingText({ format, mapping }: TestImport): string {
  const rows = [...mapping].map(([column, field]) => {
    return `  ${column.padEnd(28)} ${field ?? 'source (kept, not understood)'}`
  })
  return `Read as ${format}:\n${rows.join('\n')}\n`
}

function formatOption(text: string): ImportFormat | undefined {
  if (text === '') return undefined
  if (text === 'vectr' || text === 'atomic' || text === 'csv') return text
  throw new ConfigError('bad-arguments', `--format is "${text}"; give vectr, atomic or csv.`)
}

function zoneOption(text: string): string {
  if (text === '' || /^(?:Z|[+-]\d\d:\d\d)$/.test(text)) return text
  throw new ConfigError('bad-arguments', `--zone is "${text}"; give Z or an offset such as +02:00.`)
}
