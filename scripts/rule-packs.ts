import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readRuleFolders } from '../rules/folder-listing.ts'
import { ruleContext } from '../rules/language/context.ts'
import { buildRuleSet } from '../rules/rule-set.ts'
import { rulePackPage } from './rule-pack-page.ts'

/** Writes docs/rule-packs.md. */

const root = new URL('..', import.meta.url)
const folder = fileURLToPath(new URL('rules', root))
const { rules } = buildRuleSet(readRuleFolders([folder]), ruleContext())
writeFileSync(new URL('docs/rule-packs.md', root), rulePackPage(rules))
