import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { expect, type TestContext } from 'vitest'
import { z } from 'zod'
import type { DevStack } from '../cli/dev-stack.ts'
import { freePort } from '../cli/ports.ts'
import type { Load } from './other-load.ts'

/** Some workers, each a process of `ttpstream run`, and what they all say on `ttp.rule-events`. */

const main = new URL('../cli/main.ts', import.meta.url).pathname
const ruleEvent = z.looseObject({ event: z.string(), rule_id: z.string(), at: z.string() })
const waitMs = 60_000

export class WorkerGroup {
  readonly apis: string[] = []
  readonly producer: Producer
  readonly #told: z.output<typeof ruleEvent>[] = []
  readonly #workers: ChildProcess[] = []
  readonly #consumer: Consumer

  /** Resolves when every worker's API answers, ready or not. */
  static async start(
    stack: DevStack,
    count: number,
    settings: Readonly<Record<string, string>>,
  ): Promise<WorkerGroup> {
    const group = new WorkerGroup(stack)
    await group.#start(stack, count, settings)
    return group
  }

  private constructor(stack: DevStack) {
    const kafka = new Kafka({ brokers: [stack.kafka], logLevel: logLevel.NOTHING })
    this.producer = kafka.producer()
    this.#consumer = kafka.consumer({ groupId: 'rule-events', maxWaitTimeInMs: 100 })
  }

  async #start(stack: DevStack, count: number, settings: Readonly<Record<string, string>>) {
    await Promise.all([this.producer.connect(), this.#consumer.connect()])
    await this.#consumer.subscribe({ topic: 'ttp.rule-events', fromBeginning: true })
    await this.#consumer.run({
      eachMessage: async ({ message }) => {
        this.#told.push(ruleEvent.parse(JSON.parse(String(message.value))))
      },
    })
    for (let n = 0; n < count; n += 1) {
      const port = await freePort(0)
      const worker = spawn(process.execPath, ['--import', 'tsx', main, 'run'], {
        stdio: ['ignore', 'ignore', 'inherit'],
        env: {
          ...process.env,
          TTPSTREAM_KAFKA_BROKERS: stack.kafka,
          TTPSTREAM_CLICKHOUSE_URL: stack.clickhouse,
          TTPSTREAM_API_PORT: String(port),
          TTPSTREAM_RULE_ASSETS: 'false',
          TTPSTREAM_LOG_LEVEL: 'error',
          ...settings,
        },
      })
      this.#workers.push(worker)
      this.apis.push(`http://127.0.0.1:${port}`)
    }
    await this.until('the APIs', async () => {
      return (await this.statuses()).every((status) => status !== 0)
    })
  }

  get size(): number {
    return this.#workers.length
  }

  get pids(): readonly number[] {
    return this.#workers.flatMap(({ pid }) => pid ?? [])
  }

  async close(): Promise<void> {
    const running = this.#workers.filter(({ exitCode }) => exitCode === null)
    const exited = running.map((worker) => once(worker, 'exit'))
    for (const worker of running) worker.kill('SIGTERM')
    await Promise.all(exited)
    await Promise.all([this.producer.disconnect(), this.#consumer.disconnect()])
  }

  /** Of readiness; 0 where nobody answers. */
  statuses(): Promise<readonly number[]> {
    return Promise.all(
      this.apis.map((api) =>
        fetch(`${api}/health/ready`).then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    )
  }

  /** How often it was told so far; the records of two rules may be read in any order. */
  count(event: string, ruleId: string): number {
    return this.#told.filter((one) => one.event === event && one.rule_id === ruleId).length
  }

  /** When the last worker took it, by the workers' own clocks: they are this machine's. */
  lastAt(ruleId: string): number {
    const of = this.#told.filter((one) => one.rule_id === ruleId).slice(-this.size)
    return Math.max(...of.map(({ at }) => Date.parse(at)))
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (let leftMs = waitMs; leftMs > 0; leftMs -= 10) {
      if (await holds()) return
      await setTimeout(10)
    }
    const told = JSON.stringify(this.#told.slice(-20))
    throw new Error(`waited ${waitMs / 1000} s for ${what}; told so far:\n${told}`)
  }
}

/** More of the machine than this in other hands, and a late answer says nothing of ours. */
const otherLoadMax = 0.15

/** Fails where p95 is 100 ms or more, unless others used more of the machine than `otherLoadMax`. */
export function judgeLatency(
  context: TestContext,
  what: string,
  { tookMs, load }: { readonly tookMs: readonly number[]; readonly load: Load },
): void {
  const sorted = tookMs.toSorted((a, b) => a - b)
  const p50 = sorted[Math.floor(sorted.length / 2)] ?? 0
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0
  const cpuMs = Math.round(load.cpuMs / tookMs.length)
  const share = `others used ${Math.round(load.others * 100)} % of the machine`
  const figures = `${what}: p50 ${p50} ms, p95 ${p95} ms over ${tookMs.length}; CPU ${cpuMs} ms each; ${share}`
  process.stdout.write(`${figures}\n`)
  if (p95 >= 100 && load.others > otherLoadMax) {
    context.skip(`${figures}: too busy to tell`)
  }
  expect(p95, figures).toBeLessThan(100)
}
