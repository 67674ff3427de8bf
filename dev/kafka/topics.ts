/**
 * The topics, their partitions and what is configured for each; also the ids handed to producers.
 * A folder carries the topic's id, so that a topic deleted and made again starts empty whatever a
 * crash left behind.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../core/log.ts'
import type { Random } from '../../core/random.ts'
import { Partition, type PartitionLimits } from './log/partition.ts'
import { StateLog } from './state-log.ts'
import { limitsOf, type TopicConfigs } from './topic-config.ts'

export interface Topic {
  readonly name: string
  readonly id: string
  readonly configs: TopicConfigs
  readonly partitions: readonly Partition[]
}

export interface TopicsOptions {
  readonly folder: string
  readonly limits: PartitionLimits
  /** Of all topics together: each may hold a file open. */
  readonly partitionsMax: number
}

type Entry =
  | {
      readonly kind: 'topic'
      readonly id: string
      readonly name: string
      readonly partitions: number
      readonly configs: TopicConfigs
    }
  | { readonly kind: 'partitions'; readonly name: string; readonly count: number }
  | {
      readonly kind: 'start'
      readonly name: string
      readonly partition: number
      readonly offset: number
    }
  | { readonly kind: 'deleted'; readonly name: string }
  | { readonly kind: 'producer-ids'; readonly next: number }

interface Description {
  readonly id: string
  readonly configs: TopicConfigs
  /** The low watermark of each partition as far as it was set by a client. */
  readonly starts: number[]
}

/** So many are lost at a restart, and so many allocations cost one write. */
const producerIdsAtOnce = 1_000

export class Topics {
  readonly #options: TopicsOptions
  readonly #random: Random
  readonly #log: Log
  readonly #descriptions = new Map<string, Description>()
  readonly #topics = new Map<string, Topic & { readonly partitions: Partition[] }>()
  readonly #entries: StateLog<Entry>
  #nextProducerId = 0
  #reservedProducerId = 0

  constructor(options: TopicsOptions, random: Random, log: Log) {
    this.#options = options
    this.#random = random
    this.#log = log
    const file = join(options.folder, 'topics.log')
    this.#entries = StateLog.open<Entry>(file, (entry) => this.#replay(entry), log)
    this.#nextProducerId = this.#reservedProducerId
    this.#removeStrayFolders()
    for (const [name, description] of this.#descriptions) this.#open(name, description)
  }

  get all(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  get(name: string): Topic | undefined {
    return this.#topics.get(name)
  }

  partition(name: string, index: number): Partition | undefined {
    return this.#topics.get(name)?.partitions[index]
  }

  /** Whether so many more partitions may be made. */
  hasRoomFor(count: number): boolean {
    const held = this.all.reduce((sum, topic) => sum + topic.partitions.length, 0)
    return held + count <= this.#options.partitionsMax
  }

  /** The caller has checked name, count and configs, and that there is no such topic. */
  create(name: string, partitions: number, configs: TopicConfigs): Topic {
    this.#append({ kind: 'topic', id: this.#random.uuid(), name, partitions, configs })
    const description = this.#descriptions.get(name)
    if (description === undefined) throw new Error('a topic just made is not there')
    return this.#open(name, description)
  }

  addPartitions(topic: Topic, count: number): void {
    this.#append({ kind: 'partitions', name: topic.name, count })
    const held = this.#topics.get(topic.name)
    for (let index = topic.partitions.length; index < count; index += 1) {
      held?.partitions.push(this.#openPartition(topic, index, 0))
    }
  }

  delete(topic: Topic): void {
    this.#append({ kind: 'deleted', name: topic.name })
    this.#topics.delete(topic.name)
    for (const partition of topic.partitions) partition.close()
    rmSync(this.#folderOf(topic.id), { recursive: true, force: true })
  }

  /** Raises the low watermark of a partition to `offset`, which lies within the log. */
  deleteRecords(topic: Topic, partition: number, offset: number): void {
    this.#append({ kind: 'start', name: topic.name, partition, offset })
    topic.partitions[partition]?.deleteBefore(offset)
  }

  allocateProducerId(): number {
    if (this.#nextProducerId === this.#reservedProducerId) {
      this.#append({ kind: 'producer-ids', next: this.#nextProducerId + producerIdsAtOnce })
    }
    this.#nextProducerId += 1
    return this.#nextProducerId - 1
  }

  enforceRetention(nowMs: number): void {
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) partition.enforceRetention(nowMs)
    }
  }

  close(): void {
    for (const topic of this.#topics.values()) {
      for (const partition of topic.partitions) partition.close()
    }
    this.#entries.close()
  }

  #append(entry: Entry): void {
    this.#entries.append([entry])
    this.#replay(entry)
    this.#entries.compact(() => this.#snapshot())
  }

  #replay(entry: Entry): void {
    switch (entry.kind) {
      case 'topic':
        this.#descriptions.set(entry.name, {
          id: entry.id,
          configs: entry.configs,
          starts: new Array<number>(entry.partitions).fill(0),
        })
        break
      case 'partitions': {
        const starts = this.#descriptions.get(entry.name)?.starts
        while (starts !== undefined && starts.length < entry.count) starts.push(0)
        break
      }
      case 'start': {
        const starts = this.#descriptions.get(entry.name)?.starts
        if (starts !== undefined) starts[entry.partition] = entry.offset
        break
      }
      case 'deleted':
        this.#descriptions.delete(entry.name)
        break
      case 'producer-ids':
        this.#reservedProducerId = entry.next
        break
    }
  }

  #snapshot(): Entry[] {
    const entries: Entry[] = [{ kind: 'producer-ids', next: this.#reservedProducerId }]
    for (const [name, { id, configs, starts }] of this.#descriptions) {
      entries.push({ kind: 'topic', id, name, partitions: starts.length, configs })
      for (const [partition, offset] of starts.entries()) {
        if (offset > 0) entries.push({ kind: 'start', name, partition, offset })
      }
    }
    return entries
  }

  #open(name: string, { id, configs, starts }: Description): Topic {
    const topic = { name, id, configs, partitions: [] as Partition[] }
    for (const [index, start] of starts.entries()) {
      topic.partitions.push(this.#openPartition(topic, index, start))
    }
    this.#topics.set(name, topic)
    return topic
  }

  #openPartition(topic: Pick<Topic, 'id' | 'configs'>, index: number, start: number): Partition {
    const folder = join(this.#folderOf(topic.id), String(index))
    return new Partition(folder, start, limitsOf(topic.configs, this.#options.limits), this.#log)
  }

  #folderOf(id: string): string {
    return join(this.#options.folder, 'topics', id)
  }

  /** What a crash in the middle of a deletion left. */
  #removeStrayFolders(): void {
    const folder = join(this.#options.folder, 'topics')
    const known = new Set([...this.#descriptions.values()].map((description) => description.id))
    for (const id of existsSync(folder) ? readdirSync(folder) : []) {
      if (!known.has(id)) rmSync(join(folder, id), { recursive: true, force: true })
    }
  }
}
