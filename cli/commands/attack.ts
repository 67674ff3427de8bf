/** A new release of ATT&CK: what it changes for us, and its facts in the form that is pinned. */

import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../core/clock.ts'
import { readConfig } from '../../core/config.ts'
import { ConfigError, messageOf } from '../../core/error.ts'
import { type AttackFacts, buildAttack, pinnedFile, readPinned } from '../../schemas/attack.ts'
import { type AttackBundle, parseAttackBundle } from '../../schemas/attack-bundle.ts'
import { type AttackDiff, diffAttack, nextFacts, staleIds } from '../../schemas/attack-release.ts'
import { formatAttackDiff, formatFacts } from '../attack-text.ts'
import { type AttackUse, findAttackUses, findStoredUses, type StoredUse } from '../attack-uses.ts'
import { type Arguments, type Command, textOption } from '../command.ts'
import { ruleFolders } from '../rule-folders.ts'
import { createViews } from '../views.ts'

/** MITRE's Enterprise bundle of 18.1 has 50 MB. */
const bundleBytesMax = 256 << 20
const project = fileURLToPath(new URL('../..', import.meta.url))

const options = {
  in: {
    type: 'string',
    value: 'FOLDERS',
    doc: 'Where to look for what names a technique, by commas; the project and the rules in force unless given.',
  },
  json: { type: 'boolean', doc: 'For machines.' },
  store: { type: 'boolean', doc: 'Ask the database too, for mappings of assets and tests.' },
  release: { type: 'string', value: 'N.N', doc: 'Of the bundles, where they do not say.' },
} as const

const diff: Command = {
  name: 'attack diff',
  usage: 'BUNDLE.json …',
  summary:
    'Compare another ATT&CK release (STIX bundles of MITRE) with the pinned one, and find the rules, mappings and tests that name what changed. Exit 1 if there are any.',
  options,
  async run(args, io) {
    const { change, uses } = await compare(diff, args)
    io.out(
      args.options['json'] === true ? jsonOf({ ...change, uses }) : formatAttackDiff(change, uses),
    )
    return uses.length > 0 ? 1 : 0
  },
}

const upgrade: Command = {
  name: 'attack upgrade',
  usage: 'BUNDLE.json …',
  summary:
    'Write the facts of another ATT&CK release in the form that is pinned, and say what has to be edited then. Exit 1 if there is more than the name of the file.',
  options: {
    ...options,
    out: {
      type: 'string',
      value: 'FOLDER',
      doc: 'Where to write; beside the pinned release unless given.',
    },
  },
  async run(args, io) {
    const { change, uses, next } = await compare(upgrade, args)
    const given = textOption(upgrade, args, 'out')
    const file = join(
      given === '' ? fileURLToPath(new URL('.', pinnedFile)) : given,
      `attack-${next.release}.json`,
    )
    if (existsSync(file)) {
      throw new ConfigError('attack-there', `${file} is there already; remove it, or give --out.`)
    }
    write(file, formatFacts(next))
    const edits = [
      `schemas/attack.ts: let \`pinnedFile\` name attack-${next.release}.json`,
      `schemas/attack/NOTICE.md: name release ${next.release}`,
    ]
    if (args.options['json'] === true) io.out(jsonOf({ file, edits, ...change, uses }))
    else {
      io.out(formatAttackDiff(change, uses))
      io.out(
        `\nWritten: ${file}\nTo put it in force:\n${edits.map((edit) => `  ${edit}\n`).join('')}`,
      )
      if (uses.length > 0) io.out(`  and edit what is named above (${uses.length} places)\n`)
    }
    return uses.length > 0 ? 1 : 0
  },
}

export const attackCommands: readonly Command[] = [diff, upgrade]

interface Comparison {
  readonly change: AttackDiff
  readonly uses: readonly (AttackUse | StoredUse)[]
  readonly next: AttackFacts
}

async function compare(command: Command, args: Arguments): Promise<Comparison> {
  if (args.rest.length === 0) {
    throw new ConfigError(
      'bad-arguments',
      `Give a bundle: \`${command.name} enterprise-attack.json\`.`,
    )
  }
  const bundles = args.rest.map(readBundle)
  const domains = bundles.map(({ domain }) => domain)
  if (new Set(domains).size < domains.length) {
    throw new ConfigError(
      'bad-arguments',
      `Two of the bundles are ${domains.join(' and ')}; give one a domain.`,
    )
  }
  const old = readPinned()
  const next = nextFacts(old, bundles, releaseOf(command, args, bundles))
  // Whatever reads the pinned release must be able to read this one.
  buildAttack(next)
  const change = diffAttack(old, next, domains)
  const named = textOption(command, args, 'in')
  const folders = named === '' ? [project, ...ruleFolders(readConfig())] : named.split(',')
  const ids = staleIds(change)
  const stored = args.options['store'] === true ? await storedUses(ids) : []
  return { change, uses: [...findAttackUses(folders, ids), ...stored], next }
}

async function storedUses(ids: ReadonlySet<string>): Promise<readonly StoredUse[]> {
  const views = createViews(readConfig())
  try {
    return await findStoredUses(views, ids, systemClock.now() / 1_000)
  } finally {
    await views.close()
  }
}

function readBundle(file: string): AttackBundle {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isFile()) {
    throw new ConfigError(
      'bundle-missing',
      `${file} is no file. Bundles are published by MITRE: attack-stix-data.`,
    )
  }
  if (stat.size > bundleBytesMax) {
    throw new ConfigError(
      'bundle-too-large',
      `${file} has ${stat.size} bytes; the most is ${bundleBytesMax}.`,
    )
  }
  const parsed = parseAttackBundle(parseJson(file))
  if (parsed.ok) return parsed.value
  const list = parsed.problems.map((problem) => `  ${problem}`).join('\n')
  throw new ConfigError('bad-bundle', `${file} is not an ATT&CK bundle that can be used:\n${list}`)
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new ConfigError('bad-bundle', `${file} is not JSON: ${messageOf(cause)}`, { cause })
  }
}

function releaseOf(command: Command, args: Arguments, bundles: readonly AttackBundle[]): string {
  const given = textOption(command, args, 'release')
  const told = new Set(given === '' ? bundles.flatMap(({ release }) => release ?? []) : [given])
  const [release, ...others] = told
  if (release === undefined) {
    throw new ConfigError(
      'no-release',
      'The bundle does not say its release; give --release, such as 19.0.',
    )
  }
  if (others.length > 0) {
    throw new ConfigError(
      'no-release',
      `The bundles are of ${[...told].join(' and ')}; give those of one release.`,
    )
  }
  if (!/^\d{1,4}(?:\.\d{1,4}){0,2}$/.test(release)) {
    throw new ConfigError(
      'no-release',
      `${release.slice(0, 40)} is no release; give --release, such as 19.0.`,
    )
  }
  return release
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (cause) {
    throw new ConfigError('not-written', `${file} cannot be written: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function jsonOf(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
