/** Fails when a test was skipped that the list does not allow: `check-skips.mjs SKIPPED ALLOWED`. */

import { existsSync, readFileSync } from 'node:fs'

const [skippedFile, allowedFile] = process.argv.slice(2)
const lines = (file) => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [])
const allowed = lines(allowedFile)
  .map((line) => line.split(' # ')[0].trim())
  .filter((line) => line !== '' && !line.startsWith('#'))
const skipped = [...new Set(lines(skippedFile).filter((line) => line !== ''))]
const unexpected = skipped.filter((name) => !allowed.some((pattern) => name.includes(pattern)))
process.stdout.write(
  `${skipped.length} tests skipped, ${unexpected.length} of them not in ${allowedFile}\n`,
)
for (const name of unexpected) process.stdout.write(`  ${name}\n`)
process.exit(unexpected.length > 0 ? 1 : 0)
