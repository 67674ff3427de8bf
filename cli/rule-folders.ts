import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../core/config.ts'
import { ConfigError } from '../core/error.ts'

const shipped = fileURLToPath(new URL('../rules', import.meta.url))

/** Do the rules come from the catalog topic, where `rules push` puts them? */
export function areRulesFromLog(config: Config): boolean {
  return config.text('TTPSTREAM_RULES') === 'log'
}

/** The folders of rules by the settings; without any, the packs that ship; none if they come from the log. */
export function ruleFolders(config: Config): readonly string[] {
  if (areRulesFromLog(config)) return []
  const named = config.texts('TTPSTREAM_RULES')
  if (named.length === 0) return packFolders()
  for (const folder of named) {
    if (!existsSync(folder) || !statSync(folder).isDirectory()) {
      throw new ConfigError(
        'rules-missing',
        `TTPSTREAM_RULES names ${folder}, which is not a folder.`,
      )
    }
  }
  return named
}

/** Every folder beside the rule language that holds rules. */
export function packFolders(): readonly string[] {
  return readdirSync(shipped, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(shipped, entry.name))
    .filter((folder) => readdirSync(folder).some((name) => name.endsWith('.yaml')))
}
