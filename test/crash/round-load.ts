/**
 * The load of a round: commands, alerts, tests and catalog records, bad ones and tombstones among
 * them, some of it through the members' API. What Kafka does not take is not missed: the log says
 * what there is.
 */

import { setTimeout } from 'node:timers/promises'
import { type Kafka, Partitioners, type Producer, type TopicMessages } from 'kafkajs'
import type { Member } from './fleet.ts'
import { type CaseTopics, loadMessages } from './load.ts'

export interface LoadPace {
  /** Commands at once. */
  readonly records: number
  readonly everyMs: number
}

const apiMsMax = 3_000
/** One in so many ticks asks an API. */
const apiEvery = 4

/** What is bad in the nth piece of the load. */
export type BadMessages = (topics: CaseTopics, nth: number) => TopicMessages[]

export class RoundLoad {
  /** Descriptions of changes that an API has accepted. */
  readonly accepted: string[] = []
  /** Commands that were sent. */
  written = 0
  refused = 0
  readonly #kafka: Kafka
  readonly #topics: CaseTopics
  readonly #members: () => readonly Member[]
  readonly #requests = new Set<Promise<void>>()
  #ticks = 0
  #isEnding = false
  #running: Promise<void> = Promise.resolve()

  constructor(kafka: Kafka, topics: CaseTopics, members: () => readonly Member[]) {
    this.#kafka = kafka
    this.#topics = topics
    this.#members = members
  }

  /** May be started again once it has ended. */
  start(pace: LoadPace, bad: BadMessages = badMessages): void {
    this.#isEnding = false
    this.#running = this.#run(pace, bad)
  }

  async end(): Promise<void> {
    this.#isEnding = true
    await this.#running
    await Promise.all(this.#requests)
  }

  async #run({ records, everyMs }: LoadPace, bad: BadMessages): Promise<void> {
    const producer = this.#kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    for (let tick = 0; !this.#isEnding; tick += 1) {
      const pause = setTimeout(everyMs)
      await this.#write(producer, records, bad)
      if (tick % apiEvery === 0) this.#ask(tick)
      await pause
    }
    await producer.disconnect()
  }

  async #write(producer: Producer, count: number, bad: BadMessages): Promise<void> {
    const topicMessages = [
      ...loadMessages(this.#topics, this.written + 1, count),
      ...bad(this.#topics, this.#ticks),
    ]
    this.written += count
    this.#ticks += 1
    await producer.sendBatch({ acks: -1, topicMessages }).catch(() => {
      this.refused += 1
    })
  }

  #ask(tick: number): void {
    const member = this.#members()[tick % Math.max(1, this.#members().length)]
    const url = member?.apiUrl ?? null
    if (url === null) return
    const description = `change ${tick}`
    const request = fetch(`${url}/api/v1/detection-lifecycle/infrastructure-changes`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        change_type: 'siem_upgrade',
        description,
        affected_platforms: ['linux'],
        change_date: '2026-11-20T00:00:00Z',
      }),
      signal: AbortSignal.timeout(apiMsMax),
    })
      .then((answer) => {
        if (answer.ok) this.accepted.push(description)
        return answer.arrayBuffer()
      })
      .then(
        () => {},
        () => {},
      )
      .finally(() => this.#requests.delete(request))
    this.#requests.add(request)
  }
}

/** A bad record now and then in every topic, each another way to be bad. */
function badMessages(topics: CaseTopics, number: number): TopicMessages[] {
  const bad = [
    { topic: topics.alerts, value: '{"alert_id": "broken' },
    { topic: topics.tests, value: '[1, 2]' },
    { topic: topics.catalog, value: 'not JSON' },
    { topic: topics.commands, value: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) },
    { topic: topics.alerts, value: null },
    { topic: topics.tests, value: null },
    { topic: topics.commands, value: '"a text"' },
  ]
  const one = bad[number % bad.length]
  if (one === undefined) return []
  return [{ topic: one.topic, messages: [{ key: `bad${number}`, value: one.value }] }]
}
