/**
 * Every group and every committed offset, with the file that brings them back after a restart: a
 * stable group goes on with its members and generation, as it does with Apache Kafka.
 */
import { join } from 'node:path'
import type { Clock } from '../../../core/clock.ts'
import type { Log } from '../../../core/log.ts'
import type { Random } from '../../../core/random.ts'
import { StateLog } from '../state-log.ts'
import type { ErrorName } from '../wire/error-code.ts'
import { Group, type GroupContext } from './group.ts'
import {
  type JoinAnswer,
  type JoinRequest,
  Member,
  noAssignment,
  refuseJoin,
  type SyncAnswer,
} from './member.ts'
import { type CommittedOffset, type OffsetPosition, Offsets } from './offsets.ts'

export interface GroupsOptions {
  readonly folder: string
  readonly groupsMax: number
  readonly membersMax: number
  readonly sessionTimeoutMsMin: number
  readonly sessionTimeoutMsMax: number
  readonly initialRebalanceDelayMs: number
  /** Of the offsets of a group that has been empty for so long. */
  readonly offsetRetentionMs: number
}

export interface GroupsContext {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface MemberEntry {
  readonly id: string
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Base64, as is the assignment. */
  readonly protocols: readonly { readonly name: string; readonly metadata: string }[]
  readonly assignment: string
}

type Entry =
  | ({ readonly kind: 'offset' } & OffsetPosition & CommittedOffset)
  | ({ readonly kind: 'offset-gone' } & OffsetPosition)
  | {
      readonly kind: 'group'
      readonly groupId: string
      readonly generation: number
      readonly protocolType: string
      readonly protocol: string
      readonly leaderId: string
      readonly members: readonly MemberEntry[]
      readonly atMs: number
    }
  | { readonly kind: 'group-gone'; readonly groupId: string }

type GroupEntry = Extract<Entry, { kind: 'group' }>

export class Groups {
  readonly #options: GroupsOptions
  readonly #context: GroupsContext
  readonly #offsets = new Offsets()
  readonly #groups = new Map<string, Group>()
  /** The last persisted state of each group; its time is when the group became empty, if it is. */
  readonly #persisted = new Map<string, GroupEntry>()
  readonly #entries: StateLog<Entry>

  constructor(options: GroupsOptions, context: GroupsContext) {
    this.#options = options
    this.#context = context
    const file = join(options.folder, 'groups.log')
    this.#entries = StateLog.open<Entry>(file, (entry) => this.#replay(entry), context.log)
    for (const entry of this.#persisted.values()) {
      this.#makeGroup(entry.groupId).restore(entry, entry.members.map(memberOf))
    }
    for (const { groupId } of this.#offsets.list())
      this.#groups.get(groupId) ?? this.#makeGroup(groupId)
  }

  get all(): readonly Group[] {
    return [...this.#groups.values()]
  }

  get(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const { groupId, memberId, sessionTimeoutMs } = request
    if (groupId === '') return refuseJoin('INVALID_GROUP_ID', memberId)
    const { sessionTimeoutMsMin, sessionTimeoutMsMax } = this.#options
    if (sessionTimeoutMs < sessionTimeoutMsMin || sessionTimeoutMs > sessionTimeoutMsMax) {
      return refuseJoin('INVALID_SESSION_TIMEOUT', memberId)
    }
    const group = this.#groups.get(groupId) ?? (memberId === '' ? this.#create(groupId) : undefined)
    if (group === undefined) {
      return refuseJoin(memberId === '' ? 'GROUP_MAX_SIZE_REACHED' : 'UNKNOWN_MEMBER_ID', memberId)
    }
    return group.join(request)
  }

  async sync(
    position: { readonly groupId: string; readonly memberId: string; readonly generation: number },
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<SyncAnswer> {
    const group = this.#groups.get(position.groupId)
    if (group === undefined) return { error: 'UNKNOWN_MEMBER_ID', assignment: noAssignment }
    return group.sync(position.memberId, position.generation, assignments)
  }

  /** Whether this member may commit in this generation; a group of offsets alone is made for it. */
  acceptCommit(groupId: string, memberId: string, generation: number): ErrorName {
    if (groupId === '') return 'INVALID_GROUP_ID'
    const group = this.#groups.get(groupId)
    if (group !== undefined) return group.acceptCommit(memberId, generation)
    if (generation >= 0) return 'ILLEGAL_GENERATION'
    return this.#create(groupId) === undefined ? 'GROUP_MAX_SIZE_REACHED' : 'NONE'
  }

  /** Throws when the disk does; then nothing is committed. */
  commit(commits: readonly (OffsetPosition & Omit<CommittedOffset, 'committedMs'>)[]): void {
    const committedMs = this.#context.clock.now()
    this.#append(commits.map((commit) => ({ kind: 'offset', ...commit, committedMs })))
  }

  committed(position: OffsetPosition): CommittedOffset | undefined {
    return this.#offsets.get(position)
  }

  committedBy(groupId: string): (OffsetPosition & CommittedOffset)[] {
    return this.#offsets.list(groupId)
  }

  delete(groupId: string): ErrorName {
    const group = this.#groups.get(groupId)
    if (group === undefined) return 'GROUP_ID_NOT_FOUND'
    if (!group.isUnused) return 'NON_EMPTY_GROUP'
    this.#forget(groupId)
    return 'NONE'
  }

  /** A topic is gone, and what was committed on it with it. */
  forgetTopic(topic: string): void {
    const gone = this.#offsets.list().filter((offset) => offset.topic === topic)
    this.#append(gone.map(offsetGone))
  }

  /** Drops the offsets of groups that have long been empty, and groups that hold nothing. */
  expire(): void {
    const oldestMs = this.#context.clock.now() - this.#options.offsetRetentionMs
    for (const group of this.all.filter((each) => each.isUnused)) {
      const offsets = this.#offsets.list(group.id)
      const isLongEmpty = (this.#persisted.get(group.id)?.atMs ?? 0) <= oldestMs
      const gone = offsets.filter((offset) => isLongEmpty && offset.committedMs <= oldestMs)
      this.#append(gone.map(offsetGone))
      if (isLongEmpty && gone.length === offsets.length) this.#forget(group.id)
    }
  }

  close(): void {
    for (const group of this.#groups.values()) group.close()
    this.#entries.close()
  }

  #create(groupId: string): Group | undefined {
    if (this.#groups.size >= this.#options.groupsMax) return undefined
    return this.#makeGroup(groupId)
  }

  #makeGroup(groupId: string): Group {
    const { initialRebalanceDelayMs, membersMax } = this.#options
    const context: GroupContext = {
      random: this.#context.random,
      log: this.#context.log,
      initialRebalanceDelayMs,
      membersMax,
      persist: (changed) => this.#persist(changed),
    }
    const group = new Group(groupId, context)
    this.#groups.set(groupId, group)
    return group
  }

  #persist(group: Group): void {
    const entry: GroupEntry = {
      kind: 'group',
      groupId: group.id,
      generation: group.generation,
      protocolType: group.protocolType ?? '',
      protocol: group.protocol ?? '',
      leaderId: group.leaderId ?? '',
      members: group.members.map(entryOf),
      atMs: this.#context.clock.now(),
    }
    try {
      this.#append([entry])
    } catch (error) {
      // The group goes on in memory; only a restart would not find it.
      this.#context.log.error(
        { group: group.id, error: String(error) },
        'a group was not persisted',
      )
    }
  }

  #forget(groupId: string): void {
    const gone = this.#offsets.list(groupId).map(offsetGone)
    this.#append([...gone, { kind: 'group-gone', groupId }])
    this.#groups.get(groupId)?.close()
    this.#groups.delete(groupId)
  }

  #append(entries: readonly Entry[]): void {
    this.#entries.append(entries)
    for (const entry of entries) this.#replay(entry)
    this.#entries.compact(() => [
      ...this.#persisted.values(),
      ...this.#offsets.list().map((offset) => ({ kind: 'offset' as const, ...offset })),
    ])
  }

  #replay(entry: Entry): void {
    switch (entry.kind) {
      case 'offset': {
        const { offset, leaderEpoch, metadata, committedMs } = entry
        this.#offsets.set(entry, { offset, leaderEpoch, metadata, committedMs })
        break
      }
      case 'offset-gone':
        this.#offsets.delete(entry)
        break
      case 'group':
        this.#persisted.set(entry.groupId, entry)
        break
      case 'group-gone':
        this.#persisted.delete(entry.groupId)
        break
    }
  }
}

function offsetGone({ groupId, topic, partition }: OffsetPosition): Entry {
  return { kind: 'offset-gone', groupId, topic, partition }
}

function entryOf(member: Member): MemberEntry {
  return {
    id: member.id,
    clientId: member.clientId,
    clientHost: member.clientHost,
    sessionTimeoutMs: member.sessionTimeoutMs,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    protocols: member.protocols.map(({ name, metadata }) => ({
      name,
      metadata: metadata.toString('base64'),
    })),
    assignment: member.assignment.toString('base64'),
  }
}

function memberOf(entry: MemberEntry): Member {
  const member = new Member(entry.id, {
    ...entry,
    protocols: entry.protocols.map(({ name, metadata }) => ({
      name,
      metadata: Buffer.from(metadata, 'base64'),
    })),
  })
  member.assignment = Buffer.from(entry.assignment, 'base64')
  return member
}
