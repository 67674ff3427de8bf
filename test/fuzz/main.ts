/**
 * Fuzzing: `npm run test:fuzz -- [--cases N] [--seed S] [--only NAME]`, on two cores. Nothing crashes, hangs or goes
 * uncounted. A case depends on seed, target and number alone, so a finding is run again by its seed.
 *
 * In process the cases run in a child; one that stays in a case for 20 s hangs. Over sockets a running
 * product is sent a fiftieth of the cases per server, and must answer well afterwards.
 */

import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { fuzzSockets } from './sockets.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string', default: '' },
  },
})
const cases = Number(values.cases)
const seed = Number(values.seed)
const hangMs = 20_000
/** Nothing of ours is run before the first case: only the machine is slow. */
const startMsMax = 120_000
process.stdout.write(
  `seed ${seed}, ${cases} cases in process per target, ${Math.ceil(cases / 50)} per socket\n`,
)
const isSocketOnly = values.only === 'sockets'
const inProcess = ['rule files', 'codecs,parsers,processors,source files']
const chosen = values.only === '' ? inProcess : [values.only]
let failures = 0
if (!isSocketOnly) {
  const found = await Promise.all(chosen.map(fuzzInProcess))
  failures = found.reduce((sum, one) => sum + one, 0)
}
if (values.only === '' || isSocketOnly) failures += await fuzzSockets(seed, Math.ceil(cases / 50))
process.stdout.write(failures === 0 ? 'no findings\n' : `${failures} findings; seed ${seed}\n`)
process.exit(failures === 0 ? 0 : 1)

/** Resolves to 1 where the child found something, hangs or dies. */
async function fuzzInProcess(targets: string): Promise<number> {
  const file = new URL('./in-process.ts', import.meta.url).pathname
  const args = ['--import', 'tsx', file, String(cases), String(seed), targets]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  let silentMsMax = startMsMax
  let heardMs = Date.now()
  let place = 'its start'
  child.on('message', (message) => {
    silentMsMax = hangMs
    heardMs = Date.now()
    place = String(message)
  })
  const watch = setInterval(() => {
    if (Date.now() - heardMs < silentMsMax) return
    process.stdout.write(`HANGS at or soon after ${place}\n`)
    child.kill('SIGKILL')
  }, 1_000)
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearInterval(watch)
  if (code !== 0) process.stdout.write(`ended with ${code} at or soon after ${place}\n`)
  return code === 0 ? 0 : 1
}
