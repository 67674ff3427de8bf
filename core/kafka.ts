/**
 * The seam to Kafka: what the engine needs of a client, and no more. Another client can take
 * kafkajs's place by implementing `RecordSource` and `RecordSink`.
 */

/** One Kafka record, as it was read. */
export interface LogRecord {
  readonly offset: number
  /** Kafka's record timestamp, epoch milliseconds. */
  readonly timestampMs: number
  readonly key: Uint8Array | null
  /** null is a tombstone. */
  readonly value: Uint8Array | null
}

/** The records of one partition that one fetch returned, in offset order. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly LogRecord[]
  /** The last offset the batch covers; control records may lie beyond the last record. */
  readonly lastOffset: number
  /** The offset after the partition's last record. */
  readonly highWatermark: number
}

/**
 * The right to a partition under one join epoch.
 * Contract: `commit` checks the epoch and sends in the same tick; it throws `LeaseLost` if the epoch
 * has passed. After `isHeld()` turns false it never turns true again.
 */
export interface Lease {
  isHeld(): boolean
  /** Milliseconds since the group coordinator last answered a heartbeat. */
  heartbeatAgeMs(): number
  heartbeat(): Promise<void>
  commit(offset: number, metadata: string): Promise<void>
}

export interface Committed {
  /** null: the group has never committed here, or the commit has expired. */
  readonly offset: number | null
  readonly metadata: string
}

export interface Watermarks {
  readonly low: number
  readonly high: number
}

export interface OutRecord {
  readonly topic: string
  readonly key: string
  readonly value: string
}

export interface RecordSink {
  /** Resolves when every record is acknowledged by all in-sync replicas. */
  send(records: readonly OutRecord[]): Promise<void>
}
