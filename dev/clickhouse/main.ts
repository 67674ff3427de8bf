import { ConfigError, messageOf } from '../../core/error.ts'
import { createLog, type LogLevel } from '../../core/log.ts'
import { type DevClickHouseOptions, startDevClickHouse } from './server.ts'

/**
 * The server as a process of its own: `main.ts '{"dataDir":"…","port":0}'` prints `{"port":…}` when
 * it is ready. SIGTERM and SIGINT close it; so does the end of standard input if `endsWithStdin`.
 */
export interface MainOptions extends Omit<DevClickHouseOptions, 'log'> {
  readonly endsWithStdin?: boolean
  readonly logLevel?: LogLevel
}

// Checked as far as it matters: whoever starts this process writes the options with MainOptions.
const options = JSON.parse(process.argv[2] ?? '{}') as MainOptions
if (typeof options.dataDir !== 'string' || typeof options.port !== 'number') {
  process.stderr.write('main.ts needs one argument: {"dataDir": "folder", "port": number}\n')
  process.exit(3)
}
const server = await startDevClickHouse({
  ...options,
  log: createLog(options.logLevel ?? 'warn'),
}).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(error instanceof ConfigError ? 3 : 1)
})

let isClosing = false
async function close(): Promise<void> {
  if (isClosing) return
  isClosing = true
  await server.close()
  process.exit(0)
}
process.once('SIGTERM', () => void close())
process.once('SIGINT', () => void close())
if (options.endsWithStdin === true) {
  process.stdin.resume()
  process.stdin.once('end', () => void close())
  process.stdin.once('error', () => void close())
}
process.stdout.write(`${JSON.stringify({ port: server.port })}\n`)
