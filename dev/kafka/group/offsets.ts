/** What the groups have committed, in memory; `groups.ts` keeps the file. */

export interface CommittedOffset {
  /** Any number: Kafka takes -1 and -2 as well, and gives them back. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly committedMs: number
}

export interface OffsetPosition {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
}

type Partitions = Map<number, CommittedOffset>

export class Offsets {
  readonly #groups = new Map<string, Map<string, Partitions>>()

  set({ groupId, topic, partition }: OffsetPosition, committed: CommittedOffset): void {
    const topics = this.#groups.get(groupId) ?? new Map<string, Partitions>()
    const partitions = topics.get(topic) ?? new Map<number, CommittedOffset>()
    partitions.set(partition, committed)
    topics.set(topic, partitions)
    this.#groups.set(groupId, topics)
  }

  get({ groupId, topic, partition }: OffsetPosition): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  delete({ groupId, topic, partition }: OffsetPosition): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) topics?.delete(topic)
    if (topics?.size === 0) this.#groups.delete(groupId)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** Of one group, or of all. */
  list(groupId?: string): (OffsetPosition & CommittedOffset)[] {
    const found: (OffsetPosition & CommittedOffset)[] = []
    for (const [id, topics] of this.#groups) {
      if (groupId !== undefined && groupId !== id) continue
      for (const [topic, partitions] of topics) {
        for (const [partition, committed] of partitions) {
          found.push({ groupId: id, topic, partition, ...committed })
        }
      }
    }
    return found
  }
}
