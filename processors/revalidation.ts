/**
 * What an edited rule still detects of what its last passing tests showed (R9, L3). The events of such a
 * test go through the rule as it is now, on the path of every event; a tag of the validated technique, in
 * the test's time and on its machines, is a new validation of the new logic.
 *
 * Contract:
 * - Pure. A validation's id is made of the one that fell and of the new logic, so a rerun adds nothing.
 * - A replay shows that the logic still detects, not that the telemetry still comes: it mends
 *   `rule_changed` alone, and ends when the validation that it follows would have ended.
 */

import { uuid5 } from '../core/hash.ts'
import type { LogRecord } from '../core/kafka.ts'
import { dayMs, minuteMs } from '../core/units.ts'
import { compileRules } from '../rules/compile.ts'
import type { Revision, Rule } from '../rules/rule.ts'
import { shortHost } from '../schemas/name.ts'
import type { Row } from '../schemas/table.ts'
import type { BlockContext, Processor } from './processor.ts'

/** A row of the view `revalidation_due`. */
export interface RevalidationDue {
  readonly asset_id: string
  readonly rule_id: string
  /** '': every technique of the asset. */
  readonly technique_id: string
  readonly validation_id: string
  readonly validation_result: string
  readonly expires_at: string
  readonly causes: readonly string[]
  readonly rule_version_from: string
  readonly logic_hash: string
  /** '': the validation names none. */
  readonly test_id: string
  readonly started_at: string | null
  readonly ended_at: string | null
  /** Short names, lower case. */
  readonly machines: readonly string[]
}

/** Epoch milliseconds; `toMs` is not included. */
export interface TestWindow {
  readonly fromMs: number
  readonly toMs: number
}

export const revalidationActor = 'ttpstream:revalidate'

/** Fixed for ever: another namespace would give every validation another id. */
const namespace = '7e0f6c2a-52f8-4a3c-9d53-2b8f4c1f6a90'
/** Clocks may differ; the same as where signals are given to tests. */
const clockMs = minuteMs
/** How long a test is looked for that names no end. */
const horizonMs = dayMs
const evidenceMax = 100

/** null: the test does not say when it began. */
export function windowOf({ started_at, ended_at }: RevalidationDue): TestWindow | null {
  if (started_at === null) return null
  const startMs = Date.parse(started_at)
  const endMs = ended_at === null ? startMs + horizonMs : Date.parse(ended_at) + clockMs
  return { fromMs: startMs - clockMs, toMs: Math.max(startMs, endMs) + 1 }
}

/** The rule alone, whatever its state: shadow and quarantine do not count. */
export function revisionOf(rule: Rule): Revision {
  return compileRules([{ ...rule, isShadow: false }])
}

/** The tags that records get on the path of every event. */
export function tagsOf(
  processor: Processor,
  revision: Revision,
  at: Pick<BlockContext, 'log' | 'topic' | 'partition' | 'timeMs'>,
  records: readonly LogRecord[],
): readonly Row<'tags'>[] {
  return processor.process({ ...at, revision, states: new Map() }, records).rows.tags ?? []
}

/** Does the tag show the validated technique, or a sub-technique of it, in the test? */
export function shows(tag: Row<'tags'>, due: RevalidationDue): boolean {
  const technique = tag.sub_technique_id || tag.technique_id
  const isOfTechnique =
    due.technique_id === '' ||
    technique === due.technique_id ||
    technique.startsWith(`${due.technique_id}.`)
  if (tag.rule_id !== due.rule_id || !isOfTechnique) return false
  const window = windowOf(due)
  if (window === null) return due.test_id === ''
  return (
    tag.event_time >= window.fromMs &&
    tag.event_time < window.toMs &&
    due.machines.includes(shortHost(tag.host))
  )
}

/** The catalog's record; `shown` are tags that show it. */
export function replayedValidation(
  due: RevalidationDue,
  rule: Rule,
  shown: readonly Row<'tags'>[],
  by: string,
) {
  const events = [...new Set(shown.map(({ source_id }) => source_id))]
  return {
    kind: 'validation',
    id: `replay:${uuid5(namespace, JSON.stringify([due.validation_id, rule.logicHash]))}`,
    actor: revalidationActor,
    reason: `replay of ${due.validation_id}`,
    entity: {
      asset_id: due.asset_id,
      ...(due.technique_id === '' ? {} : { technique_id: due.technique_id }),
      ...(due.test_id === '' ? {} : { test_id: due.test_id }),
      validated_by: by,
      expires_at: due.expires_at,
      validation_result: due.validation_result,
      validation_method: 'replay',
      evidence_ids: events.slice(0, evidenceMax),
      notes: `${events.length} events, replayed through version ${rule.version}`,
    },
    derived: { rule_hash: rule.ruleHash, logic_hash: rule.logicHash },
  } as const
}
