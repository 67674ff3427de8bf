import { type AlertRecord, parseAlert } from '../schemas/alert.ts'
import { attackerText, nameText } from '../schemas/anchor.ts'
import { formatProblems } from '../schemas/check.ts'
import type { SourceEvent } from '../schemas/event.ts'
import { eventTimeOf } from '../schemas/event-time.ts'
import { addressNames, canonicalHost, hostNames, userNames } from '../schemas/name.ts'
import { internLogSource } from '../schemas/source-log.ts'
import type { Row } from '../schemas/table.ts'
import { fieldsOf, positionOf, type ReadRecord } from './block-reader.ts'
import type { BlockContext, Processor } from './processor.ts'
import { type TaggedOptions, taggedProcessor } from './tagged-topic.ts'

/**
 * Alerts → a row per record, and tags where rules match.
 *
 * Rules read only records that raise: those with `raised_at` or `technique_ids`. A later change of
 * status or verdict is no new sign of the attacker. Where a producer repeats the whole alert, its
 * tags repeat with equal ids.
 */

export function createAlertProcessor(options: TaggedOptions): Processor {
  return taggedProcessor(
    {
      table: 'alert_events',
      rows: (rows) => ({ alert_events: rows }),
      interpret(context, read) {
        const checked = parseAlert(read.value)
        if (!checked.ok) {
          return { refused: 'invalid-alert', reason: formatProblems(checked.problems) }
        }
        const alert = checked.value
        const event = eventOf(alert, read)
        const row = (raw: string) => rowOf(context, read, alert, event, raw)
        return { event, isMatched: isRaise(alert), isKept: true, row }
      },
    },
    options,
  )
}

function isRaise({ raised_at, technique_ids }: AlertRecord): boolean {
  return typeof raised_at === 'number' || (technique_ids ?? []).length > 0
}

function eventOf(alert: AlertRecord, read: ReadRecord): SourceEvent {
  const stated = alert.event_time ?? alert.raised_at ?? undefined
  const time = eventTimeOf(stated, read.recordTimeMs)
  const host = canonicalHost(nameText(alert.hosts?.[0]))
  const user = nameText(alert.users?.[0])
  const attackerId = attackerText(alert.src_ips?.[0])
  return {
    kind: 'alert',
    logsource: internLogSource('ttpstream', 'alert', 'alert'),
    fields: fieldsOf(read, { host, user, attacker_id: attackerId }),
    json: read.bytes,
    derived: ['attacker_id'],
    id: alert.alert_id,
    eventTimeMs: time.eventTimeMs,
    isTimeCapped: time.isTimeCapped,
    isTimeEstimated: typeof alert.event_time !== 'number',
    source: 'alert',
    identityId: '',
    attackerId,
    sessionId: '',
    host,
    user,
    decoy: '',
    commandText: '',
  }
}

function rowOf(
  context: BlockContext,
  read: ReadRecord,
  alert: AlertRecord,
  event: SourceEvent,
  raw: string,
): Row<'alert_events'> {
  return {
    ...positionOf(context, read.record),
    record_time: read.recordTimeMs,
    event_time: event.eventTimeMs,
    is_time_capped: event.isTimeCapped,
    is_time_estimated: event.isTimeEstimated,
    alert_id: alert.alert_id,
    raised_at: alert.raised_at ?? null,
    rule_system: alert.rule?.system ?? null,
    rule_id: alert.rule?.id ?? null,
    rule_name: alert.rule?.name ?? null,
    rule_version: alert.rule?.version ?? null,
    asset_id: alert.asset_id ?? null,
    severity: alert.severity ?? null,
    technique_ids: alert.technique_ids ?? [],
    hosts: hostNames(alert.hosts ?? []),
    users: userNames(alert.users ?? []),
    src_ips: addressNames(alert.src_ips ?? []),
    source_event_ids: alert.source_event_ids ?? [],
    status: alert.status ?? null,
    acknowledged_at: alert.acknowledged_at ?? null,
    verdict: alert.verdict ?? null,
    verdict_at: alert.verdict_at ?? null,
    url: alert.url ?? null,
    cleared: alert.clear ?? [],
    raw,
  }
}
