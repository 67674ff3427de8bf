/**
 * The broker as a process of its own. Options are JSON, from the first argument or from
 * TTPSTREAM_DEV_KAFKA: those of `startDevKafka`, and
 *
 *     logLevel         "warn" unless given; the log goes to standard error
 *     endsWithStdin    ends when standard input does, so that it cannot outlive who started it
 *
 * Prints one line, {"port":…}, when it accepts connections. SIGTERM and SIGINT end it in order.
 */
import { createLog, type LogLevel } from '../../core/log.ts'
import type { DevKafkaSettings } from './options.ts'
import { startDevKafka } from './server.ts'

type ProcessOptions = Partial<DevKafkaSettings> &
  Pick<DevKafkaSettings, 'dataDir'> & {
    readonly logLevel?: LogLevel
    readonly endsWithStdin?: boolean
  }

const { TTPSTREAM_DEV_KAFKA: fromEnvironment } = process.env
// The tests and tools that start it write these options; a wrong one fails at its first use.
const options = JSON.parse(process.argv[2] ?? fromEnvironment ?? '', (_, value) =>
  // JSON has no infinity, and nothing else here may be null.
  value === null ? Number.POSITIVE_INFINITY : value,
) as ProcessOptions
const { logLevel = 'warn', endsWithStdin = false, ...settings } = options

const broker = await startDevKafka({ ...settings, log: createLog(logLevel) })
const end = () => {
  void broker.close().then(() => process.exit(0))
}
process.once('SIGTERM', end)
process.once('SIGINT', end)
if (endsWithStdin) process.stdin.resume().once('end', end).once('close', end)
process.stdout.write(`${JSON.stringify({ port: broker.port })}\n`)
