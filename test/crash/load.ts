/**
 * What a crash case writes to its topics: good records, broken ones and tombstones, in a fixed
 * pattern, so that an oracle can tell from a record alone what must have become of it.
 */

import { setTimeout } from 'node:timers/promises'
import type { Admin, Kafka, TopicMessages } from 'kafkajs'

export interface CaseTopics {
  readonly commands: string
  readonly alerts: string
  readonly tests: string
  readonly catalog: string
  readonly tags: string
  readonly deadLetters: string
  readonly ruleEvents: string
}

export function topicsOf(prefix: string): CaseTopics {
  return {
    commands: `${prefix}.commands`,
    alerts: `${prefix}.alerts`,
    tests: `${prefix}.tests`,
    catalog: `${prefix}.catalog`,
    tags: `${prefix}.tags`,
    deadLetters: `${prefix}.dead-letters`,
    ruleEvents: `${prefix}.rule-events`,
  }
}

export async function createTopics(
  kafka: Kafka,
  topics: CaseTopics,
  commandPartitions = 2,
): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  const names = Object.values(topics)
  await admin.createTopics({
    waitForLeaders: false,
    topics: names.map((topic) => ({
      topic,
      numPartitions: topic === topics.commands ? commandPartitions : 1,
    })),
  })
  await untilLed(admin, names)
  await admin.disconnect()
}

const leaderTriesMax = 200

/**
 * Waits until the leader of every partition answers for it. Metadata names leaders earlier, and what
 * they refuse kafkajs would send again to all partitions of the topic.
 */
export async function untilLed(admin: Admin, names: readonly string[]): Promise<void> {
  for (let tries = 0; !(await areLed(admin, names)); tries += 1) {
    if (tries === leaderTriesMax) throw new Error(`no leaders for ${names.join(', ')}`)
    await setTimeout(50)
  }
}

export async function areLed(admin: Admin, names: readonly string[]): Promise<boolean> {
  try {
    for (const name of names) await admin.fetchTopicOffsets(name)
    return true
  } catch {
    return false
  }
}

/** Writes `count` commands, numbered from `from`, and a few alerts, tests and catalog records. */
export async function writeLoad(
  kafka: Kafka,
  topics: CaseTopics,
  from: number,
  count: number,
  isOnlyCommands = false,
): Promise<void> {
  const producer = kafka.producer()
  await producer.connect()
  const all = loadMessages(topics, from, count)
  const topicMessages = isOnlyCommands ? all.slice(0, 1) : all
  await producer.sendBatch({ acks: -1, topicMessages })
  await producer.disconnect()
}

export function loadMessages(topics: CaseTopics, from: number, count: number): TopicMessages[] {
  const numbers = Array.from({ length: count }, (_, index) => from + index)
  const few = numbers.filter((number) => number % 10 === 0)
  return [
    {
      topic: topics.commands,
      messages: numbers.map((n) => ({ key: `k${n}`, value: commandOf(n) })),
    },
    { topic: topics.alerts, messages: few.map((n) => ({ key: `a${n}`, value: alertOf(n) })) },
    { topic: topics.tests, messages: few.map((n) => ({ key: `t${n}`, value: testOf(n) })) },
    { topic: topics.catalog, messages: few.flatMap(catalogMessages) },
  ]
}

const epochMs = Date.UTC(2026, 10, 20, 10, 0, 0)

function time(number: number): string {
  return new Date(epochMs + number * 1000).toISOString()
}

function commandOf(number: number): string | null {
  if (number % 13 === 0) return null
  if (number % 7 === 0) return `{"event_id":"e${number}", broken`
  const word = number % 3 === 0 ? 'alpha' : number % 3 === 1 ? 'beta' : 'gamma'
  return JSON.stringify({
    event_id: `e${number}`,
    kind: 'command',
    event_time: time(number),
    host: `h${number % 4}`,
    session_id: `s${number % 9}`,
    attacker_id: `203.0.113.${number % 20}`,
    command_text: `${word} --number ${number}`,
  })
}

function alertOf(number: number): string {
  return JSON.stringify({
    alert_id: `alert-${number}`,
    raised_at: time(number),
    rule: { system: 'crash', id: 'C-1', name: 'crash' },
    hosts: [`h${number % 4}`],
  })
}

function testOf(number: number): string {
  return JSON.stringify({
    test_id: `test-${number % 50}`,
    technique_id: 'T1059.004',
    hosts: [`h${number % 4}`],
    red_started_at: time(number),
    blue_started_at: time(number + 300),
  })
}

/** An asset, a validation of an earlier one, and a change of the rule of one that is earlier still. */
function catalogMessages(number: number) {
  const put = (kind: string, id: string, entity: object) => ({
    key: id,
    value: JSON.stringify({ kind, id, entity }),
  })
  const asset = (of: number, rule_content: string) =>
    put('detection_asset', `crash:${of}`, { name: `asset ${of}`, asset_type: 'edr', rule_content })
  const seen = { asset_id: `crash:${number - 10}`, validation_result: 'detected' }
  return [
    asset(number, 'as it was'),
    put('validation', `crash:v${number}`, { ...seen, validation_method: 'test' }),
    asset(number - 20, 'changed'),
  ]
}

/** How many records come of one command, alerts, tests and the catalogue's with it. */
export function recordsPerCommand(topics: CaseTopics): number {
  const commands = 10
  const records = loadMessages(topics, 1, commands).flatMap(({ messages }) => messages)
  return records.length / commands
}

/** Enough of the word on one host in a while. */
export const correlation = { id: 'crash.correlation', timespanS: 40, least: 4 } as const

/** The rule of a crash case before and after its edit; a correlation counts what it matches. */
export function ruleOf(version: 'first' | 'edited'): string {
  const isFirst = version === 'first'
  return `rule_id: crash.word
rule_version: ${isFirst ? 1 : 2}
name: A word of the crash cases
applies_to: [command]
match:
  field: command_text
  pattern: '${isFirst ? '^alpha ' : '^(alpha|beta) '}'
emits:
  - technique_id: ${isFirst ? 'T1082' : 'T1033'}
    tactic: TA0007
    confidence: ${isFirst ? '0.9' : '0.8'}
evidence_fields: [command_text]
tests:
  - event: { command_text: 'alpha 1' }
    emits: [${isFirst ? 'T1082' : 'T1033'}]
  - event: { command_text: 'gamma 1' }
    emits: []
---
title: The word again and again
id: ${correlation.id}
correlation:
  type: event_count
  rules: [crash.word]
  group-by: [host]
  timespan: ${correlation.timespanS}s
  condition: { gte: ${correlation.least} }
  generate: true
level: low
tags: [attack.t1087]
`
}

/** What one record must have become. */
export type Fate = 'event' | 'dead-letter' | 'deletion'

export function fateOf(value: Uint8Array | null): Fate {
  if (value === null) return 'deletion'
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(value)
    const parsed: unknown = JSON.parse(text)
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    return isObject ? 'event' : 'dead-letter'
  } catch {
    return 'dead-letter'
  }
}

/** The technique a version of the rule gives a record, or null. */
export function techniqueOf(version: number, value: Uint8Array): string | null {
  const text = Buffer.from(value).toString('utf8')
  const isAlpha = text.includes('"command_text":"alpha ')
  const isBeta = text.includes('"command_text":"beta ')
  if (version === 1) return isAlpha ? 'T1082' : null
  return isAlpha || isBeta ? 'T1033' : null
}
