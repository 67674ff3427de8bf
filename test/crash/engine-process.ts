/**
 * An engine of its own process for crash cases: the product's composition, plus what only a test may
 * add: a failpoint, and the three negative controls, each of which takes one mechanism away.
 */

import { composeEngine } from '../../cli/compose-engine.ts'
import { readConfig } from '../../core/config.ts'
import type { RecordSource } from '../../core/kafka.ts'
import { createLog } from '../../core/log.ts'
import { type Failpoint, failpoints } from '../../processors/engine/failpoint.ts'
import type { Store } from '../../processors/engine/store.ts'

export type Control = 'none' | 'no-token' | 'stale-commit'

export interface EngineProcessOptions {
  /** The environment of the product. */
  readonly settings: Readonly<Record<string, string>>
  /** `name:kill:N` or `name:stop:N`: at the Nth passing of that place. */
  readonly failpoint?: string
  readonly control?: Control
}

const options: EngineProcessOptions = JSON.parse(process.argv[2] ?? '{"settings":{}}')
const config = readConfig(options.settings)
const log = createLog('warn')
const engine = await composeEngine(config, {
  log,
  failpoint: parseFailpoint(options.failpoint ?? ''),
  wrapStore: (store) => (options.control === 'no-token' ? withoutTokens(store) : store),
  wrapSource: (source) => (options.control === 'stale-commit' ? withoutEpochs(source) : source),
})
process.once('SIGTERM', () => {
  engine.stop().catch((cause: unknown) => {
    log.error({ cause }, 'stop')
    process.exit(1)
  })
})
process.stdout.write('ready\n')
await engine.run()
process.exit(0)

function parseFailpoint(text: string): Failpoint {
  const [name, action, nth = '1'] = text.split(':')
  if (text !== '' && !failpoints.some((known) => known === name)) {
    throw new Error(`no failpoint ${name}; there are ${failpoints.join(', ')}`)
  }
  let left = Number(nth)
  return (passed) => {
    if (passed !== name) return
    left -= 1
    if (left === 0) process.kill(process.pid, action === 'stop' ? 'SIGSTOP' : 'SIGKILL')
  }
}

/** Every insert gets a token of its own, as if there were none. */
function withoutTokens(store: Store): Store {
  let inserts = 0
  return {
    id: () => store.id(),
    insert: (name, rows, token) => {
      inserts += 1
      return store.insert(name, rows, `${token}:${process.pid}:${inserts}`)
    },
    rowsOf: (name, range) => store.rowsOf(name, range),
    newestProgress: (at) => store.newestProgress(at),
    progressEnding: (at, logId, last) => store.progressEnding(at, logId, last),
  }
}

/** Leases that never end: a stale block goes on and commits under the current generation. */
function withoutEpochs(source: RecordSource): RecordSource {
  return {
    committed: (at) => source.committed(at),
    watermarks: (at) => source.watermarks(at),
    close: () => source.close(),
    run: (handler) =>
      source.run({
        assigned: (at, lease) => handler.assigned(at, lease),
        batch: (batch, lease) =>
          handler.batch(batch, { ...lease, isHeld: () => true, confirm: async () => {} }),
      }),
  }
}
