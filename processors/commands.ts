import type { SourceEvent } from '../schemas/event.ts'
import { isRefusal, type SourceSet } from '../schemas/source.ts'
import type { Row } from '../schemas/table.ts'
import type { ReadRecord } from './block-reader.ts'
import type { BlockContext, Processor } from './processor.ts'
import { type TaggedOptions, taggedProcessor } from './tagged-topic.ts'

/** What an actor did → a row each, and tags where rules match. */

export type CommandOptions = TaggedOptions & {
  readonly sources: SourceSet
  /** Whose records are kept as they came. */
  readonly keepRaw: 'matches' | 'all'
}

export function createCommandProcessor(options: CommandOptions): Processor {
  const { sources } = options
  const isKept = options.keepRaw === 'all'
  return taggedProcessor(
    {
      table: 'commands',
      rows: (rows) => ({ commands: rows }),
      interpret(context, read) {
        const event = sources.read(read.value, {
          log: context.log,
          topic: context.topic,
          partition: context.partition,
          offset: read.record.offset,
          recordTimeMs: read.recordTimeMs,
          json: read.bytes,
        })
        if (isRefusal(event)) return event
        return { event, isMatched: true, isKept, row: (raw) => rowOf(context, read, event, raw) }
      },
    },
    options,
  )
}

function rowOf(
  context: BlockContext,
  read: ReadRecord,
  event: SourceEvent,
  raw: string,
): Row<'commands'> {
  const { product = '', service = '', category = '' } = event.logsource
  return {
    log: context.log,
    topic: context.topic,
    partition: context.partition,
    offset: read.record.offset,
    ingest_time: context.timeMs,
    record_time: read.recordTimeMs,
    event_time: event.eventTimeMs,
    is_time_capped: event.isTimeCapped,
    is_time_estimated: event.isTimeEstimated,
    event_id: event.id,
    kind: event.kind,
    source: event.source,
    product,
    service,
    category,
    identity_id: event.identityId,
    attacker_id: event.attackerId,
    session_id: event.sessionId,
    host: event.host,
    user: event.user,
    decoy: event.decoy,
    command_text: event.commandText,
    raw,
  }
}
