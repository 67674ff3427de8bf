/** The members of a group: `ttpstream run`, each an engine with its API in a process of its own. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NodeProcess } from '../brokers/node-process.ts'
import { until } from '../delivery/until.ts'

const main = new URL('../../cli/main.ts', import.meta.url).pathname
const tsx = import.meta.resolve('tsx')
const stopMsMax = 25_000

export class Member {
  readonly number: number
  readonly #process: NodeProcess
  /** We asked it to end, or made it. */
  isMeantToEnd = false

  constructor(number: number, settings: Readonly<Record<string, string>>, folder: string) {
    this.number = number
    const logFile = join(folder, `member-${number}.log`)
    const env = { ...withoutSettings(process.env), ...settings }
    this.#process = new NodeProcess(
      process.execPath,
      ['--import', tsx, main, 'run'],
      logFile,
      folder,
      env,
    )
  }

  get pid(): number {
    return this.#process.pid
  }

  get isRunning(): boolean {
    return this.#process.isRunning
  }

  get log(): string {
    return readFileSync(this.#process.logFile, 'utf8')
  }

  /** Null until it listens. */
  get apiUrl(): string | null {
    return /"api":"(http:[^"]+)"/.exec(this.log)?.[1] ?? null
  }

  kill(): void {
    this.isMeantToEnd = true
    this.#process.signal('SIGKILL')
  }

  leave(): void {
    this.isMeantToEnd = true
    this.#process.signal('SIGTERM')
  }

  freeze(isFrozen: boolean): void {
    this.#process.signal(isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  async ended(): Promise<void> {
    await until(`member ${this.number} to end`, () => !this.isRunning, stopMsMax)
  }

  /** What is wrong with how it ended; null: nothing. */
  complaint(): string | null {
    const { outcome } = this.#process
    if (outcome === null) return null
    // Asked before it could listen for it.
    const isEarly = outcome === 'SIGTERM' && this.log === ''
    if (this.isMeantToEnd && (outcome === 0 || outcome === 'SIGKILL' || isEarly)) return null
    const how = this.isMeantToEnd ? 'was asked to end and did' : 'ended by itself'
    return `member ${this.number} ${how} with ${outcome}: ${this.#process.tail().slice(-800)}`
  }
}

/** What the developer's shell sets is not the round's. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TTPSTREAM_')))
}

export class Fleet {
  readonly members: Member[] = []
  readonly #settings: Readonly<Record<string, string>>
  readonly #folder: string

  constructor(settings: Readonly<Record<string, string>>, folder: string) {
    this.#settings = settings
    this.#folder = folder
  }

  start(over: Readonly<Record<string, string>> = {}): Member {
    const settings = { ...this.#settings, ...over }
    const member = new Member(this.members.length + 1, settings, this.#folder)
    this.members.push(member)
    return member
  }

  member(number: number): Member | undefined {
    return this.members[number - 1]
  }

  /** Those that run and will go on running. */
  get steady(): readonly Member[] {
    return this.members.filter(({ isRunning, isMeantToEnd }) => isRunning && !isMeantToEnd)
  }

  /** Lets every one finish in order. */
  async stop(): Promise<void> {
    for (const member of this.members) member.freeze(false)
    for (const member of this.steady) member.leave()
    await Promise.all(this.members.map((member) => member.ended()))
  }

  complaints(): string[] {
    return this.members.flatMap((member) => member.complaint() ?? [])
  }

  kill(): void {
    for (const member of this.members) member.kill()
  }
}
