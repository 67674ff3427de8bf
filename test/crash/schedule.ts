/**
 * What happens to whom and when in one round of faults, drawn from a seed, and its text, which can be
 * given back: what a seed found can be cut down by hand to what it takes.
 *
 *     3 members; 0.4 member 2 kill; 0.9 clickhouse slow 1.2 tags; 1.5 kafka reset; 2 rules edit
 *
 * A step is: seconds, whom, for members which (numbered as they start), what, for how many seconds,
 * and for ClickHouse which table's inserts only.
 */

import { Dice } from '../dice.ts'

const memberFaults = ['kill', 'leave', 'freeze'] as const
const linkFaults = ['away', 'stalled', 'slow', 'half'] as const
const kafkaFaults = [...linkFaults, 'reset', 'freeze', 'kill'] as const
const moods = ['away', 'silent', 'slow', 'failing', 'forgetful', 'half'] as const
const clickhouseFaults = [...moods, 'reset', 'freeze', 'kill'] as const
const insertedTables = ['', 'commands', 'rule_matches', 'tags', 'ingest_progress'] as const

export type Fault =
  | { readonly whom: 'member'; readonly member: number; readonly what: MemberFault }
  | { readonly whom: 'members'; readonly what: 'join' }
  | { readonly whom: 'kafka'; readonly what: KafkaFault }
  | { readonly whom: 'clickhouse'; readonly what: ClickHouseFault; readonly table: string }
  | { readonly whom: 'rules'; readonly what: 'edit' }

type MemberFault = (typeof memberFaults)[number]
export type LinkFault = (typeof linkFaults)[number]
type KafkaFault = (typeof kafkaFaults)[number]
export type ClickHouseMood = (typeof moods)[number]
type ClickHouseFault = (typeof clickhouseFaults)[number]

export type Step = Fault & {
  /** Seconds from the round's start. */
  readonly at: number
  /** How long it lasts; 0 where it is a moment. */
  readonly seconds: number
}

export interface Schedule {
  /** That start at once. */
  readonly members: number
  readonly steps: readonly Step[]
}

/** Faults begin within this time; the load goes on for as long. */
export const faultSeconds = 5
const membersMax = 5
const stepsMin = 4
const stepsMax = 9
/** A server that is away for longer than the session shows no more, and the round would take longer. */
const secondsMax = 2.5

export function drawSchedule(seed: number): Schedule {
  const dice = new Dice(seed)
  const members = 1 + dice.below(3)
  const alive = Array.from({ length: members }, (_, index) => index + 1)
  let started = members
  const steps: Step[] = []
  const times = Array.from({ length: stepsMin + dice.below(stepsMax - stepsMin + 1) }, () =>
    tenths(0.2 + dice.below(faultSeconds * 10) / 10),
  ).sort((a, b) => a - b)
  const join = (at: number) => {
    started += 1
    alive.push(started)
    steps.push({ at, whom: 'members', what: 'join', seconds: 0 })
  }
  for (const at of times) {
    const kind = dice.below(10)
    const seconds = tenths(0.2 + dice.below(secondsMax * 10) / 10)
    if (kind < 4 && alive.length > 0) {
      const member = dice.pick(alive)
      const what = dice.pick(memberFaults)
      steps.push({ at, whom: 'member', member, what, seconds: what === 'freeze' ? seconds : 0 })
      if (what !== 'freeze') alive.splice(alive.indexOf(member), 1)
      if (alive.length === 0 || (what !== 'freeze' && dice.once(2))) join(tenths(at + 0.1))
    } else if (kind === 4 && alive.length < membersMax) {
      join(at)
    } else if (kind < 7) {
      const what = drawServerFault(dice, clickhouseFaults)
      const table = moods.some((mood) => mood === what) ? dice.pick(insertedTables) : ''
      steps.push({ at, whom: 'clickhouse', what, table, seconds: what === 'reset' ? 0 : seconds })
    } else if (kind < 9) {
      const what = drawServerFault(dice, kafkaFaults)
      steps.push({ at, whom: 'kafka', what, seconds: what === 'reset' ? 0 : seconds })
    } else {
      steps.push({ at, whom: 'rules', what: 'edit', seconds: 0 })
    }
  }
  return { members, steps: steps.toSorted((a, b) => a.at - b.at) }
}

/** The death of a server takes seconds to get over, so it is drawn half as often. */
function drawServerFault<What extends string>(dice: Dice, from: readonly What[]): What {
  const what = dice.pick(from)
  return what === 'kill' && dice.once(2) ? dice.pick(from) : what
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10
}

export function scheduleText({ members, steps }: Schedule): string {
  return [`${members} members`, ...steps.map(stepText)].join('; ')
}

function stepText(step: Step): string {
  const words: (string | number)[] = [step.at, step.whom]
  if (step.whom === 'member') words.push(step.member)
  words.push(step.what)
  if (step.seconds > 0) words.push(step.seconds)
  if (step.whom === 'clickhouse' && step.table !== '') words.push(step.table)
  return words.join(' ')
}

/** Throws with the step that it cannot read. */
export function parseSchedule(text: string): Schedule {
  const [first = '', ...rest] = text.split(';').map((part) => part.trim())
  const members = Number(/^(\d+) members$/.exec(first)?.[1])
  if (!Number.isInteger(members)) throw new Error(`"${first}" does not say how many members`)
  return { members, steps: rest.filter((part) => part !== '').map(parseStep) }
}

function parseStep(text: string): Step {
  const [at, whom, ...words] = text.split(/\s+/)
  const member = whom === 'member' ? Number(words.shift()) : 0
  const [what, seconds = '0', table = ''] = words
  const times = { at: Number(at), seconds: Number(seconds) }
  const unknown = new Error(`"${text}" is not a step`)
  if (!(times.at >= 0) || !(times.seconds >= 0)) throw unknown
  if (whom === 'member' && member > 0) {
    return { whom, member, what: one(memberFaults, what, unknown), ...times }
  }
  if (whom === 'kafka') return { whom, what: one(kafkaFaults, what, unknown), ...times }
  if (whom === 'clickhouse') {
    return { whom, what: one(clickhouseFaults, what, unknown), table, ...times }
  }
  if (whom === 'members' && what === 'join') return { whom, what, ...times }
  if (whom === 'rules' && what === 'edit') return { whom, what, ...times }
  throw unknown
}

function one<Word extends string>(
  known: readonly Word[],
  word: string | undefined,
  unknown: Error,
): Word {
  const found = known.find((candidate) => candidate === word)
  if (found === undefined) throw unknown
  return found
}

export function isMood(what: ClickHouseFault): what is ClickHouseMood {
  return moods.some((mood) => mood === what)
}

export function isLinkFault(what: KafkaFault): what is LinkFault {
  return linkFaults.some((fault) => fault === what)
}
