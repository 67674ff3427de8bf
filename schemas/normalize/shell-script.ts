import type { Field, Stream } from './shell-words.ts'

/**
 * Scripts inside a command: the text that `sh -c`, `eval`, `su -c`, `trap` and the like will run,
 * or that a shell reads from its input.
 */

const shells = new Set('sh bash dash ash zsh ksh mksh rbash hush csh tcsh fish'.split(' '))
const readsInput = new Set([...shells, 'at', 'batch'])

/** The scripts that `words` runs, given what stands on its standard input. */
export function scriptsOf(words: readonly Field[], stdin: Stream | null): readonly string[] {
  const name = words[0]?.value ?? ''
  const args = words.slice(1)
  if (name === 'eval') return [args.map((arg) => arg.value).join(' ')]
  if (name === 'trap' && args.length > 1) return [args[0]?.value ?? '']
  if (name === 'su' || name === 'runuser' || name === 'script') return optional(optionC(args))
  if (name === 'find' || name === 'fd') return executed(args)
  if (name === 'source' || name === '.') return optional(substituted(args))
  if (!readsInput.has(name)) return []
  const inline = shells.has(name) ? optionC(args) : undefined
  if (inline !== undefined) return [inline]
  const fromFile = substituted(args)
  if (fromFile !== undefined) return [fromFile]
  const isReading =
    name === 'at' || args.every((arg) => /^-|^\/dev\/(?:stdin|fd\/0)$/.test(arg.value))
  return isReading && stdin !== null ? [stdin.text] : []
}

function optional(text: string | undefined): readonly string[] {
  return text === undefined ? [] : [text]
}

/** The argument of `-c`, which may stand in a cluster (`-xc`) and be followed by other options. */
function optionC(args: readonly Field[]): string | undefined {
  let isFound = false
  for (let at = 0; at < args.length; at++) {
    const value = args[at]?.value ?? ''
    if (/^[-+][A-Za-z]*o$/.test(value)) at++
    else if (value === '--command') isFound = true
    else if (/^-[A-Za-z]*c[A-Za-z]*$/.test(value)) isFound = true
    else if (isFound && !/^[-+]/.test(value)) return value
  }
  return undefined
}

function substituted(args: readonly Field[]): string | undefined {
  return args.find((arg) => arg.substituted !== null)?.substituted?.text
}

/** The commands of `-exec … ;`, `-exec … +` and their kind. */
function executed(args: readonly Field[]): readonly string[] {
  const scripts: string[] = []
  let current: string[] | null = null
  for (const { value, shown } of args) {
    if (/^-(?:exec|execdir|ok|okdir)$/.test(value)) current = []
    else if (current !== null && (value === ';' || value === '+')) {
      scripts.push(current.join(' '))
      current = null
    } else current?.push(shown)
  }
  if (current !== null) scripts.push(current.join(' '))
  return scripts.filter((script) => script !== '')
}
