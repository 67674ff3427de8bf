import { decodeEscapes } from './shell-escape.ts'
import type { Stream } from './shell-words.ts'

/**
 * What a command writes, for the few whose output follows from the line alone: the ones that people
 * use to hide another command. null is "not known".
 */

export const outputMax = 16_384
const formatRoundsMax = 64
const setMax = 512

type Writer = (args: readonly string[], stdin: Stream | null) => Stream | null

export function outputOf(
  name: string,
  args: readonly string[],
  stdin: Stream | null,
): Stream | null {
  const writer = Object.hasOwn(writers, name) ? writers[name] : undefined
  const output = writer?.(args, stdin) ?? null
  if (output === null || output.text.length <= outputMax) return output
  return { text: output.text.slice(0, outputMax), isDecoded: output.isDecoded }
}

/** Text that a person could have written: no control characters, no broken UTF-8. */
export function isText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
  return text.length > 0 && !/[\x00-\x08\x0e-\x1f\x7f\uFFFD]/.test(text)
}

const silent: Writer = () => ({ text: '', isDecoded: false })
const same: Writer = (_args, stdin) => stdin

const writers: Readonly<Record<string, Writer>> = {
  ':': silent,
  cd: silent,
  export: silent,
  set: silent,
  true: silent,
  unset: silent,
  tee: same,
  cat: (args, stdin) => (args.every((arg) => arg === '-') ? stdin : null),
  echo,
  printf,
  which: (args) => lastOperand(args),
  command: (args) => (/^-[vV]$/.test(args[0] ?? '') ? lastOperand(args) : null),
  base64: (args, stdin) =>
    isOnlyOptions(args) && hasOption(args, 'dD', ['--decode']) ? fromBase64(stdin) : null,
  openssl: (args, stdin) =>
    args.includes('-d') && (args[0] === 'base64' || args.some((arg) => /^-(?:base64|a)$/.test(arg)))
      ? fromBase64(stdin)
      : null,
  xxd: (args, stdin) =>
    hasOption(args, 'r', ['-revert']) && hasOption(args, 'p', ['-ps', '-plain'])
      ? fromHex(stdin)
      : null,
  rev: (args, stdin) =>
    args.length > 0 || stdin === null
      ? null
      : decoded(
          stdin.text
            .split('\n')
            .map((line) => [...line].reverse().join(''))
            .join('\n'),
        ),
  tr: translate,
}

function decoded(text: string): Stream {
  return { text, isDecoded: true }
}

function hasOption(args: readonly string[], letters: string, words: readonly string[]): boolean {
  return args.some(
    (arg) =>
      words.includes(arg) ||
      (/^-[A-Za-z]+$/.test(arg) && [...letters].some((letter) => arg.includes(letter, 1))),
  )
}

function isOnlyOptions(args: readonly string[]): boolean {
  return args.every((arg) => arg.startsWith('-'))
}

function lastOperand(args: readonly string[]): Stream | null {
  const operand = args.at(-1)
  return operand === undefined || operand.startsWith('-')
    ? null
    : { text: `${operand}\n`, isDecoded: false }
}

function echo(args: readonly string[]): Stream {
  let first = 0
  let isEscaped = false
  while (/^-[neE]+$/.test(args[first] ?? '')) {
    isEscaped ||= args[first]?.includes('e') === true
    first++
  }
  const text = args.slice(first).join(' ')
  const out = isEscaped ? decodeEscapes(text) : text
  return { text: `${out}\n`, isDecoded: isEscaped && /\\[x0-7]/.test(text) }
}

function printf(args: readonly string[]): Stream | null {
  const format = args[0]
  if (format === undefined || format.startsWith('-')) return null
  const values = args.slice(1, 1 + formatRoundsMax)
  let text = ''
  for (let round = 0; round === 0 || values.length > 0; round++) {
    const before = values.length
    text += decodeEscapes(format).replace(/%(%|[-0-9.]{0,8}[sbcdiux])/g, (_all, what: string) => {
      if (what === '%') return '%'
      const value = values.shift() ?? ''
      return what.endsWith('b') ? decodeEscapes(value) : value
    })
    if (values.length === before || text.length > outputMax) break
  }
  return { text, isDecoded: /\\[x0-7]/.test(args.slice(0, 1 + formatRoundsMax).join(' ')) }
}

function fromBase64(stdin: Stream | null): Stream | null {
  const text = stdin?.text.replace(/\s+/g, '') ?? ''
  if (text.length < 4 || !/^[A-Za-z0-9+/_-]+={0,3}$/.test(text)) return null
  return decoded(Buffer.from(text, 'base64').toString('utf8'))
}

function fromHex(stdin: Stream | null): Stream | null {
  const text = stdin?.text.replace(/\s+/g, '') ?? ''
  if (text.length < 4 || !/^[0-9a-fA-F]+$/.test(text)) return null
  return decoded(Buffer.from(text, 'hex').toString('utf8'))
}

/** `tr FROM TO` and `tr -d SET`, with ranges. */
function translate(args: readonly string[], stdin: Stream | null): Stream | null {
  if (stdin === null) return null
  const [first, second] = args
  if (first === undefined || second === undefined) return null
  if (first === '-d') {
    const dropped = new Set(characters(second))
    return decoded([...stdin.text].filter((char) => !dropped.has(char)).join(''))
  }
  if (first.startsWith('-')) return null
  const from = characters(first)
  const to = characters(second)
  const map = new Map(from.map((char, index) => [char, to[index] ?? to.at(-1) ?? char]))
  return decoded([...stdin.text].map((char) => map.get(char) ?? char).join(''))
}

function characters(set: string): readonly string[] {
  const named = set
    .slice(0, setMax)
    .replaceAll('[:upper:]', 'A-Z')
    .replaceAll('[:lower:]', 'a-z')
    .replaceAll('[:digit:]', '0-9')
  const chars: string[] = []
  for (let at = 0; at < named.length && chars.length < setMax; at++) {
    const low = named.charCodeAt(at)
    const high = named.charCodeAt(at + 2)
    if (named.charAt(at + 1) === '-' && high >= low && high - low < 128) {
      for (let code = low; code <= high; code++) chars.push(String.fromCharCode(code))
      at += 2
    } else chars.push(named.charAt(at))
  }
  return chars
}
