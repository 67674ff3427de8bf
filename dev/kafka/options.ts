import { dayMs, hourMs, minuteMs, secondMs } from '../../core/units.ts'

const kibibyte = 1024
const mebibyte = 1024 * kibibyte

export interface DevTopic {
  readonly partitions: number
  /** As in CreateTopics: `{ 'retention.ms': '-1' }`. */
  readonly configs?: Readonly<Record<string, string>>
}

/** What may be set; all of it is JSON. */
export interface DevKafkaSettings {
  /** Holds everything; one process at a time may use it. */
  readonly dataDir: string
  /** Bound and advertised. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Told to clients, where they come through something that listens for us; 0: `port`. */
  readonly advertisedPort: number
  /** Made at the start unless they are there. */
  readonly topics: Readonly<Record<string, DevTopic>>
  /** Whether a topic that a client names, or produces to, is made. */
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  /** Of records, by their own time and by the size of a partition. Infinity (JSON: null) keeps all. */
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly retentionCheckMs: number
  readonly segmentBytes: number
  /** Of one record batch. */
  readonly messageBytesMax: number
  readonly timestampAheadMsMax: number
  /** Of one request; a longer one closes its connection. */
  readonly frameBytesMax: number
  /** Of the records in one fetch answer, however much is asked for. */
  readonly fetchBytesMax: number
  readonly fetchWaitMsMax: number
  readonly connectionsMax: number
  readonly partitionsMax: number
  readonly groupsMax: number
  readonly membersMax: number
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
  readonly initialRebalanceDelayMs: number
  readonly offsetRetentionMs: number
  /** Characters of metadata in a commit. */
  readonly offsetMetadataMax: number
}

/** As Apache Kafka's, where it has the setting, but for what keeps a developer waiting or a disk full. */
export const defaultSettings: Omit<DevKafkaSettings, 'dataDir'> = {
  host: '127.0.0.1',
  port: 0,
  advertisedPort: 0,
  topics: {},
  autoCreateTopics: true,
  defaultPartitions: 1,
  retentionMs: 7 * dayMs,
  retentionBytes: Number.POSITIVE_INFINITY,
  retentionCheckMs: minuteMs,
  segmentBytes: 64 * mebibyte,
  messageBytesMax: mebibyte + 12,
  timestampAheadMsMax: hourMs,
  frameBytesMax: 64 * mebibyte,
  fetchBytesMax: 32 * mebibyte,
  fetchWaitMsMax: minuteMs,
  connectionsMax: 1_000,
  partitionsMax: 2_000,
  groupsMax: 1_000,
  membersMax: 1_000,
  sessionTimeoutMsMin: secondMs,
  sessionTimeoutMsMax: 30 * minuteMs,
  initialRebalanceDelayMs: 0,
  offsetRetentionMs: 7 * dayMs,
  offsetMetadataMax: 4_096,
}
