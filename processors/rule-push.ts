import { ConfigError } from '../core/error.ts'
import type { OutRecord } from '../core/kafka.ts'
import { parseCatalog } from '../schemas/catalog.ts'
import { formatProblems } from '../schemas/check.ts'
import type { PushedFile } from './pushed-rules.ts'

/** What brings the rule files that the log holds to those that are wanted. */
export interface PushPlan {
  readonly puts: readonly RuleRecord[]
  /** Ids of records. */
  readonly deletes: readonly string[]
  readonly unchanged: number
}

export interface RuleRecord extends PushedFile {
  readonly id: string
  readonly isNew: boolean
}

/** `wanted` by record id. */
export function planPush(
  held: ReadonlyMap<string, PushedFile>,
  wanted: ReadonlyMap<string, PushedFile>,
): PushPlan {
  const puts: RuleRecord[] = []
  for (const [id, file] of wanted) {
    const before = held.get(id)
    if (before?.path === file.path && before.content === file.content) continue
    puts.push({ id, ...file, isNew: before === undefined })
  }
  // A file whose rule has another id now is put under that id, which takes the path over; the put
  // comes first, so that the old record is still to be deleted.
  const deletes = [...held.keys()].filter((id) => !wanted.has(id))
  return { puts, deletes, unchanged: wanted.size - puts.length }
}

/** One record a file, then one a deletion. Throws ConfigError for a file that the catalog refuses. */
export function pushRecords(plan: PushPlan, topic: string, actor: string): readonly OutRecord[] {
  const puts = plan.puts.map(({ id, path, content }) => {
    const record = { kind: 'rule', id, actor, entity: { path, content } }
    const checked = parseCatalog(record, { eventTimeMs: 0, validityDays: 0 })
    if (!checked.ok) {
      throw new ConfigError('bad-rule-file', `${path}: ${formatProblems(checked.problems)}`)
    }
    return { topic, key: `rule:${id}`, value: JSON.stringify(record) }
  })
  const deletes = plan.deletes.map((id) => ({
    topic,
    key: `rule:${id}`,
    value: JSON.stringify({ kind: 'rule', id, op: 'delete', actor }),
  }))
  return [...puts, ...deletes]
}
