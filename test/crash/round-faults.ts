/**
 * What the steps of a round's schedule do to its members, its Kafka and its ClickHouse, and how it is
 * all put right again.
 */

import { setTimeout } from 'node:timers/promises'
import type { Front, Mood } from '../delivery/front.ts'
import type { FaultServers } from './fault-servers.ts'
import type { Fleet } from './fleet.ts'
import { type ClickHouseMood, isLinkFault, isMood, type Step } from './schedule.ts'

export interface FaultTargets {
  readonly fleet: Fleet
  readonly servers: FaultServers
  /** Before ClickHouse. */
  readonly front: Front
  /** Edits the round's rule, or takes the edit back. */
  readonly editRule: () => void
}

export class RoundFaults {
  readonly #targets: FaultTargets
  /** Faults that are under way. */
  readonly #pending = new Set<Promise<void>>()
  readonly #lanes = new Map<string, Promise<void>>()

  constructor(targets: FaultTargets) {
    this.#targets = targets
  }

  act(step: Step): void {
    const { fleet, editRule } = this.#targets
    switch (step.whom) {
      case 'members':
        fleet.start()
        return
      case 'rules':
        editRule()
        return
      case 'member': {
        const member = fleet.member(step.member)
        if (step.what === 'kill') member?.kill()
        else if (step.what === 'leave') member?.leave()
        else
          this.#for(
            step,
            () => member?.freeze(true),
            () => member?.freeze(false),
          )
        return
      }
      case 'clickhouse':
        this.#actOnClickHouse(step)
        return
      case 'kafka':
        this.#actOnKafka(step)
    }
  }

  #actOnClickHouse(step: Step & { readonly whom: 'clickhouse' }): void {
    const { what, table } = step
    const { front, servers } = this.#targets
    const { clickhouse } = servers
    if (what === 'reset') {
      front.reset()
    } else if (isMood(what)) {
      const mood = moodOf(what)
      const begin = () => {
        front.mood = mood
        front.only = table
      }
      this.#for(step, begin, () => {
        if (front.mood === mood) front.mood = { kind: 'well' }
      })
    } else if (what === 'freeze') {
      const { pid } = clickhouse
      const send = (signal: NodeJS.Signals) => {
        // Killed by another step, it has nothing left to freeze; started again, it is another process.
        if (clickhouse.pid === pid && isAlive(pid)) process.kill(pid, signal)
      }
      this.#for(
        step,
        () => send('SIGSTOP'),
        () => send('SIGCONT'),
      )
    } else {
      this.#for(
        step,
        () => clickhouse.kill(),
        () => clickhouse.restart(),
        'clickhouse',
      )
    }
  }

  #actOnKafka(step: Step & { readonly whom: 'kafka' }): void {
    const { what } = step
    const { broker, fronts } = this.#targets.servers
    // One node of several, so that the others go on.
    const node = Math.floor(step.at * 10) % fronts.length
    const front = fronts[node]
    if (front === undefined) return
    if (what === 'reset') {
      front.reset()
    } else if (isLinkFault(what)) {
      const begin = () => {
        front.mood = what
      }
      this.#for(step, begin, () => {
        if (front.mood === what) front.mood = 'well'
      })
    } else if (what === 'freeze') {
      this.#for(
        step,
        () => broker.kill('SIGSTOP', node),
        () => broker.kill('SIGCONT', node),
      )
    } else {
      this.#for(
        step,
        () => broker.kill('SIGKILL', node),
        () => broker.restart(node),
        `kafka ${node}`,
      )
    }
  }

  /** Steps of the same `lane` wait for each other: a server that is being started is not killed. */
  #for(
    { seconds }: Step,
    begin: () => void | Promise<void>,
    end: () => void | Promise<void>,
    lane = '',
  ): void {
    const before = lane === '' ? null : this.#lanes.get(lane)
    const work = async () => {
      await before
      await begin()
      await setTimeout(seconds * 1_000)
      await end()
    }
    const one = work().finally(() => this.#pending.delete(one))
    this.#pending.add(one)
    if (lane !== '') this.#lanes.set(lane, one)
  }

  async ended(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** Waits for what is under way; what a step has left is put right. */
  async makeWell(): Promise<void> {
    const { front, servers, fleet } = this.#targets
    await this.ended()
    front.mood = { kind: 'well' }
    for (const one of servers.fronts) one.mood = 'well'
    for (const member of fleet.members) member.freeze(false)
  }
}

/** Slow is slower than an engine waits for an insert, now and then. */
function moodOf(kind: ClickHouseMood): Mood {
  if (kind === 'slow') return { kind, delayMs: 900 }
  // TOO_MANY_PARTS
  if (kind === 'failing') return { kind, code: 252 }
  return { kind }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
