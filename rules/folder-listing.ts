import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../core/error.ts'
import type { RuleFile } from './loaded-file.ts'

/**
 * What lies in rule folders now, as far as rules go. Symbolic links are followed, each place once.
 * The files of a folder come by name.
 */
export interface Listing {
  readonly files: ReadonlyMap<string, ListedFile>
  /** Every folder that was listed. */
  readonly directories: ReadonlySet<string>
  /** Of the files, those that are links. */
  readonly links: ReadonlySet<string>
  /** Folders that are not there, or cannot be listed, with the reason. */
  readonly problems: ReadonlyMap<string, string>
}

export interface ListedFile {
  /** Changes whenever the content can have changed: inode, size, and both times. */
  readonly stamp: string
  readonly isEmpty: boolean
}

/** Beyond these a folder is not one of rules, and listing it would stall the process. */
export const filesMax = 50_000
const depthMax = 16
const fileBytesMax = 8 * 1024 * 1024

/** Editors' and other tools' own files, and hidden ones, are none: `.a.yaml.swp`, `#a.yaml#`, `a.yaml~`. */
export function isRuleFileName(name: string): boolean {
  return /^[^.#~].*\.ya?ml$/i.test(name)
}

export function listRuleFolders(folders: readonly string[]): Listing {
  const found = {
    files: new Map<string, ListedFile>(),
    directories: new Set<string>(),
    links: new Set<string>(),
    problems: new Map<string, string>(),
  }
  for (const folder of folders) walk(folder, 0, new Set(), found)
  return found
}

/** One file as `listRuleFolders` would list it; undefined when it is not there. */
export function statRuleFile(path: string): ListedFile | undefined {
  const stats = statsOf(path)
  return stats?.isFile() ? listedFile(stats) : undefined
}

/** Tells one folder from another at the same place; 0 when it is not there. */
export function inodeOf(folder: string): number {
  return statsOf(folder)?.ino ?? 0
}

/** Reads one listed file. It may be gone, or forbidden, by now. */
export function readRuleFile(path: string): RuleFile {
  try {
    if (statSync(path).size > fileBytesMax) {
      return { path, problem: `larger than ${fileBytesMax} bytes` }
    }
    return { path, text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) }
  } catch (thrown) {
    return { path, problem: messageOf(thrown) }
  }
}

/** Every rule file of some folders, read. For a process that does not watch. */
export function readRuleFolders(folders: readonly string[]): readonly RuleFile[] {
  return [...listRuleFolders(folders).files.keys()].map(readRuleFile)
}

interface Found extends Listing {
  readonly files: Map<string, ListedFile>
  readonly directories: Set<string>
  readonly links: Set<string>
  readonly problems: Map<string, string>
}

function walk(folder: string, depth: number, ancestors: ReadonlySet<string>, found: Found): void {
  try {
    const real = realpathSync(folder)
    if (ancestors.has(real) || depth > depthMax) return
    const inside = new Set([...ancestors, real])
    found.directories.add(folder)
    const entries = readdirSync(folder, { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name)
      const mayBeFile = entry.isFile() || entry.isSymbolicLink()
      if (mayBeFile && isRuleFileName(entry.name)) {
        const stats = statsOf(path)
        if (stats?.isFile() && found.files.size < filesMax) {
          found.files.set(path, listedFile(stats))
          if (entry.isSymbolicLink()) found.links.add(path)
        } else if (stats?.isDirectory()) walk(path, depth + 1, inside, found)
      } else if (!entry.name.startsWith('.') && !entry.isFile()) {
        if (entry.isDirectory() || statsOf(path)?.isDirectory()) {
          walk(path, depth + 1, inside, found)
        }
      }
    }
  } catch (thrown) {
    const hasVanished = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT'
    if (depth === 0 || !hasVanished) found.problems.set(folder, messageOf(thrown))
  }
}

/** Undefined for a link to nowhere, or in a circle. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function listedFile(stats: Stats): ListedFile {
  const { dev, ino, size, mtimeMs, ctimeMs } = stats
  return { stamp: [dev, ino, size, mtimeMs, ctimeMs].join(), isEmpty: size === 0 }
}
