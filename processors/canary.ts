/** The built-in canary: an event that must yield its tag before an engine calls itself ready. */

import { fileURLToPath } from 'node:url'
import { emitsOf } from '../rules/emit.ts'
import type { Revision } from '../rules/rule.ts'
import type { MatchEvent } from '../schemas/event.ts'

export const canaryKind = 'ttpstream_canary'
export const canaryRuleId = 'ttpstream.canary'
/** To be loaded with every rule set. */
export const canaryFolder = fileURLToPath(new URL('./canary', import.meta.url))

const event: MatchEvent = {
  kind: canaryKind,
  logsource: { product: 'ttpstream', category: canaryKind },
  fields: { fields: { word: 'a canary sings' } },
}

export function doesCanarySing(revision: Revision): boolean {
  const [rule] = revision.match(event).filter(({ id }) => id === canaryRuleId)
  return (
    rule !== undefined && emitsOf(rule, event).some(({ techniqueId }) => techniqueId === 'T1082')
  )
}
