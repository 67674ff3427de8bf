import type { Field } from './shell-words.ts'
import { plainField } from './shell-words.ts'

/**
 * Commands that run another command: what they take before it, as data, and how to find it.
 */

interface Prefix {
  /** Short options that take a value, as letters. */
  readonly valued?: string
  /** Long options that take a value as the next argument. */
  readonly long?: readonly string[]
  /** Operands of its own that come before the command. */
  readonly operands?: number
  /** With one of these options it asks about a command and runs none. */
  readonly asks?: RegExp
}

const prefixes: Readonly<Record<string, Prefix>> = {
  sudo: {
    valued: 'ugphCrtTUDR',
    long: ['--user', '--group', '--prompt', '--host', '--role', '--type', '--chdir', '--chroot'],
    asks: /^(?:-[A-Za-z]*[lveVK]|--list|--edit|--validate|--version)$/,
  },
  doas: { valued: 'uC' },
  pkexec: { long: ['--user'] },
  env: { valued: 'uC', long: ['--unset', '--chdir'] },
  busybox: { asks: /^--(?:list|install|help)/ },
  toybox: {},
  nohup: {},
  setsid: {},
  time: { valued: 'fo', long: ['--format', '--output'] },
  exec: { valued: 'a' },
  command: { asks: /^-[A-Za-z]*[vV]/ },
  builtin: {},
  nice: { valued: 'n', long: ['--adjustment'] },
  ionice: { valued: 'cn' },
  chrt: { operands: 1 },
  taskset: { operands: 1 },
  timeout: { valued: 'sk', long: ['--signal', '--kill-after'], operands: 1 },
  stdbuf: { valued: 'ioe', long: ['--input', '--output', '--error'] },
  unbuffer: {},
  xargs: {
    valued: 'IinLlPsdEa',
    long: ['--max-args', '--max-procs', '--replace', '--delimiter', '--arg-file', '--max-lines'],
  },
  parallel: { valued: 'jNIa' },
  watch: { valued: 'nd', long: ['--interval'] },
  chroot: { operands: 1 },
  unshare: {},
  nsenter: { valued: 'tSG', long: ['--target'] },
  proxychains: { valued: 'f' },
  proxychains4: { valued: 'f' },
  torsocks: {},
}

/** Words of the shell's grammar that may stand before a command. */
const reserved = new Set(['if', 'then', 'elif', 'else', 'while', 'until', 'do', '!', 'coproc'])

const prefixesMax = 8
const binDirectory = /^\/(?:(?:usr|opt|system|snap)\/)?(?:local\/)?s?bin\/([^/]+)$/

export function withoutReserved(words: readonly Field[]): readonly Field[] {
  let first = 0
  while (first < words.length - 1 && reserved.has(words[first]?.value ?? '')) first++
  return words.slice(first)
}

export function withoutAssignments(words: readonly Field[]): readonly Field[] {
  const first = words.findIndex((word) => !word.isAssignment)
  return first === -1 ? [] : words.slice(first)
}

/** What is left of a command behind each of its prefixes; the last is what runs in the end. */
export function targetsOf(words: readonly Field[]): readonly (readonly Field[])[] {
  let target = words
  const targets: (readonly Field[])[] = []
  while (targets.length < prefixesMax) {
    const name = target[0]?.value ?? ''
    const prefix = Object.hasOwn(prefixes, name) ? prefixes[name] : undefined
    if (prefix === undefined) break
    const first = firstOfTarget(target, prefix)
    if (first >= target.length) break
    target = withShortName(target.slice(first))
    targets.push(target)
  }
  return targets
}

/** Index of the word where the prefixed command begins; beyond the end where there is none. */
function firstOfTarget(words: readonly Field[], prefix: Prefix): number {
  let operands = prefix.operands ?? 0
  let at = 1
  for (; at < words.length; at++) {
    const word = words[at]
    const value = word?.value ?? ''
    if (word === undefined) break
    if (word.isAssignment || /^[A-Za-z_][A-Za-z0-9_]*=/.test(value)) continue
    if (value === '--') return at + 1 + operands
    if (value.startsWith('-') && value.length > 1) {
      if (prefix.asks?.test(value) === true) return words.length
      if (takesNext(value, prefix)) at++
    } else if (operands > 0) operands--
    else break
  }
  return at
}

function takesNext(option: string, prefix: Prefix): boolean {
  if (option.startsWith('--')) return prefix.long?.includes(option) === true
  const valued = prefix.valued ?? ''
  for (let at = 1; at < option.length; at++) {
    if (valued.includes(option.charAt(at))) return at === option.length - 1
  }
  return false
}

/** `/usr/bin/wget` is `wget`; `/tmp/wget` stays. */
export function withShortName(words: readonly Field[]): readonly Field[] {
  const first = words[0]
  if (first === undefined || !first.value.startsWith('/')) return words
  const name = binDirectory.exec(first.value)?.[1]
  return name === undefined ? words : [plainField(name), ...words.slice(1)]
}

/** `/bin//sh`, `/bin/./sh` and `/bin/../bin/sh` are `/bin/sh`. */
export function cleanPath(path: string): string {
  if (!/^[~.]?\//.test(path) || !/\/\/|\/\.{1,2}(?:\/|$)/.test(path)) return path
  const parts: string[] = []
  for (const part of path.split('/').slice(1)) {
    if (part === '..' && parts.length > 0) parts.pop()
    else if (part !== '' && part !== '.' && part !== '..') parts.push(part)
  }
  const head = path.slice(0, path.indexOf('/'))
  return `${head}/${parts.join('/')}${path.endsWith('/') && parts.length > 0 ? '/' : ''}`
}
