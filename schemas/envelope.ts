import { attackerText, commandText, idText, nameText } from './anchor.ts'
import { formatProblems } from './check.ts'
import { type CommandRecord, parseCommand } from './command.ts'
import type { LogSource, SourceEvent } from './event.ts'
import { eventTimeOf } from './event-time.ts'
import { kinds } from './kind.ts'
import { canonicalHost } from './name.ts'
import { normalizeFields } from './normalize/normalize.ts'
import { type ParsedRecord, positionId, type RecordPosition, type Source } from './source.ts'
import { addMissing } from './source-fields.ts'
import { internLogSource } from './source-log.ts'
import { isObject } from './source-path.ts'

/**
 * The native envelope as a source. Rules see its members and, beside them, the members of `fields`.
 * An anchor that the envelope lacks is taken from a field of its name.
 */
export const envelope: Source = {
  name: 'envelope',
  description: 'The native envelope: kind, fields and anchors',
  recognises: (record) =>
    typeof record['kind'] === 'string' && signs.some((sign) => record[sign] !== undefined),
  read(record, at) {
    const checked = parseCommand(record)
    if (!checked.ok) return { refused: 'envelope', reason: formatProblems(checked.problems) }
    return eventOf(checked.value, record, at)
  },
}

/** What tells an envelope from another record that happens to have a `kind`. */
const signs = [
  'fields',
  'command_text',
  'event_id',
  'event_time',
  'logsource',
  'host',
  'session_id',
  'attacker_id',
  'src_ip',
  'user',
]

function eventOf(value: CommandRecord, record: ParsedRecord, at: RecordPosition): SourceEvent {
  const { kind } = value
  const own = record['fields']
  if (isObject(own)) addMissing(record, own)
  const time = eventTimeOf(value.event_time ?? undefined, at.recordTimeMs)
  const host = canonicalHost(nameText(record['host']))
  const attackerId = attackerText(record['attacker_id'] || record['src_ip'])
  if (attackerId !== '') record['attacker_id'] ??= attackerId
  const command = value.command_text ?? textField(record, commandFields[kind] ?? 'command_text')
  if (command !== '') record['command_text'] ??= command
  const logsource = logSourceOf(value)
  return {
    kind,
    logsource,
    fields: normalizeFields(kind, record),
    json: at.json,
    derived: canonical,
    id: value.event_id ?? positionId(at),
    eventTimeMs: time.eventTimeMs,
    isTimeCapped: time.isTimeCapped,
    isTimeEstimated: time.isTimeEstimated,
    source: 'envelope',
    identityId: idText(record['identity_id']),
    attackerId,
    sessionId: idText(record['session_id']),
    host,
    user: nameText(record['user']),
    decoy: nameText(record['decoy']),
    commandText: commandText(command),
  }
}

/** The one field that may be written otherwise than in the record: an address in its one form. */
const canonical = ['attacker_id']

/** Where a kind's command line is, if the envelope has no `command_text`. */
const commandFields: Readonly<Record<string, string>> = { process: 'CommandLine' }

function textField(record: ParsedRecord, field: string): string {
  const value = record[field]
  return typeof value === 'string' ? value : ''
}

/**
 * The stated log source. Without one, a process is Sigma's process_creation on an unknown product;
 * another native kind is a log source of its own, so that Sigma rules for other logs stay away; any
 * other kind is taken for a Sigma category.
 */
function logSourceOf({ kind, logsource }: CommandRecord): LogSource {
  const product = logsource?.product ?? ''
  const service = logsource?.service ?? ''
  const category = logsource?.category ?? ''
  if (product !== '' || service !== '' || category !== '') {
    return internLogSource(product, service, category)
  }
  if (kind === 'process') return internLogSource('', '', 'process_creation')
  return internLogSource('', Object.hasOwn(kinds, kind) ? kind : '', kind)
}
