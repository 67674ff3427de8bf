import { attackerText, commandText, idText, nameText, scalarText } from './anchor.ts'
import type { LogSource, SourceEvent } from './event.ts'
import { eventTimeOf } from './event-time.ts'
import { canonicalHost, shortHost } from './name.ts'
import { normalizeFields } from './normalize/normalize.ts'
import { type ParsedRecord, positionId, type RecordPosition, type Source } from './source.ts'
import type { Definition } from './source-definition.ts'
import {
  type Absent,
  compileCondition,
  compileExpression,
  type Expression,
  isDerived,
} from './source-expression.ts'
import { compileFields } from './source-fields.ts'
import { compileLogSource } from './source-log.ts'
import type { Reader } from './source-path.ts'
import { compileRecognition } from './source-recognition.ts'
import { compileTime } from './source-time.ts'

/** Turns a checked definition into closures, once. */
export function compileSource(definition: Definition): Source {
  const { name, description } = definition
  const absent: Absent = new Set(definition.absent ?? [])
  const of = (source: Expression | undefined): Reader =>
    source === undefined ? nothing : compileExpression(source, absent)
  const flatten = definition.fields === undefined ? undefined : compileFields(definition.fields)
  const applyAliases = compileAliases(definition.aliases ?? [])
  const timeOf = compileTime(definition.time ?? [])
  const logSourceOf = compileLogSource(definition.logsource, absent)
  const idOf = compileId(definition.id, absent)
  const commandOf = compileByKey(definition.command_text ?? {}, absent)
  const kindOf = of(definition.kind)
  const hostOf = of(definition.host)
  const userOf = of(definition.user)
  const sessionOf = of(definition.session)
  const attackerOf = of(definition.attacker)
  const identityOf = of(definition.identity)
  const decoyOf = of(definition.decoy)
  const derived = derivedFields(definition)

  function read(record: ParsedRecord, at: RecordPosition): SourceEvent {
    const flat = flatten === undefined ? record : flatten(record)
    applyAliases(flat)
    const logsource = logSourceOf(flat)
    const kind = scalarText(kindOf(flat)) || kindOfLogSource(logsource)
    const host = canonicalHost(nameText(hostOf(flat)))
    const user = nameText(userOf(flat))
    const sessionId = idText(sessionOf(flat))
    const attackerId = attackerText(attackerOf(flat))
    const identityId = idText(identityOf(flat))
    const decoy = nameText(decoyOf(flat))
    const command = scalarText(commandOf(kind)(flat))
    const time = eventTimeOf(timeOf(flat), at.recordTimeMs)
    const id = idOf(flat, host, time.isTimeEstimated ? undefined : time.eventTimeMs)
    if (host !== '') flat['host'] = host
    if (user !== '') flat['user'] ??= user
    if (sessionId !== '') flat['session_id'] ??= sessionId
    if (attackerId !== '') flat['attacker_id'] ??= attackerId
    if (identityId !== '') flat['identity_id'] ??= identityId
    if (decoy !== '') flat['decoy'] ??= decoy
    if (command !== '' && (kind === 'command' || kind === 'process')) {
      flat['command_text'] ??= command
    }
    return {
      kind,
      logsource,
      fields: normalizeFields(kind, flat),
      json: at.json,
      derived,
      id: id === '' ? positionId(at) : id,
      eventTimeMs: time.eventTimeMs,
      isTimeCapped: time.isTimeCapped,
      isTimeEstimated: time.isTimeEstimated,
      source: name,
      identityId,
      attackerId,
      sessionId,
      host,
      user,
      decoy,
      commandText: commandText(command),
    }
  }
  return { name, description, recognises: compileRecognition(definition.recognise ?? []), read }
}

/** Fields that a search of the record's own text could miss. */
function derivedFields({ fields, aliases = [], attacker }: Definition): readonly string[] {
  const setters = [fields?.replace ?? {}, fields?.set ?? {}, ...aliases.map(({ set }) => set)]
  const names = setters.flatMap((set) =>
    Object.entries(set).flatMap(([name, source]) => (isDerived(source) ? [name] : [])),
  )
  return [...new Set([...names, ...(attacker === undefined ? [] : ['attacker_id'])])]
}

const nothing: Reader = () => undefined

function kindOfLogSource({ category, service, product }: LogSource): string {
  if (category === 'process_creation') return 'process'
  return category ?? service ?? product ?? 'unknown'
}

/** Missing fields that another field stands in for. */
function compileAliases(
  aliases: NonNullable<Definition['aliases']>,
): (fields: ParsedRecord) => void {
  const present: Absent = new Set()
  const blocks = aliases.map(({ when, unless, set }) => ({
    isWanted: when === undefined ? undefined : compileCondition(when),
    isUnwanted: unless === undefined ? undefined : compileCondition(unless),
    setters: Object.entries(set).map(([field, source]) => ({
      field,
      read: compileExpression(source, present),
    })),
  }))
  return (fields) => {
    for (const { isWanted, isUnwanted, setters } of blocks) {
      if (isWanted !== undefined && !isWanted(fields)) continue
      if (isUnwanted?.(fields)) continue
      for (const { field, read } of setters) {
        if (fields[field] !== undefined) continue
        const value = read(fields)
        if (value !== undefined) fields[field] = value
      }
    }
  }
}

/** An expression by key, `*` for any other. */
function compileByKey(
  sources: Readonly<Record<string, Expression>>,
  absent: Absent,
): (key: string) => Reader {
  const readers = new Map<string, Reader>()
  for (const [key, source] of Object.entries(sources)) {
    readers.set(key, compileExpression(source, absent))
  }
  const any = readers.get('*') ?? nothing
  return (key) => readers.get(key) ?? any
}

/** '' where the origin does not identify the event: without a host, a part or a time of its own. */
function compileId(
  source: Definition['id'],
  absent: Absent,
): (fields: ParsedRecord, host: string, timeMs: number | undefined) => string {
  const given = source?.given === undefined ? nothing : compileExpression(source.given, absent)
  const prefix = source?.prefix
  const parts = (source?.parts ?? []).map((part) => compileExpression(part, absent))
  return (fields, host, timeMs) => {
    const own = idText(given(fields))
    if (own !== '' || prefix === undefined || host === '' || timeMs === undefined) return own
    let id = `${prefix}:${shortHost(host)}`
    for (const read of parts) {
      const text = scalarText(read(fields))
      if (text === '') return ''
      id += `:${text}`
    }
    return idText(`${id}:${timeMs}`)
  }
}
