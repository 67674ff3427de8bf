/** The classic group protocol, request by request: generations, fencing, timeouts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  commit,
  heartbeat,
  type Joined,
  type JoinOptions,
  join,
  leave,
  type Membership,
  stateOf,
  sync,
} from '../wire-calls.ts'
import type { WireClient } from '../wire-client.ts'
import { eventually, isPending, type Subject } from './subject.ts'

/** One member with a connection of its own. */
interface Seat {
  readonly client: WireClient
  readonly joined: Joined
}

export function testGroups(given: () => Subject): void {
  /** The first member of a group, stable. */
  const stableLeader = async (options: Partial<JoinOptions> = {}): Promise<Seat> => {
    const client = await given().wire()
    const joined = await join(client, { groupId: given().name('group'), ...options })
    expect(joined).toMatchObject({ error: 'NONE', generation: 1, leaderId: joined.memberId })
    expect((await sync(client, joined, { [joined.memberId]: 'all' })).assignment).toBe('all')
    return { client, joined }
  }

  /** Leader and follower of a group, stable in generation 2. */
  const stablePair = async (options: Partial<JoinOptions> = {}): Promise<[Seat, Seat]> => {
    const leader = await stableLeader(options)
    const follower = await given().wire()
    const { groupId, memberId } = leader.joined
    const entering = join(follower, { groupId, ...options })
    await noticeRebalance(leader)
    const again = await join(leader.client, { groupId, memberId, ...options })
    const entered = await entering
    expect([again.generation, entered.generation]).toEqual([2, 2])
    const waiting = sync(follower, entered)
    await sync(leader.client, again, { [memberId]: 'left', [entered.memberId]: 'right' })
    expect((await waiting).assignment).toBe('right')
    return [
      { client: leader.client, joined: again },
      { client: follower, joined: entered },
    ]
  }

  test.concurrent('a new member is told its id before it may join', async () => {
    const client = await given().wire()
    const groupId = given().name('group')
    const told = await join(client, { groupId, version: 4 })
    expect(told).toMatchObject({ error: 'MEMBER_ID_REQUIRED', generation: -1 })
    expect(told.memberId).toMatch(/^wire-/)
    const joined = await join(client, { groupId, memberId: told.memberId, version: 4 })
    expect(joined).toMatchObject({ error: 'NONE', generation: 1, memberId: told.memberId })
  })

  test.concurrent('the leader hears of all members, the others get what it assigns', async () => {
    const groupId = given().name('group')
    const [first, second] = [await given().wire(), await given().wire()]
    const protocols = { range: 'of the first', other: 'unused' }
    const one = await join(first, { groupId, protocols })
    const entering = join(second, { groupId, protocols: { range: 'of the second' } })
    await eventually('a rebalance', async () => (await heartbeat(first, one)) !== 'NONE')
    const again = await join(first, { groupId, memberId: one.memberId, protocols })
    const two = await entering
    expect(again).toMatchObject({ generation: 2, protocol: 'range', leaderId: one.memberId })
    expect(again.members).toEqual({
      [one.memberId]: 'of the first',
      [two.memberId]: 'of the second',
    })
    expect(two).toMatchObject({ generation: 2, leaderId: one.memberId, members: {} })
    const waiting = sync(second, two)
    expect(await isPending(waiting)).toBe(true)
    expect(await stateOf(first, groupId)).toBe('CompletingRebalance')
    expect(await sync(first, again, { [one.memberId]: 'a' })).toEqual({
      error: 'NONE',
      assignment: 'a',
    })
    expect(await waiting).toEqual({ error: 'NONE', assignment: '' })
    expect(await stateOf(first, groupId)).toBe('Stable')
    expect(await sync(first, again)).toEqual({ error: 'NONE', assignment: 'a' })
  })

  test.concurrent('a rebalance is told by the heartbeat, and done when all have joined again', async () => {
    const { client, joined } = await stableLeader()
    expect(await heartbeat(client, joined)).toBe('NONE')
    const other = await given().wire()
    const entering = join(other, { groupId: joined.groupId })
    await noticeRebalance({ client, joined })
    expect(await stateOf(client, joined.groupId)).toBe('PreparingRebalance')
    expect(await sync(client, joined)).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    expect(await isPending(entering)).toBe(true)
    await join(client, { groupId: joined.groupId, memberId: joined.memberId })
    expect(await entering).toMatchObject({ error: 'NONE', generation: 2 })
  })

  test.concurrent('a generation that is over is refused everywhere', async () => {
    const [leader] = await stablePair()
    const stale = { ...leader.joined, generation: 1 }
    const topic = await given().topic()
    expect(await heartbeat(leader.client, stale)).toBe('ILLEGAL_GENERATION')
    expect(await sync(leader.client, stale)).toMatchObject({ error: 'ILLEGAL_GENERATION' })
    expect(await commit(leader.client, stale, { topic, offset: 1 })).toBe('ILLEGAL_GENERATION')
    const future = { ...leader.joined, generation: 3 }
    expect(await heartbeat(leader.client, future)).toBe('ILLEGAL_GENERATION')
  })

  test.concurrent('a member that the group does not know is refused everywhere', async () => {
    const { client, joined } = await stableLeader()
    const topic = await given().topic()
    const unknown = { ...joined, memberId: 'nobody' }
    expect(await heartbeat(client, unknown)).toBe('UNKNOWN_MEMBER_ID')
    expect(await sync(client, unknown)).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await commit(client, unknown, { topic, offset: 1 })).toBe('UNKNOWN_MEMBER_ID')
    expect(await leave(client, unknown)).toBe('UNKNOWN_MEMBER_ID')
    expect(await join(client, unknown)).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    const elsewhere = { ...joined, groupId: given().name('group') }
    expect(await heartbeat(client, elsewhere)).toBe('UNKNOWN_MEMBER_ID')
    expect(await sync(client, elsewhere)).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await join(client, elsewhere)).toMatchObject({ error: 'UNKNOWN_MEMBER_ID' })
    expect(await leave(client, elsewhere)).toBe('UNKNOWN_MEMBER_ID')
    expect(await stateOf(client, elsewhere.groupId)).toBe('Dead')
  })

  test.concurrent('a frozen member loses its place, and what it says later is refused', async () => {
    const [leader, frozen] = await stablePair({ sessionTimeoutMs: 1_000 })
    const topic = await given().topic()
    await noticeRebalance(leader)
    const again = await join(leader.client, { ...leader.joined, sessionTimeoutMs: 10_000 })
    expect(again).toMatchObject({ error: 'NONE', generation: 3 })
    expect(Object.keys(again.members)).toEqual([leader.joined.memberId])
    await sync(leader.client, again, { [again.memberId]: 'all' })
    expect(await commit(frozen.client, frozen.joined, { topic, offset: 7 })).toBe(
      'UNKNOWN_MEMBER_ID',
    )
    expect(await heartbeat(frozen.client, frozen.joined)).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit(leader.client, again, { topic, offset: 3 })).toBe('NONE')
  })

  test.concurrent('a member that only sends heartbeats is out after the rebalance timeout', async () => {
    const lazy = await stableLeader({ rebalanceTimeoutMs: 1_000 })
    const other = await given().wire()
    const entering = join(other, { groupId: lazy.joined.groupId, rebalanceTimeoutMs: 1_000 })
    await eventually('the loss of the place', async () => {
      return (await heartbeat(lazy.client, lazy.joined)) === 'UNKNOWN_MEMBER_ID'
    })
    const entered = await entering
    expect(entered).toMatchObject({ error: 'NONE', generation: 2, leaderId: entered.memberId })
  })

  test.concurrent('a member that never fetches its assignment is out after the rebalance timeout', async () => {
    const [leader, follower] = [await given().wire(), await given().wire()]
    const groupId = given().name('group')
    const one = await join(leader, { groupId, rebalanceTimeoutMs: 1_000 })
    const entering = join(follower, { groupId, rebalanceTimeoutMs: 1_000 })
    await eventually('a rebalance', async () => (await heartbeat(leader, one)) !== 'NONE')
    const again = await join(leader, { groupId, memberId: one.memberId, rebalanceTimeoutMs: 1_000 })
    const silent = await entering
    await sync(leader, again, { [again.memberId]: 'half' })
    expect(await heartbeat(follower, silent)).toBe('NONE')
    await noticeRebalance({ client: leader, joined: again })
    expect(await heartbeat(follower, silent)).toBe('UNKNOWN_MEMBER_ID')
    expect(await join(leader, { groupId, memberId: one.memberId })).toMatchObject({ generation: 3 })
  })

  test.concurrent('a follower that waits for its assignment joins again when a third one comes', async () => {
    const [leader, follower, third] = [
      await given().wire(),
      await given().wire(),
      await given().wire(),
    ]
    const groupId = given().name('group')
    const one = await join(leader, { groupId })
    const entering = join(follower, { groupId })
    await eventually('a rebalance', async () => (await heartbeat(leader, one)) !== 'NONE')
    const again = await join(leader, { groupId, memberId: one.memberId })
    const two = await entering
    const waiting = sync(follower, two)
    expect(await isPending(waiting)).toBe(true)
    const arriving = join(third, { groupId })
    expect(await waiting).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    expect(await sync(leader, again, {})).toMatchObject({ error: 'REBALANCE_IN_PROGRESS' })
    const all = await Promise.all([
      join(leader, { groupId, memberId: one.memberId }),
      join(follower, { groupId, memberId: two.memberId }),
      arriving,
    ])
    expect(all.map(({ generation }) => generation)).toEqual([3, 3, 3])
    expect(Object.keys(all[0].members).length).toBe(3)
  })

  test.concurrent('a member that leaves makes the others share at once', async () => {
    const [leader, follower] = await stablePair()
    expect(await leave(follower.client, follower.joined)).toBe('NONE')
    expect(await heartbeat(follower.client, follower.joined)).toBe('UNKNOWN_MEMBER_ID')
    expect(await heartbeat(leader.client, leader.joined)).toBe('REBALANCE_IN_PROGRESS')
    const again = await join(leader.client, leader.joined)
    expect(again).toMatchObject({ generation: 3, leaderId: leader.joined.memberId })
    expect(await leave(leader.client, again)).toBe('NONE')
    expect(await stateOf(leader.client, again.groupId)).toBe('Empty')
    expect(await heartbeat(leader.client, again)).toBe('UNKNOWN_MEMBER_ID')
    expect(await join(leader.client, { groupId: again.groupId })).toMatchObject({ generation: 5 })
  })

  test.concurrent('when the leader leaves, another one leads', async () => {
    const [leader, follower] = await stablePair()
    expect(await leave(leader.client, leader.joined)).toBe('NONE')
    const again = await join(follower.client, follower.joined)
    expect(again).toMatchObject({ generation: 3, leaderId: follower.joined.memberId })
    expect(Object.keys(again.members)).toEqual([follower.joined.memberId])
  })

  test.concurrent('in a stable group only a leader, or a change, starts a rebalance by joining', async () => {
    const [leader, follower] = await stablePair()
    const same = await join(follower.client, follower.joined)
    expect(same).toMatchObject({ error: 'NONE', generation: 2 })
    expect(await heartbeat(leader.client, leader.joined)).toBe('NONE')
    const rejoining = join(leader.client, { ...leader.joined })
    await noticeRebalance(follower)
    const changed = join(follower.client, { ...follower.joined, protocols: { range: 'changed' } })
    expect((await rejoining).members[follower.joined.memberId]).toBe('changed')
    expect(await changed).toMatchObject({ generation: 3 })
  })

  test.concurrent('the protocol is one that all support, and most want', async () => {
    const groupId = given().name('group')
    const [first, second] = [await given().wire(), await given().wire()]
    const mine = { a: '1', b: '2', c: '3' }
    const one = await join(first, { groupId, protocols: mine })
    expect(one.protocol).toBe('a')
    const entering = join(second, { groupId, protocols: { c: '4', b: '5' } })
    await eventually('a rebalance', async () => (await heartbeat(first, one)) !== 'NONE')
    const again = await join(first, { groupId, memberId: one.memberId, protocols: mine })
    expect(['b', 'c']).toContain(again.protocol)
    await entering
    const stranger = await given().wire()
    expect(await join(stranger, { groupId, protocols: { z: '' } })).toMatchObject({
      error: 'INCONSISTENT_GROUP_PROTOCOL',
    })
    expect(await join(stranger, { groupId, protocolType: 'connect' })).toMatchObject({
      error: 'INCONSISTENT_GROUP_PROTOCOL',
    })
  })

  test.concurrent('a join without a group, or with a timeout out of bounds, is refused', async () => {
    const client = await given().wire()
    const groupId = given().name('group')
    expect(await join(client, { groupId: '' })).toMatchObject({ error: 'INVALID_GROUP_ID' })
    expect(await join(client, { groupId, sessionTimeoutMs: 999 })).toMatchObject({
      error: 'INVALID_SESSION_TIMEOUT',
    })
    expect(await join(client, { groupId, sessionTimeoutMs: 1_800_001 })).toMatchObject({
      error: 'INVALID_SESSION_TIMEOUT',
    })
    expect(await join(client, { groupId, protocols: {} })).toMatchObject({
      error: 'INCONSISTENT_GROUP_PROTOCOL',
    })
  })

  test.concurrent('an id that was told but never used does not hold up the group for long', async () => {
    const { client, joined } = await stableLeader()
    const other = await given().wire()
    const { groupId, memberId } = joined
    const told = await join(other, { groupId, version: 4, sessionTimeoutMs: 1_000 })
    expect(told.error).toBe('MEMBER_ID_REQUIRED')
    const rejoining = join(client, { groupId, memberId })
    expect(await isPending(rejoining)).toBe(true)
    expect(await rejoining).toMatchObject({ error: 'NONE', generation: 2 })
  })

  test.concurrent('a group with members cannot be deleted, an empty one can', async () => {
    const { admin } = given()
    const { client, joined } = await stableLeader()
    await expect(admin.deleteGroups([joined.groupId])).rejects.toMatchObject({
      groups: [{ error: { type: 'NON_EMPTY_GROUP' } }],
    })
    expect((await admin.listGroups()).groups).toContainEqual({
      groupId: joined.groupId,
      protocolType: 'opaque',
    })
    await leave(client, joined)
    await admin.deleteGroups([joined.groupId])
    expect(await stateOf(client, joined.groupId)).toBe('Dead')
    await expect(admin.deleteGroups([joined.groupId])).rejects.toMatchObject({
      groups: [{ error: { type: 'GROUP_ID_NOT_FOUND' } }],
    })
  })

  test.concurrent('a heartbeat or a commit in time keeps the place', async () => {
    const { client, joined } = await stableLeader({ sessionTimeoutMs: 1_000 })
    const topic = await given().topic()
    for (let round = 0; round < 8; round += 1) {
      await sleep(250)
      const answer =
        round % 4 === 0
          ? await heartbeat(client, joined)
          : await commit(client, joined, { topic, offset: round })
      expect(answer).toBe('NONE')
    }
  })
}

/** Sends heartbeats until one says that the group rebalances. */
async function noticeRebalance({ client, joined }: { client: WireClient; joined: Membership }) {
  await eventually('a rebalance', async () => {
    const answer = await heartbeat(client, joined)
    expect(['NONE', 'REBALANCE_IN_PROGRESS']).toContain(answer)
    return answer === 'REBALANCE_IN_PROGRESS'
  })
}
