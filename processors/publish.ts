import type { OutRecord } from '../core/kafka.ts'
import type { Row } from '../schemas/table.ts'
import type { Publish } from './processor.ts'

/**
 * What goes out once its rows are durable: every tag, keyed by its parent technique, and every dead
 * letter, keyed by the topic it came from. Pure, so that a recovered block publishes the same.
 */

export interface PublishTopics {
  readonly tags: string
  readonly deadLetters: string
}

export function createPublish(topics: PublishTopics): Publish {
  return (rows) => [
    ...(rows.tags ?? []).map((tag) => tagRecord(topics.tags, tag)),
    ...(rows.dead_letters ?? []).map((letter) => deadLetterRecord(topics.deadLetters, letter)),
  ]
}

/** Times as RFC 3339, evidence as an object, absent anchors left out. */
function tagRecord(topic: string, tag: Row<'tags'>): OutRecord {
  const value = {
    ...withTexts(tag),
    ingest_time: instant(tag.ingest_time),
    event_time: instant(tag.event_time),
    tagged_time: instant(tag.tagged_time),
    evidence: JSON.parse(tag.evidence),
  }
  return { topic, key: tag.technique_id, value: JSON.stringify(value) }
}

function deadLetterRecord(topic: string, letter: Row<'dead_letters'>): OutRecord {
  const value = {
    ...letter,
    ingest_time: instant(letter.ingest_time),
    record_time: instant(letter.record_time),
  }
  return { topic, key: letter.topic, value: JSON.stringify(value) }
}

function withTexts(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== ''))
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}
