import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readConfig } from '../core/config.ts'
import { ConfigError, messageOf } from '../core/error.ts'
import { readRuleFile, readRuleFolders } from '../rules/folder-listing.ts'
import { ruleContext } from '../rules/language/context.ts'
import type { RuleFile } from '../rules/loaded-file.ts'
import type { Rule } from '../rules/rule.ts'
import { checkRules } from '../rules/tools/check.ts'
import { ruleFolders } from './rule-folders.ts'

/** Rule files of the named files and folders; without any, those that `run` would load. */
export function readRules(paths: readonly string[]): readonly RuleFile[] {
  if (paths.length === 0) return readRuleFolders(ruleFolders(readConfig()))
  return paths.flatMap((path) => {
    if (!existsSync(path)) throw new ConfigError('rules-missing', `${path} is not there.`)
    return statSync(path).isDirectory() ? readRuleFolders([path]) : [readRuleFile(path)]
  })
}

/** The rules that load, whatever else is wrong. */
export function loadRules(paths: readonly string[]): readonly Rule[] {
  const { rules } = checkRules(readRules(paths), ruleContext()).ruleSet
  if (rules.length > 0) return rules
  const where = paths.length === 0 ? 'the rule folders' : paths.join(', ')
  throw new ConfigError('no-rules', `No rule loads from ${where}: \`rules check\` says why.`)
}

/** A folder as it is, or as it was at a git ref: `rules/web` or `HEAD~3:rules/web`. */
export function loadVersion(name: string): readonly Rule[] {
  if (existsSync(name)) return loadRules([name])
  const [ref = '', path = 'rules'] = name.split(':')
  const folder = mkdtempSync(join(tmpdir(), 'ttpstream-rules-'))
  try {
    const archive = join(folder, 'rules.tar')
    execFileSync('git', ['archive', '--output', archive, '--', ref, path], { stdio: 'pipe' })
    execFileSync('tar', ['-xf', archive, '-C', dirname(archive)])
    return loadRules([join(folder, path)])
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    const reason = messageOf(cause).split('\n')[0]
    throw new ConfigError('rules-missing', `${name} is neither a folder nor a git ref: ${reason}`, {
      cause,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
