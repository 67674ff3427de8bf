import { nameText } from '../schemas/anchor.ts'
import { formatProblems } from '../schemas/check.ts'
import type { SourceEvent } from '../schemas/event.ts'
import { eventTimeOf } from '../schemas/event-time.ts'
import { canonicalHost, hostNames, userNames } from '../schemas/name.ts'
import { internLogSource } from '../schemas/source-log.ts'
import type { Row } from '../schemas/table.ts'
import { parseTest, type TestRecord } from '../schemas/test.ts'
import { fieldsOf, positionOf, type ReadRecord } from './block-reader.ts'
import type { BlockContext, Processor } from './processor.ts'
import { type TaggedOptions, taggedProcessor } from './tagged-topic.ts'

/**
 * Purple-team tests → a row per partial update, and tags where rules match.
 *
 * Rules see what one record says, not the test as it has become: a rule that needs a field meets the
 * records that state it.
 */

export function createTestProcessor(options: TaggedOptions): Processor {
  return taggedProcessor(
    {
      table: 'test_events',
      rows: (rows) => ({ test_events: rows }),
      interpret(context, read) {
        const checked = parseTest(read.value)
        if (!checked.ok) {
          return { refused: 'invalid-test', reason: formatProblems(checked.problems) }
        }
        const test = checked.value
        const event = eventOf(test, read)
        const row = (raw: string) => rowOf(context, read, test, event, raw)
        return { event, isMatched: true, isKept: true, row }
      },
    },
    options,
  )
}

function eventOf(test: TestRecord, read: ReadRecord): SourceEvent {
  const host = canonicalHost(nameText(test.hosts?.[0] ?? test.targets?.[0]))
  const user = nameText(test.users?.[0])
  return {
    kind: 'test',
    logsource: internLogSource('ttpstream', 'test', 'test'),
    fields: fieldsOf(read, { host, user }),
    json: read.bytes,
    id: test.test_id,
    ...eventTimeOf(test.event_time ?? undefined, read.recordTimeMs),
    source: 'test',
    identityId: '',
    attackerId: '',
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
  test: TestRecord,
  event: SourceEvent,
  raw: string,
): Row<'test_events'> {
  const detections = test.detections ?? []
  return {
    ...positionOf(context, read.record),
    record_time: read.recordTimeMs,
    event_time: event.eventTimeMs,
    is_time_capped: event.isTimeCapped,
    is_time_estimated: event.isTimeEstimated,
    test_id: test.test_id,
    round: test.round ?? null,
    exercise: test.exercise ?? null,
    name: test.name ?? null,
    procedure_id: test.procedure_id ?? null,
    technique_id: test.technique_id ?? null,
    platform: test.platform ?? null,
    red_team: test.red_team ?? null,
    blue_team: test.blue_team ?? null,
    hosts: hostNames(test.hosts ?? []),
    targets: hostNames(test.targets ?? []),
    users: userNames(test.users ?? []),
    state: test.state ?? null,
    executed: test.executed ?? null,
    outcome: test.outcome ?? null,
    detection_result: test.detection_result ?? null,
    red_started_at: test.red_started_at ?? null,
    red_ended_at: test.red_ended_at ?? null,
    red_paused_seconds: test.red_paused_seconds ?? null,
    blue_started_at: test.blue_started_at ?? null,
    blue_work_started_at: test.blue_work_started_at ?? null,
    blue_paused_seconds: test.blue_paused_seconds ?? null,
    red_validation_status: test.red_validation_status ?? null,
    red_validated_at: test.red_validated_at ?? null,
    blue_validation_status: test.blue_validation_status ?? null,
    blue_validated_at: test.blue_validated_at ?? null,
    detection_ids: detections.map(({ result_id }) => result_id),
    detection_asset_ids: detections.map(({ asset_id }) => asset_id ?? ''),
    detection_alert_ids: detections.map(({ alert_id }) => alert_id ?? ''),
    detection_triggered: detections.map(({ triggered }) => triggered ?? null),
    cleared: test.clear ?? [],
    raw,
  }
}
