/** Records that are as bad as a producer can make them and Kafka takes them. All are dead letters. */

import type { TopicMessages } from 'kafkajs'
import type { CaseTopics } from './load.ts'

const large = 900_000

export function poisonMessages(topics: CaseTopics, number: number): TopicMessages[] {
  const bad = [
    '['.repeat(100_000),
    `{"command_text": "${'a'.repeat(large)}`,
    Buffer.alloc(1_000, 0xff),
    `{"a": ${'{"a": '.repeat(10_000)}`,
    `[${'0,'.repeat(100_000)}0]`,
    Buffer.alloc(large, 0),
  ]
  const value = bad[number % bad.length]
  const all = [topics.commands, topics.alerts, topics.tests, topics.catalog]
  const topic = all[Math.floor(number / bad.length) % all.length]
  if (value === undefined || topic === undefined) return []
  return [{ topic, messages: [{ key: `poison${number}`, value }] }]
}
