/**
 * Habits of kafkajs's consumer put right for the whole process. The first two would break
 * exactly once; `docs/decisions/undecodable-batches.md` tells why there is no other place for it.
 *
 * - Where an offset is out of range it commits −1 or −2 over the group's commit, and with it over
 *   the intent in the commit's metadata. Here it only goes on at the first offset there is.
 * - It joins again while batches of the old epoch are still being written, and says so beforehand
 *   on one of three paths only. Here every join is told to the source first, and waits until what
 *   is being written is done or dropped: the next owner begins when nothing of ours is on its way.
 * - It gives up for good when no broker answers who coordinates the group, as after a connection that
 *   was reset at that moment, though it starts again after any other failure to reach one.
 * - Where a join fails for a reason that may pass, as while the coordinator loads the group, it goes on fetching as if it had
 *   joined. The source has let go of everything by then, and waits for a new assignment. Here it joins before it fetches.
 * - Asked to stop while it makes its fetchers anew, for the brokers have changed, it goes on: the new ones, told
 *   at once that there is nothing to fetch, ask again for ever, and nothing else in the process has a turn.
 */

import { createRequire } from 'node:module'
import type { TopicPartition } from '../../../core/kafka.ts'

interface OffsetManager {
  readonly cluster: {
    fetchTopicsOffset(
      topics: readonly {
        topic: string
        partitions: readonly { partition: number }[]
        fromBeginning: boolean
      }[],
    ): Promise<{ partitions: { partition: number; offset: string }[] }[]>
  }
  readonly resolvedOffsets: Record<string, Record<number, string>>
  setDefaultOffset(at: TopicPartition): Promise<void>
}

interface ConsumerGroup {
  readonly groupId: string
  readonly memberId: string | null
  readonly instrumentationEmitter: { emit(type: string, payload: object): void }
  joinAndSync(): Promise<unknown>
}

interface Cluster {
  findGroupCoordinatorMetadata(group: object): Promise<unknown>
}

interface Runner {
  readonly running: boolean
  readonly consumerGroup: ConsumerGroup
  fetch(nodeId: number): Promise<unknown[]>
}

/** What the payload of a REBALANCING event holds besides kafkajs's own. */
export interface BeforeJoin {
  /** The join begins when this has settled. */
  waitFor(work: Promise<unknown>): void
}

const require = createRequire(import.meta.url)
const installed = Symbol.for('ttpstream consumer group')

export function installGroupRules(): void {
  const manager = prototypeOf<OffsetManager>('kafkajs/src/consumer/offsetManager/index.js')
  const group = prototypeOf<ConsumerGroup>('kafkajs/src/consumer/consumerGroup.js')
  if (Object.hasOwn(group, installed)) return
  Object.defineProperty(group, installed, { value: true })
  const rebalancing = eventName()
  askAgainForCoordinator(prototypeOf<Cluster>('kafkajs/src/cluster/index.js'))
  const unjoined = new WeakSet<ConsumerGroup>()
  holdFetchers(prototypeOf<Runner>('kafkajs/src/consumer/runner.js'), unjoined)
  manager.setDefaultOffset = startAtFirst
  const join = group.joinAndSync
  group.joinAndSync = async function (this: ConsumerGroup) {
    const works: Promise<unknown>[] = []
    const { groupId, memberId } = this
    const waitFor = (work: Promise<unknown>) => works.push(work)
    this.instrumentationEmitter.emit(rebalancing, { groupId, memberId, waitFor })
    await Promise.allSettled(works)
    try {
      const joined = await join.call(this)
      unjoined.delete(this)
      return joined
    } catch (cause) {
      unjoined.add(this)
      throw cause
    }
  }
}

function askAgainForCoordinator(cluster: Cluster): void {
  const find = cluster.findGroupCoordinatorMetadata
  cluster.findGroupCoordinatorMetadata = async function (this: Cluster, group) {
    try {
      return await find.call(this, group)
    } catch (cause) {
      const isNotFound = cause instanceof Error && cause.name === 'KafkaJSGroupCoordinatorNotFound'
      throw isNotFound ? Object.assign(cause, { retriable: true }) : cause
    }
  }
}

/**
 * An error ends a fetcher. The runner takes the first for one that passes, and finds that it was stopped; at the second it
 * joins.
 */
function holdFetchers(runner: Runner, unjoined: WeakSet<ConsumerGroup>): void {
  const fetch = runner.fetch
  runner.fetch = async function (this: Runner, nodeId) {
    if (!this.running)
      throw Object.assign(new Error('The consumer has stopped.'), { retriable: true })
    if (unjoined.has(this.consumerGroup))
      throw Object.assign(new Error('The last join failed.'), { type: 'REBALANCE_IN_PROGRESS' })
    return fetch.call(this, nodeId)
  }
}

async function startAtFirst(
  this: OffsetManager,
  { topic, partition }: TopicPartition,
): Promise<void> {
  const [found] = await this.cluster.fetchTopicsOffset([
    { topic, partitions: [{ partition }], fromBeginning: true },
  ])
  const first = found?.partitions.find((one) => one.partition === partition)
  const offsets = this.resolvedOffsets[topic]
  if (first !== undefined && offsets !== undefined) offsets[partition] = first.offset
}

function prototypeOf<T>(path: string): T {
  return require(path).prototype
}

function eventName(): string {
  return require('kafkajs/src/consumer/instrumentationEvents.js').events.REBALANCING
}
