/** The requests that the broker contract makes by hand, in versions that every broker here speaks. */
import { errorCode } from '../../dev/kafka/wire/error-code.ts'
import type { Reader } from '../../dev/kafka/wire/reader.ts'
import type { WireClient } from './wire-client.ts'

/** The name of an error code, for readable expectations. */
export function nameOf(code: number): string {
  const found = Object.entries(errorCode).find(([, value]) => value === code)
  return found?.[0] ?? `error ${code}`
}

export interface Position {
  readonly topic: string
  readonly partition?: number
}

export interface Membership {
  readonly groupId: string
  readonly memberId: string
  readonly generation: number
}

export async function produce(
  client: WireClient,
  { topic, partition = 0 }: Position,
  records: Buffer,
  acks = -1,
): Promise<{ error: string; baseOffset: number }> {
  const answer = await client.request(0, 7, (body) => {
    body.nullableString(null).int16(acks).int32(10_000)
    body.array([topic], (name) => {
      body.string(name).array([partition], (index) => body.int32(index).bytes(records))
    })
  })
  const [result] = answer.array(() => {
    answer.string()
    return answer.array(() => {
      answer.int32()
      return { error: nameOf(answer.int16()), baseOffset: answer.int64(), rest: answer.skip(16) }
    })[0]
  })
  return { error: result?.error ?? 'no answer', baseOffset: result?.baseOffset ?? -1 }
}

export interface FetchOptions extends Position {
  readonly offset: number
  readonly waitMsMax?: number
  readonly bytesMin?: number
  readonly bytesMax?: number
}

export interface Fetched {
  readonly error: string
  readonly highWatermark: number
  readonly records: Buffer
}

export async function fetch(client: WireClient, options: FetchOptions): Promise<Fetched> {
  const {
    topic,
    partition = 0,
    offset,
    waitMsMax = 500,
    bytesMin = 1,
    bytesMax = 1 << 20,
  } = options
  const answer = await client.request(1, 11, (body) => {
    body
      .int32(-1)
      .int32(waitMsMax)
      .int32(bytesMin)
      .int32(50 << 20)
      .int8(0)
      .int32(0)
      .int32(-1)
    body.array([topic], (name) => {
      body.string(name).array([partition], (index) => {
        body.int32(index).int32(-1).int64(offset).int64(-1).int32(bytesMax)
      })
    })
    body.array([], () => {}).string('')
  })
  answer.skip(4 + 2 + 4)
  const [fetched] = answer.array(() => {
    answer.string()
    return answer.array(() => readFetched(answer))[0]
  })
  if (fetched === undefined) throw new Error('a fetch was answered without its partition')
  return fetched
}

function readFetched(answer: Reader): Fetched {
  answer.int32()
  const error = nameOf(answer.int16())
  const highWatermark = answer.int64()
  answer.skip(16)
  answer.nullableArray(() => answer.skip(16))
  answer.int32()
  return { error, highWatermark, records: answer.nullableBytes() ?? Buffer.alloc(0) }
}

export interface JoinOptions {
  readonly groupId: string
  readonly memberId?: string
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly protocolType?: string
  readonly protocols?: Readonly<Record<string, string>>
  /** 3 takes a new member at once, 4 tells it its id first. */
  readonly version?: 3 | 4
}

export interface Joined extends Membership {
  readonly error: string
  readonly protocol: string
  readonly leaderId: string
  readonly members: Readonly<Record<string, string>>
}

export async function join(client: WireClient, options: JoinOptions): Promise<Joined> {
  const { groupId, memberId = '', protocols = { range: 'm' }, version = 3 } = options
  const answer = await client.request(11, version, (body) => {
    body.string(groupId).int32(options.sessionTimeoutMs ?? 10_000)
    body.int32(options.rebalanceTimeoutMs ?? 10_000).string(memberId)
    // Apache Kafka reads what members of type `consumer` say of themselves; ours say anything.
    body.string(options.protocolType ?? 'opaque')
    body.array(Object.entries(protocols), ([name, metadata]) => {
      body.string(name).bytes(Buffer.from(metadata))
    })
  })
  answer.int32()
  return {
    groupId,
    error: nameOf(answer.int16()),
    generation: answer.int32(),
    protocol: answer.nullableString() ?? '',
    leaderId: answer.string(),
    memberId: answer.string(),
    members: Object.fromEntries(
      answer.array(() => [answer.string(), answer.bytes().toString()] as const),
    ),
  }
}

export async function sync(
  client: WireClient,
  { groupId, generation, memberId }: Membership,
  assignments: Readonly<Record<string, string>> = {},
): Promise<{ error: string; assignment: string }> {
  const answer = await client.request(14, 2, (body) => {
    body.string(groupId).int32(generation).string(memberId)
    body.array(Object.entries(assignments), ([member, assignment]) => {
      body.string(member).bytes(Buffer.from(assignment))
    })
  })
  answer.int32()
  return { error: nameOf(answer.int16()), assignment: answer.bytes().toString() }
}

export async function heartbeat(client: WireClient, member: Membership): Promise<string> {
  const answer = await client.request(12, 2, (body) => {
    body.string(member.groupId).int32(member.generation).string(member.memberId)
  })
  answer.int32()
  return nameOf(answer.int16())
}

export async function leave(
  client: WireClient,
  { groupId, memberId }: Pick<Membership, 'groupId' | 'memberId'>,
): Promise<string> {
  const answer = await client.request(13, 2, (body) => body.string(groupId).string(memberId))
  answer.int32()
  return nameOf(answer.int16())
}

export interface CommitOptions extends Position {
  readonly offset: number
  readonly metadata?: string | null
}

export async function commit(
  client: WireClient,
  { groupId, generation, memberId }: Membership,
  { topic, partition = 0, offset, metadata = '' }: CommitOptions,
): Promise<string> {
  const answer = await client.request(8, 5, (body) => {
    body.string(groupId).int32(generation).string(memberId)
    body.array([topic], (name) => {
      body.string(name).array([partition], (index) => {
        body.int32(index).int64(offset).nullableString(metadata)
      })
    })
  })
  answer.int32()
  const [error] = answer.array(() => {
    answer.string()
    return answer.array(() => {
      answer.int32()
      return answer.int16()
    })[0]
  })
  return nameOf(error ?? -1)
}

/** A commit by nobody: allowed while the group has no members. */
export function withoutMember(groupId: string): Membership {
  return { groupId, memberId: '', generation: -1 }
}

export interface Committed {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string | null
}

/** Of one position, or with null of all that the group has. */
export async function committed(
  client: WireClient,
  groupId: string,
  position: Position | null,
): Promise<Committed[]> {
  const answer = await client.request(9, 3, (body) => {
    body.string(groupId)
    if (position === null) body.int32(-1)
    else {
      body.array([position], ({ topic, partition = 0 }) => {
        body.string(topic).array([partition], (index) => body.int32(index))
      })
    }
  })
  answer.int32()
  return answer
    .array(() => {
      const topic = answer.string()
      return answer.array(() => {
        const found = { topic, partition: answer.int32(), offset: answer.int64() }
        const metadata = answer.nullableString()
        answer.int16()
        return { ...found, metadata }
      })
    })
    .flat()
}

/** Timestamp -1 is the end, -2 the start. */
export async function offsetAt(
  client: WireClient,
  { topic, partition = 0 }: Position,
  timestampMs: number,
): Promise<{ error: string; timestampMs: number; offset: number }> {
  const answer = await client.request(2, 5, (body) => {
    body.int32(-1).int8(0)
    body.array([topic], (name) => {
      body.string(name).array([partition], (index) => {
        body.int32(index).int32(-1).int64(timestampMs)
      })
    })
  })
  answer.int32()
  const [found] = answer.array(() => {
    answer.string()
    return answer.array(() => {
      answer.int32()
      const result = {
        error: nameOf(answer.int16()),
        timestampMs: answer.int64(),
        offset: answer.int64(),
      }
      answer.int32()
      return result
    })[0]
  })
  if (found === undefined) throw new Error('ListOffsets was answered without its partition')
  return found
}

/** The group's state, as DescribeGroups names it. */
export async function stateOf(client: WireClient, groupId: string): Promise<string> {
  const answer = await client.request(15, 2, (body) =>
    body.array([groupId], (id) => body.string(id)),
  )
  answer.int32()
  answer.int32()
  answer.int16()
  answer.string()
  return answer.string()
}
