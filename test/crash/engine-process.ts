/**
 * An engine of its own process for crash cases: the product's composition, plus what only a test may
 * add: a failpoint, and a negative control that takes the tokens away.
 */

import { composeEngine } from '../../cli/compose-engine.ts'
import { createProcessors, createPublisher } from '../../cli/processors.ts'
import { ruleFolders } from '../../cli/rule-folders.ts'
import { inForce } from '../../cli/rules-in-force.ts'
import { readConfig } from '../../core/config.ts'
import { createLog } from '../../core/log.ts'
import { type Failpoint, failpoints } from '../../processors/engine/failpoint.ts'
import type { Store } from '../../processors/engine/store.ts'
import { readRuleFolders } from '../../rules/folder-listing.ts'
import { ruleContext } from '../../rules/language/context.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import { withoutLeases } from '../delivery/wrap.ts'

export type Control = 'none' | 'no-token' | 'no-lease'

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
const files = readRuleFolders(ruleFolders(config))
const rules = inForce(buildRuleSet(files, ruleContext()))
const engine = composeEngine(config, {
  log,
  processors: createProcessors(config),
  publish: createPublisher(config),
  rules: () => rules,
  failpoint: parseFailpoint(options.failpoint ?? ''),
  wrapSource: (source) => (options.control === 'no-lease' ? withoutLeases(source) : source),
  wrapStore: (store) => (options.control === 'no-token' ? withoutTokens(store) : store),
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
    merges: (at) => store.merges(at),
    newestProgress: (at) => store.newestProgress(at),
    progressEnding: (at, logId, last) => store.progressEnding(at, logId, last),
  }
}
