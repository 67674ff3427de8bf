/** Committed offsets: who may commit, what is kept. */
import { expect, test } from 'vitest'
import { commit, committed, heartbeat, join, leave, sync, withoutMember } from '../wire-calls.ts'
import { eventually, type Subject } from './subject.ts'

export function testCommits(given: () => Subject): void {
  test.concurrent('a commit keeps offset and metadata, and the last one counts', async () => {
    const client = await given().wire()
    const topic = await given().topic(2)
    const nobody = withoutMember(given().name('group'))
    const { groupId } = nobody
    expect(await committed(client, groupId, { topic })).toEqual([
      { topic, partition: 0, offset: -1, metadata: '' },
    ])
    expect(await commit(client, nobody, { topic, offset: 5, metadata: '{"last":9}' })).toBe('NONE')
    expect(await commit(client, nobody, { topic, offset: 3, metadata: 'ü🜛' })).toBe('NONE')
    expect(await committed(client, groupId, null)).toEqual([
      { topic, partition: 0, offset: 3, metadata: 'ü🜛' },
    ])
    const [offsets] = await given().admin.fetchOffsets({ groupId, topics: [topic] })
    expect(offsets?.partitions.sort((a, b) => a.partition - b.partition)).toEqual([
      { partition: 0, offset: '3', metadata: 'ü🜛' },
      { partition: 1, offset: '-1', metadata: null },
    ])
  })

  test.concurrent('metadata of 4,096 characters is kept, one more is refused', async () => {
    const client = await given().wire()
    const topic = await given().topic()
    const nobody = withoutMember(given().name('group'))
    for (const character of ['x', 'ü']) {
      const longest = character.repeat(4_096)
      expect(await commit(client, nobody, { topic, offset: 1, metadata: longest })).toBe('NONE')
      expect((await committed(client, nobody.groupId, { topic }))[0]?.metadata).toBe(longest)
      expect(await commit(client, nobody, { topic, offset: 2, metadata: `${longest}x` })).toBe(
        'OFFSET_METADATA_TOO_LARGE',
      )
      expect((await committed(client, nobody.groupId, { topic }))[0]?.offset).toBe(1)
    }
  })

  test.concurrent('offsets below zero and null metadata are taken as they come', async () => {
    const client = await given().wire()
    const topic = await given().topic()
    const nobody = withoutMember(given().name('group'))
    for (const offset of [-1, -2, 0]) {
      expect(await commit(client, nobody, { topic, offset, metadata: null })).toBe('NONE')
      expect(await committed(client, nobody.groupId, { topic })).toEqual([
        { topic, partition: 0, offset, metadata: '' },
      ])
    }
  })

  test.concurrent('a commit on what does not exist is refused', async () => {
    const client = await given().wire()
    const topic = await given().topic()
    const nobody = withoutMember(given().name('group'))
    const unknown = 'UNKNOWN_TOPIC_OR_PARTITION'
    expect(await commit(client, nobody, { topic, partition: 1, offset: 1 })).toBe(unknown)
    expect(await commit(client, nobody, { topic: given().name('absent'), offset: 1 })).toBe(unknown)
    const member = { groupId: given().name('group'), memberId: 'somebody', generation: 1 }
    expect(await commit(client, member, { topic, offset: 1 })).toBe('ILLEGAL_GENERATION')
  })

  test.concurrent('who is no member commits while the group is empty, and not otherwise', async () => {
    const client = await given().wire()
    const topic = await given().topic()
    const nobody = withoutMember(given().name('group'))
    const { groupId } = nobody
    expect(await commit(client, nobody, { topic, offset: 1 })).toBe('NONE')
    const joined = await join(client, { groupId })
    await sync(client, joined)
    expect(await commit(client, nobody, { topic, offset: 2 })).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit(client, joined, { topic, offset: 3 })).toBe('NONE')
    await leave(client, joined)
    expect(await commit(client, joined, { topic, offset: 4 })).toBe('UNKNOWN_MEMBER_ID')
    expect(await commit(client, nobody, { topic, offset: 5 })).toBe('NONE')
    expect((await committed(client, groupId, { topic }))[0]?.offset).toBe(5)
  })

  test.concurrent('a member of the generation commits on any partition, whoever owns it', async () => {
    const client = await given().wire()
    const topic = await given().topic(2)
    const joined = await join(client, { groupId: given().name('group') })
    await sync(client, joined, { [joined.memberId]: 'nothing' })
    expect(await commit(client, joined, { topic, partition: 0, offset: 9 })).toBe('NONE')
    expect(await commit(client, joined, { topic, partition: 0, offset: 2 })).toBe('NONE')
    expect((await committed(client, joined.groupId, { topic }))[0]?.offset).toBe(2)
  })

  test.concurrent('the old generation commits until all have joined, then waits for the new one', async () => {
    const [first, second] = [await given().wire(), await given().wire()]
    const topic = await given().topic()
    const groupId = given().name('group')
    const one = await join(first, { groupId })
    expect(await commit(first, one, { topic, offset: 1 })).toBe('REBALANCE_IN_PROGRESS')
    await sync(first, one)
    expect(await commit(first, one, { topic, offset: 2 })).toBe('NONE')
    const entering = join(second, { groupId })
    await eventually('a rebalance', async () => (await heartbeat(first, one)) !== 'NONE')
    expect(await commit(first, one, { topic, offset: 3 })).toBe('NONE')
    const again = await join(first, { groupId, memberId: one.memberId })
    await entering
    expect(await commit(first, one, { topic, offset: 4 })).toBe('ILLEGAL_GENERATION')
    expect(await commit(first, again, { topic, offset: 5 })).toBe('REBALANCE_IN_PROGRESS')
    expect((await committed(first, groupId, { topic }))[0]?.offset).toBe(3)
  })
}
