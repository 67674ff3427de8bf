/**
 * The tables the engine inserts into, column by column: what a processor puts in a row, how a sink
 * encodes it. `views/` holds the DDL; a test holds the two together.
 *
 * Contract: in text columns '' is absent; `…?` types are Nullable. Times are epoch milliseconds here
 * and DateTime64(3, 'UTC') there.
 */

/** ClickHouse: String (or LowCardinality), UInt8 bool, UInt32, UInt64, Float64, DateTime64(3), UUID, Array(String). */
export type ColumnType =
  | 'text'
  | 'text?'
  | 'bool'
  | 'bool?'
  | 'uint32'
  | 'uint32?'
  | 'uint64'
  | 'float'
  | 'time'
  | 'time?'
  | 'uuid'
  | 'texts'
  | 'bools?'

interface ColumnValue {
  text: string
  'text?': string | null
  bool: boolean
  'bool?': boolean | null
  uint32: number
  'uint32?': number | null
  uint64: number
  float: number
  time: number
  'time?': number | null
  uuid: string
  texts: readonly string[]
  'bools?': readonly (boolean | null)[]
}

type Columns = Readonly<Record<string, ColumnType>>

/** Where a row comes from; `ingest_time` is the block intent's time. Every table starts with these. */
const position = {
  log: 'text',
  topic: 'text',
  partition: 'uint32',
  offset: 'uint64',
  ingest_time: 'time',
} as const satisfies Columns

/** One row per accepted record of `ttp.commands`. */
const commands = {
  ...position,
  record_time: 'time',
  event_time: 'time',
  is_time_capped: 'bool',
  is_time_estimated: 'bool',
  event_id: 'text',
  kind: 'text',
  source: 'text',
  product: 'text',
  service: 'text',
  category: 'text',
  identity_id: 'text',
  attacker_id: 'text',
  session_id: 'text',
  host: 'text',
  user: 'text',
  decoy: 'text',
  command_text: 'text',
  /** The record as it came, for matches (or for all by config); else ''. */
  raw: 'text',
} as const satisfies Columns

/** One row per (event, rule, emit). G3. */
const tags = {
  ...position,
  tag_id: 'uuid',
  source_kind: 'text',
  source_id: 'text',
  event_time: 'time',
  tagged_time: 'time',
  identity_id: 'text',
  attacker_id: 'text',
  session_id: 'text',
  host: 'text',
  user: 'text',
  decoy: 'text',
  tactic: 'text',
  tactics: 'texts',
  technique_id: 'text',
  sub_technique_id: 'text',
  confidence: 'float',
  severity: 'text',
  rule_id: 'text',
  rule_version: 'text',
  rule_hash: 'text',
  evidence: 'text',
  attack_release: 'text',
  in_release: 'bool',
} as const satisfies Columns

/** One row per event that a rule matched which a correlation refers to. */
const rule_matches = {
  ...position,
  rule_id: 'text',
  rule_version: 'text',
  event_time: 'time',
  source_kind: 'text',
  source_id: 'text',
  identity_id: 'text',
  attacker_id: 'text',
  host: 'text',
  user: 'text',
  field_names: 'texts',
  field_values: 'texts',
} as const satisfies Columns

/** One row per accepted record of `ttp.alerts`: the raise, then updates of the same alert_id. */
const alert_events = {
  ...position,
  record_time: 'time',
  event_time: 'time',
  is_time_capped: 'bool',
  is_time_estimated: 'bool',
  alert_id: 'text',
  raised_at: 'time?',
  rule_system: 'text?',
  rule_id: 'text?',
  rule_name: 'text?',
  rule_version: 'text?',
  asset_id: 'text?',
  severity: 'text?',
  technique_ids: 'texts',
  /** Normalised: lower case, both the FQDN and its short name. */
  hosts: 'texts',
  users: 'texts',
  src_ips: 'texts',
  source_event_ids: 'texts',
  status: 'text?',
  acknowledged_at: 'time?',
  verdict: 'text?',
  verdict_at: 'time?',
  url: 'text?',
  /** Fields set back to null by this record. */
  cleared: 'texts',
  raw: 'text',
} as const satisfies Columns

/** One row per accepted record of `ttp.tests`: a partial update of one test. */
const test_events = {
  ...position,
  record_time: 'time',
  event_time: 'time',
  is_time_capped: 'bool',
  is_time_estimated: 'bool',
  test_id: 'text',
  round: 'uint32?',
  exercise: 'text?',
  name: 'text?',
  procedure_id: 'text?',
  technique_id: 'text?',
  platform: 'text?',
  red_team: 'text?',
  blue_team: 'text?',
  /** Normalised as in alert_events; [] is absent. */
  hosts: 'texts',
  targets: 'texts',
  users: 'texts',
  state: 'text?',
  executed: 'bool?',
  outcome: 'text?',
  detection_result: 'text?',
  red_started_at: 'time?',
  red_ended_at: 'time?',
  red_paused_seconds: 'uint32?',
  blue_started_at: 'time?',
  blue_work_started_at: 'time?',
  blue_paused_seconds: 'uint32?',
  red_validation_status: 'text?',
  red_validated_at: 'time?',
  blue_validation_status: 'text?',
  blue_validated_at: 'time?',
  /** Parallel arrays, one element per detection result of this record. */
  detection_ids: 'texts',
  detection_asset_ids: 'texts',
  detection_alert_ids: 'texts',
  detection_triggered: 'bools?',
  cleared: 'texts',
  raw: 'text',
} as const satisfies Columns

/** One row per accepted record of `ttp.catalog`: the whole entity after one change. */
const catalog_events = {
  ...position,
  record_time: 'time',
  event_time: 'time',
  is_time_capped: 'bool',
  kind: 'text',
  id: 'text',
  op: 'text',
  actor: 'text',
  reason: 'text',
  /** JSON as the producer sent it, and what we derived from it (hashes, defaults). */
  entity: 'text',
  derived: 'text',
} as const satisfies Columns

/** One row per record (or range of records) that could not become an event. */
const dead_letters = {
  ...position,
  record_time: 'time',
  last_offset: 'uint64',
  records: 'uint64',
  code: 'text',
  reason: 'text',
  value_sha256: 'text',
  value_bytes: 'uint64',
  /** At most 64 KB of the record, redacted by kind. */
  head: 'text',
} as const satisfies Columns

/** One row per finished block: the completion mark. `ingest_time` is the intent's, `offset` the first. */
const ingest_progress = {
  ...position,
  last_offset: 'uint64',
  store: 'text',
  revision: 'text',
  crc: 'uint32',
  /** records = events + dead_letters + deletions + missing (offsets without a record). */
  records: 'uint64',
  events: 'uint64',
  dead_letters: 'uint64',
  deletions: 'uint64',
  tags: 'uint64',
  /** Tags not written, by reason: below_floor, disabled, rate_limited, no_anchor. JSON object. */
  dropped: 'text',
} as const satisfies Columns

export const tables = {
  commands,
  tags,
  rule_matches,
  alert_events,
  test_events,
  catalog_events,
  dead_letters,
  ingest_progress,
} as const

export type TableName = keyof typeof tables
export type Row<Name extends TableName> = {
  -readonly [Column in keyof (typeof tables)[Name]]: (typeof tables)[Name][Column] extends ColumnType
    ? ColumnValue[(typeof tables)[Name][Column]]
    : never
}
