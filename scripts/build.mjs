/** Builds dist/: TypeScript compiled, and beside it the YAML, SQL, JSON and HTML that the code reads at run time. */

import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'

const assets = new Set([
  '.yaml',
  '.yml',
  '.sql',
  '.json',
  '.html',
  '.css',
  '.svg',
  '.md',
  '.gz',
  '.ndjson',
])
const folders = ['schemas', 'rules', 'processors', 'views', 'api', 'web', 'examples']

rmSync('dist', { recursive: true, force: true })
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
)
execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
for (const folder of folders.filter(existsSync)) {
  cpSync(folder, join('dist', folder), {
    recursive: true,
    errorOnExist: false,
    filter: (path) =>
      extname(path) === '' || assets.has(extname(path)) || /LICENSE|NOTICE/.test(path),
  })
}
chmodSync('dist/cli/main.js', 0o755)
