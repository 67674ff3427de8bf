import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from '../../core/error.ts'

/** Folders in use by this very process, whose id alone would not tell. */
const held = new Set<string>()

/**
 * Claims a folder for this process until the returned function is called. The claim of a process
 * that was killed counts for nothing. Throws `ConfigError` where a living one holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = resolve(folder)
  const file = join(path, 'broker.pid')
  const holder = holderOf(file)
  if (held.has(path) || (holder !== process.pid && isAlive(holder))) {
    throw new ConfigError(
      'folder-in-use',
      `${path} is in use by process ${holder}: stop it, or remove ${file} if that is no broker`,
      { details: { folder: path, holder } },
    )
  }
  writeFileSync(file, `${process.pid}\n`)
  held.add(path)
  return () => {
    if (!held.delete(path)) return
    rmSync(file, { force: true })
  }
}

function holderOf(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10)
  } catch {
    return Number.NaN
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it lives, but is another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
