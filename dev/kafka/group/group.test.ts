import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { silentLog } from '../../../core/log.ts'
import { Group } from './group.ts'
import type { JoinAnswer, SyncAnswer } from './member.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** What a client does next, whatever the group thinks of it. */
const step = fc.record({
  client: fc.nat(3),
  act: fc.constantFrom(
    'join',
    'join',
    'change',
    'sync',
    'sync',
    'heartbeat',
    'commit',
    'leave',
    'forget',
  ),
  waitMs: fc.constantFrom(0, 0, 0, 1, 400, 1_100, 2_600),
})

test('whatever clients do, every request is answered and generations only grow', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World()
      for (const { client, act, waitMs } of steps) {
        world.clients[client]?.[act]()
        await vi.advanceTimersByTimeAsync(waitMs)
        world.check()
      }
      // Everybody falls silent: the timeouts alone must end what is under way.
      await vi.advanceTimersByTimeAsync(20 * 60_000)
      expect(world.waiting).toBe(0)
      expect(world.group.state).toBe('Empty')
      expect(world.group.members).toEqual([])
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 400 },
  )
})

test('clients that follow the protocol come to agree, whatever happened before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const world = new World()
      for (const { client, act, waitMs } of steps) {
        world.clients[client]?.[act]()
        await vi.advanceTimersByTimeAsync(waitMs)
      }
      for (let round = 0; round < 60; round += 1) {
        for (const client of world.clients) client.follow()
        await vi.advanceTimersByTimeAsync(200)
      }
      expect(world.group.state).toBe('Stable')
      expect(world.group.members.length).toBe(world.clients.length)
      for (const client of world.clients) {
        expect(client.generation).toBe(world.group.generation)
        expect(client.assignment).toBe(`${client.id} in ${client.generation}`)
      }
      world.group.close()
    }),
    { numRuns: 100 },
  )
})

class World {
  waiting = 0
  #generation = 0
  readonly group: Group
  readonly clients: readonly Client[]

  constructor() {
    let ids = 0
    this.group = new Group('group', {
      random: {
        uuid: () => {
          ids += 1
          return String(ids)
        },
      },
      log: silentLog,
      initialRebalanceDelayMs: 0,
      membersMax: 10,
      persist: () => {},
    })
    this.clients = [0, 1, 2, 3].map((number) => new Client(number, this))
  }

  check(): void {
    const { generation, state, members, leaderId } = this.group
    expect(generation).toBeGreaterThanOrEqual(this.#generation)
    this.#generation = generation
    if (state === 'Empty') expect(members).toEqual([])
    else if (members.length > 0) expect(members.map(({ id }) => id)).toContain(leaderId)
    if (state === 'Stable') expect(members.some((member) => member.awaitsSync)).toBe(false)
  }
}

class Client {
  id = ''
  generation = -1
  assignment = ''
  #phase: 'out' | 'waiting' | 'joined' | 'member' = 'out'
  #members: JoinAnswer['members'] = []
  #metadata = 'first'
  readonly #number: number
  readonly #world: World

  constructor(number: number, world: World) {
    this.#number = number
    this.#world = world
  }

  join(): void {
    const request = {
      groupId: 'group',
      sessionTimeoutMs: 1_000,
      rebalanceTimeoutMs: 2_000,
      memberId: this.id,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from(this.#metadata) }],
      clientId: `client${this.#number}`,
      clientHost: '',
      needsMemberId: this.#number % 2 === 0,
    }
    this.#phase = 'waiting'
    this.#track(this.#world.group.join(request), (answer) => {
      this.#phase = 'out'
      if (answer.error === 'MEMBER_ID_REQUIRED') this.id = answer.memberId
      if (answer.error === 'UNKNOWN_MEMBER_ID') this.forget()
      if (answer.error !== 'NONE') return
      this.id = answer.memberId
      this.generation = answer.generation
      this.#members = answer.members
      this.#phase = 'joined'
    })
  }

  change(): void {
    this.#metadata += '.'
    this.join()
  }

  sync(): void {
    const { id, generation } = this
    const assignments = new Map(
      this.#members.map((member) => [member.id, Buffer.from(`${member.id} in ${generation}`)]),
    )
    this.#phase = 'waiting'
    this.#track(this.#world.group.sync(id, generation, assignments), (answer: SyncAnswer) => {
      this.#phase = answer.error === 'NONE' ? 'member' : 'out'
      this.assignment = String(answer.assignment)
      if (answer.error === 'UNKNOWN_MEMBER_ID') this.forget()
    })
  }

  heartbeat(): void {
    const error = this.#world.group.heartbeat(this.id, this.generation)
    if (error !== 'NONE') this.#phase = 'out'
    if (error === 'UNKNOWN_MEMBER_ID') this.forget()
  }

  commit(): void {
    const error = this.#world.group.acceptCommit(this.id, this.generation)
    const isCurrent = this.generation === this.#world.group.generation
    // Generation -1 is that of nobody, who may commit while the group is empty.
    if (error === 'NONE' && this.generation >= 0) expect(isCurrent).toBe(true)
  }

  leave(): void {
    this.#world.group.leave(this.id)
    this.forget()
  }

  /** As a process that was killed and started again. */
  forget(): void {
    this.id = ''
    this.generation = -1
    this.#phase = 'out'
  }

  /** What a well-behaved client does next. */
  follow(): void {
    if (this.#phase === 'out') this.join()
    else if (this.#phase === 'joined') this.sync()
    else if (this.#phase === 'member') this.heartbeat()
  }

  #track<Value>(answer: Promise<Value>, take: (value: Value) => void): void {
    this.#world.waiting += 1
    void answer.then((value) => {
      this.#world.waiting -= 1
      take(value)
    })
  }
}
