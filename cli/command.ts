/**
 * What a command of the CLI is. Parsing, `--help` and the reference page come from these declarations.
 */

import { parseArgs } from 'node:util'
import { ConfigError, messageOf } from '../core/error.ts'

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly doc: string
  /** How the value is called in the help. */
  readonly value?: string
  readonly default?: string
}

export type Options = Readonly<Record<string, string | boolean | undefined>>

export interface Arguments {
  readonly options: Options
  readonly rest: readonly string[]
}

export interface Io {
  out(text: string): void
  err(text: string): void
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
}

export interface Command {
  /** One or two words: `run`, `rules check`. */
  readonly name: string
  readonly summary: string
  /** Positional arguments, as written in the usage line. */
  readonly usage?: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Resolves to the exit code: 0 well, 1 the answer is no, 2 a rule is wrong, 3 a setting is wrong. */
  run(args: Arguments, io: Io): Promise<number>
}

/** Throws `ConfigError` for an option that the command does not have. */
export function parseArguments(command: Command, words: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type }]) => [name, { type }]),
  )
  try {
    const parsed = parseArgs({ args: [...words], options, allowPositionals: true })
    return { options: parsed.values, rest: parsed.positionals }
  } catch (cause) {
    const message = `${messageOf(cause)}\n\n${helpOf(command)}`
    throw new ConfigError('bad-arguments', message, { cause })
  }
}

/** The text of an option: given, or its declared default, or ''. */
export function textOption(command: Command, { options }: Arguments, name: string): string {
  const given = options[name]
  return typeof given === 'string' ? given : (command.options[name]?.default ?? '')
}

export function helpOf(command: Command): string {
  const usage = `Usage: ttpstream ${command.name}${command.usage ? ` ${command.usage}` : ''} [options]`
  const rows = Object.entries(command.options).map(([name, spec]) => {
    const flag = `  --${name}${spec.type === 'string' ? ` ${spec.value ?? 'TEXT'}` : ''}`
    const fallback = spec.default === undefined ? '' : ` (default: ${spec.default})`
    return `${flag.padEnd(26)} ${spec.doc}${fallback}`
  })
  return [command.summary, '', usage, ...(rows.length > 0 ? ['', ...rows] : [])].join('\n')
}

export function overviewOf(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`)
  return [
    'ttpstream: tests, alerts and commands from Kafka, tagged with ATT&CK, answerable in ClickHouse.',
    '',
    'Usage: ttpstream COMMAND [options]',
    '',
    ...rows,
    '',
    '`ttpstream COMMAND --help` tells more; `ttpstream config` lists the settings (TTPSTREAM_…).',
  ].join('\n')
}
