import type { Row } from '../../schemas/table.ts'

const blank: Row<'commands'> = {
  log: 'l1',
  topic: 'ttp.commands',
  partition: 0,
  offset: 0,
  ingest_time: 0,
  record_time: 0,
  event_time: 0,
  is_time_capped: false,
  is_time_estimated: false,
  event_id: '',
  kind: 'process',
  source: 'envelope',
  product: '',
  service: '',
  category: '',
  identity_id: '',
  attacker_id: '',
  session_id: '',
  host: '',
  user: '',
  decoy: '',
  command_text: '',
  raw: '',
}

/** Taken in a second after it happened unless it says otherwise. */
export function commandRow(given: Partial<Row<'commands'>> & { event_time: number }) {
  const later = given.event_time + 1000
  return { ...blank, ingest_time: later, record_time: later, ...given }
}
