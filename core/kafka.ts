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
  /** This is no record: it stands for a batch of them that cannot be decoded and ends at `offset`. */
  readonly damage?: Damage
}

/** A batch of records as the log holds it, which no reader could decode. */
export interface Damage {
  readonly first: number
  /** Stable code and words for the dead letter. */
  readonly code: string
  readonly reason: string
  /** Of the batch's bytes. */
  readonly sha256: string
  readonly bytes: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The records of one partition that one fetch returned, in offset order. Their bytes are good until the batch is handled. */
export interface RecordBatch extends TopicPartition {
  /** The offset that was asked for. */
  readonly position: number
  /** None where all that the fetch returned were control records or aborted transactions. */
  readonly records: readonly LogRecord[]
  /** The last offset the batch covers; control records may lie beyond the last record. */
  readonly lastOffset: number
  /** The offset after the partition's last record. */
  readonly highWatermark: number
  /** Gives the records' bytes back before the batch is handled: nobody reads them any more. */
  release?(): void
  /** All but the last step is done: what follows may be fetched, and finds the batch handled when it comes. */
  nearsEnd?(): void
  /** What follows has been fetched and waits. */
  isFollowed?(): boolean
}

/**
 * The right to a partition under one join epoch.
 * Contract: once `isHeld()` is false it stays false. `commit` checks the epoch and sends in the same
 * tick; it throws `LeaseLost` when the epoch has passed or the group has moved on.
 */
export interface Lease {
  isHeld(): boolean
  /** Asks the coordinator unless it answered within the heartbeat interval; throws `LeaseLost`. */
  confirm(): Promise<void>
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

/** What a consumer of a group must answer. */
export interface RecordHandler {
  /** A partition was assigned: the offset to read on from. Nothing is fetched before it resolves. */
  assigned(at: TopicPartition, lease: Lease): Promise<number>
  /** All partitions of a join, of which there may be none, were assigned and have begun. */
  settled?(): void
  /**
   * Resolves to the offset to read on from: the one after the batch when all of it was handled.
   * Never called twice at a time for one partition.
   */
  batch(batch: RecordBatch, lease: Lease): Promise<number>
}

export interface RecordSource {
  /** Joins the group and consumes until `close`. Rejects for what the handler throws but LeaseLost. */
  run(handler: RecordHandler): Promise<void>
  committed(at: TopicPartition): Promise<Committed>
  watermarks(at: TopicPartition): Promise<Watermarks>
  /** The high watermark of each partition of a topic. */
  ends(topic: string): Promise<ReadonlyMap<number, number>>
  /** Finishes the batches at hand, leaves the group. */
  close(): Promise<void>
  /** Ends every lease at once: what waits for a server gives up, uncommitted. */
  abandon(): void
}

export interface OutRecord {
  readonly topic: string
  readonly key: string
  readonly value: string
}

export interface RecordSink {
  /** Resolves when every record is acknowledged by all in-sync replicas. */
  send(records: readonly OutRecord[]): Promise<void>
  close(): Promise<void>
}

/** The epoch has passed: drop the block at hand, whoever holds the partition now will finish it. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}
