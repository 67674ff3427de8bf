/** The one broker that every connection and API talks to. */
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { Groups } from './group/groups.ts'
import type { DevKafkaSettings } from './options.ts'
import type { Topic, Topics } from './topics.ts'

export interface ApiRange {
  readonly key: number
  readonly minVersion: number
  readonly maxVersion: number
}

export interface Broker {
  readonly nodeId: number
  readonly clusterId: string
  /** What clients are told to connect to. */
  readonly host: string
  readonly port: number
  readonly settings: DevKafkaSettings
  readonly topics: Topics
  readonly groups: Groups
  /** What this broker speaks, for ApiVersions. */
  readonly apis: readonly ApiRange[]
  readonly clock: Clock
  readonly log: Log
}

const topicName = /^[a-zA-Z0-9._-]{1,249}$/

export function isTopicName(name: string): boolean {
  return topicName.test(name) && name !== '.' && name !== '..'
}

/** The topic; made now if it may be made for whoever asks for it. */
export function findOrCreateTopic(broker: Broker, name: string): Topic | undefined {
  const { topics, settings } = broker
  const known = topics.get(name)
  if (known !== undefined || !settings.autoCreateTopics || !isTopicName(name)) return known
  const listed = Object.hasOwn(settings.topics, name) ? settings.topics[name] : undefined
  const partitions = listed?.partitions ?? settings.defaultPartitions
  if (!topics.hasRoomFor(partitions)) return undefined
  return topics.create(name, partitions, listed?.configs ?? {})
}
