/**
 * One consumer group under Kafka's classic protocol: who is in it, in which generation, and with which
 * assignment. Static membership (`group.instance.id`) is not offered.
 *
 *     Empty → PreparingRebalance   the first member joins
 *     PreparingRebalance → CompletingRebalance   all have joined again, or the rebalance timeout passed
 *     CompletingRebalance → Stable   the leader sent the assignment
 *     Stable, CompletingRebalance → PreparingRebalance   a member comes, goes, fails or changes
 *     PreparingRebalance → Empty   nobody is left
 *
 * Contract: every new generation has a number one higher; a request of another generation, or of a
 * member that was let go, is refused; a join or sync that waits is always answered in the end.
 * A commit is checked for member and generation, not for who owns the partition: so does Kafka.
 */
import type { Log } from '../../../core/log.ts'
import type { Random } from '../../../core/random.ts'
import type { ErrorName } from '../wire/error-code.ts'
import { Deadline } from './deadline.ts'
import {
  type JoinAnswer,
  type JoinRequest,
  Member,
  noAssignment,
  refuseJoin,
  type SyncAnswer,
} from './member.ts'
import { selectProtocol, supportedByAll } from './protocol-vote.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface GroupContext {
  readonly random: Random
  readonly log: Log
  /** How long the first member of a group waits for others. */
  readonly initialRebalanceDelayMs: number
  readonly membersMax: number
  /** Called when the group is stable or empty: the two states that a restart brings back. */
  persist(group: Group): void
}

/** A join is not parked for longer than this; a client that is still there joins again. */
const newMemberMsMax = 5 * 60_000

export class Group {
  readonly id: string
  readonly #context: GroupContext
  readonly #members = new Map<string, Member>()
  /** Ids given out with MEMBER_ID_REQUIRED whose owners have not come back yet. */
  readonly #pending = new Map<string, Deadline>()
  readonly #joinDeadline = new Deadline()
  readonly #syncDeadline = new Deadline()
  #unsynced = new Set<string>()
  #state: GroupState = 'Empty'
  #isInitialRebalance = false
  #generation = 0
  #protocolType: string | null = null
  #protocol: string | null = null
  #leaderId: string | null = null

  constructor(id: string, context: GroupContext) {
    this.id = id
    this.#context = context
  }

  get state(): GroupState {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  /** null for a group that only ever held offsets. */
  get protocolType(): string | null {
    return this.#protocolType
  }

  get protocol(): string | null {
    return this.#protocol
  }

  get leaderId(): string | null {
    return this.#leaderId
  }

  get members(): readonly Member[] {
    return [...this.#members.values()]
  }

  get isUnused(): boolean {
    return this.#state === 'Empty' && this.#pending.size === 0
  }

  /** Brings back a stable or an empty group, as it was persisted. */
  restore(
    past: { generation: number; protocolType: string; protocol: string; leaderId: string },
    members: readonly Member[],
  ): void {
    this.#generation = past.generation
    this.#protocolType = past.protocolType
    if (members.length === 0) return
    this.#state = 'Stable'
    this.#protocol = past.protocol
    this.#leaderId = past.leaderId
    for (const member of members) {
      member.isNew = false
      this.#members.set(member.id, member)
      this.#expectHeartbeat(member)
    }
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const { memberId, protocols } = request
    if (!this.#hasRoomFor(memberId)) {
      this.#remove(memberId)
      return refuseJoin('GROUP_MAX_SIZE_REACHED', '')
    }
    if (!this.#supports(request)) return refuseJoin('INCONSISTENT_GROUP_PROTOCOL', memberId)
    if (memberId === '') return this.#joinUnknown(request)
    if (this.#pending.has(memberId)) return this.#add(memberId, request)
    const member = this.#members.get(memberId)
    if (member === undefined) return refuseJoin('UNKNOWN_MEMBER_ID', memberId)
    switch (this.#state) {
      case 'Empty':
        return refuseJoin('UNKNOWN_MEMBER_ID', memberId)
      case 'PreparingRebalance':
        return this.#rejoin(member, request)
      case 'CompletingRebalance':
        // With nothing changed it has probably not received the answer to its first join.
        if (member.offersTheSameAs(protocols)) return this.#currentGeneration(member)
        return this.#rejoin(member, request)
      case 'Stable':
        // A leader joins again when it sees new partitions; its own metadata is then the same.
        if (member.id !== this.#leaderId && member.offersTheSameAs(protocols)) {
          return this.#currentGeneration(member)
        }
        return this.#rejoin(member, request)
    }
  }

  async sync(
    memberId: string,
    generation: number,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<SyncAnswer> {
    const member = this.#members.get(memberId)
    if (member === undefined) return refuseSync('UNKNOWN_MEMBER_ID')
    if (generation !== this.#generation) return refuseSync('ILLEGAL_GENERATION')
    switch (this.#state) {
      case 'Empty':
        return refuseSync('UNKNOWN_MEMBER_ID')
      case 'PreparingRebalance':
        return refuseSync('REBALANCE_IN_PROGRESS')
      case 'Stable':
        this.#noteSync(memberId)
        return { error: 'NONE', assignment: member.assignment }
      case 'CompletingRebalance': {
        const answer = member.waitForSync()
        this.#noteSync(memberId)
        if (memberId === this.#leaderId) this.#assign(assignments)
        return answer
      }
    }
  }

  heartbeat(memberId: string, generation: number): ErrorName {
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (generation !== this.#generation) return 'ILLEGAL_GENERATION'
    this.#expectHeartbeat(member)
    return this.#state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE'
  }

  leave(memberId: string): ErrorName {
    const isPending = this.#pending.has(memberId)
    if (!isPending && !this.#members.has(memberId)) return 'UNKNOWN_MEMBER_ID'
    this.#remove(memberId)
    this.#afterLoss(`member ${memberId} left`)
    return 'NONE'
  }

  /** Whether a commit of this member and generation is taken; it counts as a heartbeat then. */
  acceptCommit(memberId: string, generation: number): ErrorName {
    if (generation < 0 && this.#state === 'Empty') return 'NONE'
    if (generation < 0 && memberId === '') return 'UNKNOWN_MEMBER_ID'
    const member = this.#members.get(memberId)
    if (member === undefined) return 'UNKNOWN_MEMBER_ID'
    if (generation !== this.#generation) return 'ILLEGAL_GENERATION'
    if (this.#state === 'CompletingRebalance') return 'REBALANCE_IN_PROGRESS'
    this.#expectHeartbeat(member)
    return 'NONE'
  }

  /** Every waiting request is answered and no timer is left. */
  close(): void {
    this.#joinDeadline.clear()
    this.#syncDeadline.clear()
    for (const deadline of this.#pending.values()) deadline.clear()
    for (const member of this.#members.values()) member.dismiss()
  }

  #hasRoomFor(memberId: string): boolean {
    const { membersMax } = this.#context
    if (this.#pending.has(memberId)) return this.#members.size < membersMax
    if (this.#members.has(memberId)) return true
    return this.#members.size + this.#pending.size < membersMax
  }

  #supports({ protocolType, protocols }: JoinRequest): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    if (this.#members.size === 0) return true
    const common = supportedByAll(this.members.map((member) => member.protocols))
    return protocolType === this.#protocolType && protocols.some(({ name }) => common.has(name))
  }

  #joinUnknown(request: JoinRequest): Promise<JoinAnswer> {
    const id = `${request.clientId}-${this.#context.random.uuid()}`
    if (!request.needsMemberId) return this.#add(id, request)
    const deadline = new Deadline()
    deadline.set(request.sessionTimeoutMs, () => {
      this.#remove(id)
      this.#completeJoinIfAllAreHere()
    })
    this.#pending.set(id, deadline)
    return Promise.resolve(refuseJoin('MEMBER_ID_REQUIRED', id))
  }

  #add(memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    this.#pending.get(memberId)?.clear()
    this.#pending.delete(memberId)
    const member = new Member(memberId, request)
    if (this.#members.size === 0) this.#protocolType = request.protocolType
    this.#leaderId ??= memberId
    this.#members.set(memberId, member)
    const answer = member.waitForJoin()
    member.session.set(newMemberMsMax, () => this.#expire(member))
    this.#rebalance(`member ${memberId} joined`)
    return answer
  }

  #rejoin(member: Member, request: JoinRequest): Promise<JoinAnswer> {
    member.protocols = request.protocols
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    const answer = member.waitForJoin()
    this.#rebalance(`member ${member.id} joined again`)
    return answer
  }

  /** Starts a rebalance, or goes on with the one under way. */
  #rebalance(reason: string): void {
    if (this.#state === 'PreparingRebalance') {
      this.#completeJoinIfAllAreHere()
      return
    }
    if (this.#state === 'CompletingRebalance') this.#cancelSyncs()
    this.#unsynced.clear()
    this.#syncDeadline.clear()
    this.#isInitialRebalance = this.#state === 'Empty'
    this.#state = 'PreparingRebalance'
    this.#context.log.debug({ group: this.id, generation: this.#generation, reason }, 'rebalance')
    const delayMs = this.#isInitialRebalance
      ? this.#context.initialRebalanceDelayMs
      : this.#rebalanceTimeoutMs
    this.#joinDeadline.set(delayMs, () => this.#completeJoin())
    this.#completeJoinIfAllAreHere()
  }

  /** Those who wait for an assignment of this generation must join again. */
  #cancelSyncs(): void {
    for (const member of this.#members.values()) {
      member.assignment = noAssignment
      if (member.answerSync(refuseSync('REBALANCE_IN_PROGRESS'))) this.#expectHeartbeat(member)
    }
  }

  #completeJoinIfAllAreHere(): void {
    if (this.#state !== 'PreparingRebalance' || this.#isInitialRebalance) return
    if (this.#pending.size > 0) return
    if (this.members.every((member) => member.awaitsJoin)) this.#completeJoin()
  }

  /** The join phase is over: who has not joined is out, the others learn the new generation. */
  #completeJoin(): void {
    for (const member of this.members) {
      if (!member.awaitsJoin) this.#remove(member.id)
    }
    this.#joinDeadline.clear()
    this.#isInitialRebalance = false
    this.#generation += 1
    this.#unsynced = new Set(this.#members.keys())
    if (this.#members.size === 0) {
      this.#protocol = null
      this.#state = 'Empty'
      this.#context.persist(this)
      return
    }
    this.#protocol = selectProtocol(this.members.map((member) => member.protocols))
    this.#state = 'CompletingRebalance'
    this.#syncDeadline.set(this.#rebalanceTimeoutMs, () => this.#expireUnsynced())
    for (const member of this.#members.values()) {
      member.answerJoin(this.#currentGeneration(member))
      member.isNew = false
      this.#expectHeartbeat(member)
    }
  }

  #currentGeneration(member: Member): JoinAnswer {
    const protocol = this.#protocol ?? ''
    return {
      error: 'NONE',
      generation: this.#generation,
      protocol,
      leaderId: this.#leaderId ?? '',
      memberId: member.id,
      members:
        member.id === this.#leaderId
          ? this.members.map((each) => ({ id: each.id, metadata: each.metadataFor(protocol) }))
          : [],
    }
  }

  #noteSync(memberId: string): void {
    this.#unsynced.delete(memberId)
    if (this.#unsynced.size === 0) this.#syncDeadline.clear()
  }

  #assign(assignments: ReadonlyMap<string, Buffer>): void {
    for (const member of this.#members.values()) {
      member.assignment = Buffer.from(assignments.get(member.id) ?? noAssignment)
    }
    this.#state = 'Stable'
    this.#context.persist(this)
    for (const member of this.#members.values()) {
      const { assignment } = member
      if (member.answerSync({ error: 'NONE', assignment })) this.#expectHeartbeat(member)
    }
  }

  #expectHeartbeat(member: Member): void {
    member.session.set(member.sessionTimeoutMs, () => this.#expire(member))
  }

  #expire(member: Member): void {
    // A member that waits for us cannot send heartbeats; a new one is let go all the same.
    if (!member.isNew && (member.awaitsJoin || member.awaitsSync)) return
    this.#context.log.debug({ group: this.id, member: member.id }, 'session timeout')
    this.#remove(member.id)
    this.#afterLoss(`member ${member.id} failed`)
  }

  #expireUnsynced(): void {
    if (this.#unsynced.size === 0) return
    const lost = [...this.#unsynced]
    for (const memberId of lost) this.#remove(memberId)
    this.#rebalance(`no sync of ${lost.join(', ')}`)
  }

  #afterLoss(reason: string): void {
    if (this.#state === 'Empty') return
    this.#rebalance(reason)
  }

  #remove(memberId: string): void {
    this.#pending.get(memberId)?.clear()
    this.#pending.delete(memberId)
    this.#unsynced.delete(memberId)
    this.#members.get(memberId)?.dismiss()
    this.#members.delete(memberId)
    if (this.#leaderId === memberId) {
      const [next] = this.#members.keys()
      this.#leaderId = next ?? null
    }
  }

  get #rebalanceTimeoutMs(): number {
    return Math.max(0, ...this.members.map((member) => member.rebalanceTimeoutMs))
  }
}

function refuseSync(error: ErrorName): SyncAnswer {
  return { error, assignment: noAssignment }
}
