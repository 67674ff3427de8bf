import { execFileSync } from 'node:child_process'
import { cpus, loadavg, totalmem } from 'node:os'
import { systemClock } from '../core/clock.ts'

/** What figures depend on besides the program, as a line of Markdown. */
export function machine(): string {
  const [cpu] = cpus()
  const date = new Date(systemClock.now()).toISOString().slice(0, 10)
  const memoryGib = Math.round(totalmem() / 2 ** 30)
  const load = (loadavg()[0] ?? 0).toFixed(1)
  const parts = [
    `${date}`,
    `${cpus().length} × ${cpu?.model.trim() ?? 'unknown CPU'}, ${memoryGib} GiB, load ${load}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    `revision ${revision()}`,
  ]
  return parts.join('; ')
}

function revision(): string {
  try {
    const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
    const changes = execFileSync('git', ['status', '--porcelain', '--', 'rules'], {
      encoding: 'utf8',
    })
    return changes === '' ? head : `${head} and changes`
  } catch {
    return 'unknown'
  }
}
