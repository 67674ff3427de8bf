import type { ErrorName } from '../wire/error-code.ts'
import { Deadline } from './deadline.ts'

/** A way to assign partitions that a member offers, with what it tells the leader under it. */
export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Empty for a member that has no id yet. */
  readonly memberId: string
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  readonly clientId: string
  readonly clientHost: string
  /** A new member is first told its id and joins with it (JoinGroup 4 and later). */
  readonly needsMemberId: boolean
}

export interface JoinAnswer {
  readonly error: ErrorName
  readonly generation: number
  readonly protocol: string
  readonly leaderId: string
  readonly memberId: string
  /** For the leader alone. */
  readonly members: readonly { readonly id: string; readonly metadata: Buffer }[]
}

export interface SyncAnswer {
  readonly error: ErrorName
  readonly assignment: Buffer
}

export const noAssignment = Buffer.alloc(0)

export function refuseJoin(error: ErrorName, memberId: string): JoinAnswer {
  return { error, generation: -1, protocol: '', leaderId: '', memberId, members: [] }
}

export type MemberDescription = Pick<
  JoinRequest,
  'clientId' | 'clientHost' | 'sessionTimeoutMs' | 'rebalanceTimeoutMs' | 'protocols'
>

/** One consumer in a group. At most one join and one sync of it wait for their answer. */
export class Member {
  readonly id: string
  readonly clientId: string
  readonly clientHost: string
  readonly session = new Deadline()
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly Protocol[]
  assignment: Buffer = noAssignment
  /** Until its first join is answered; the client cannot send heartbeats before that. */
  isNew = true
  #join: ((answer: JoinAnswer) => void) | null = null
  #sync: ((answer: SyncAnswer) => void) | null = null

  constructor(id: string, request: MemberDescription) {
    this.id = id
    this.clientId = request.clientId
    this.clientHost = request.clientHost
    this.sessionTimeoutMs = request.sessionTimeoutMs
    this.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.protocols = request.protocols
  }

  get awaitsJoin(): boolean {
    return this.#join !== null
  }

  get awaitsSync(): boolean {
    return this.#sync !== null
  }

  /** A repeated join takes the place of the one before, which its client has given up. */
  waitForJoin(): Promise<JoinAnswer> {
    this.answerJoin(refuseJoin('REBALANCE_IN_PROGRESS', this.id))
    return new Promise((resolve) => {
      this.#join = resolve
    })
  }

  answerJoin(answer: JoinAnswer): void {
    this.#join?.(answer)
    this.#join = null
  }

  waitForSync(): Promise<SyncAnswer> {
    this.answerSync({ error: 'REBALANCE_IN_PROGRESS', assignment: noAssignment })
    return new Promise((resolve) => {
      this.#sync = resolve
    })
  }

  /** Whether one was waiting. */
  answerSync(answer: SyncAnswer): boolean {
    const wasWaiting = this.#sync !== null
    this.#sync?.(answer)
    this.#sync = null
    return wasWaiting
  }

  /** Its group lets it go: whatever it waits for is answered. */
  dismiss(): void {
    this.session.clear()
    this.answerJoin(refuseJoin('UNKNOWN_MEMBER_ID', ''))
    this.answerSync({ error: 'UNKNOWN_MEMBER_ID', assignment: noAssignment })
  }

  metadataFor(protocol: string): Buffer {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? noAssignment
  }

  offersTheSameAs(protocols: readonly Protocol[]): boolean {
    return (
      protocols.length === this.protocols.length &&
      protocols.every((protocol, index) => {
        const own = this.protocols[index]
        return own?.name === protocol.name && own.metadata.equals(protocol.metadata)
      })
    )
  }
}
