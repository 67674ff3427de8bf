#!/usr/bin/env node
/** The command line: finds the command, gives it its arguments, turns errors into exit codes. */

import { setFlagsFromString } from 'node:v8'
import { formatDiagnostic } from '../core/diagnostic.ts'
import { ConfigError, messageOf, RuleError, TransientError } from '../core/error.ts'
import { type Command, helpOf, type Io, overviewOf, parseArguments } from './command.ts'
import { commands } from './commands.ts'
import { version } from './version.ts'

// A full collection when the heap has grown by so much, percent. V8's own measure is throughput: with
// SigmaHQ's rules it let 95 MB of live heap grow to 190, and the process beyond 400.
setFlagsFromString('--heap-growing-percent=60')

const controller = new AbortController()
const io: Io = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  signal: controller.signal,
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second one does not wait for anything.
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  })
}
// `… | head` has read enough.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  process.exit(cause.code === 'EPIPE' ? 0 : 1)
})
process.exitCode = await main(process.argv.slice(2))
// A worker's clients may hold timers; a command that has ended has ended.
process.exit()

async function main(words: readonly string[]): Promise<number> {
  const [first = '--help'] = words
  if (first === '--help' || first === 'help') {
    io.out(`${overviewOf(commands)}\n`)
    return 0
  }
  if (first === '--version') {
    io.out(`${version}\n`)
    return 0
  }
  const command = find(words)
  if (command === undefined) {
    io.err(`There is no command \`${first}\`.\n\n${overviewOf(commands)}\n`)
    return 3
  }
  const rest = words.slice(command.name.split(' ').length)
  if (rest.includes('--help')) {
    io.out(`${helpOf(command)}\n`)
    return 0
  }
  try {
    return await command.run(parseArguments(command, rest), io)
  } catch (thrown) {
    return explain(thrown)
  }
}

function find(words: readonly string[]): Command | undefined {
  const two = words.slice(0, 2).join(' ')
  return commands.find(({ name }) => name === two) ?? commands.find(({ name }) => name === words[0])
}

function explain(thrown: unknown): number {
  if (thrown instanceof RuleError) {
    const { diagnostics } = thrown.details
    const list = Array.isArray(diagnostics) ? diagnostics : []
    io.err(`${thrown.message}\n${list.map(formatDiagnostic).join('\n')}\n`)
    return 2
  }
  if (thrown instanceof ConfigError) {
    io.err(`${thrown.message}\n`)
    return 3
  }
  // A server is unwell: where in our code that was noticed helps nobody.
  if (thrown instanceof TransientError) {
    io.err(`${thrown.message}\n`)
    return 1
  }
  io.err(`${thrown instanceof Error && thrown.stack ? thrown.stack : messageOf(thrown)}\n`)
  return 1
}
