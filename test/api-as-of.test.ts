import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RuleSummary } from '../api/resource.ts'
import type { TableName } from '../schemas/table.ts'
import { documentOf, testApp } from './api-client.ts'
import { type ApiStore, startApiStore } from './api-store.ts'
import { catalogDay0, halfDayMs } from './views/catalog-histories.ts'
import { type Change, catalogRows } from './views/catalog-rows.ts'
import { decayTechniques, sampleDecay } from './views/decay-histories.ts'
import { earlierAndLater, isLaterRecord } from './views/earlier-and-later.ts'
import { alerts, catalog, commands, tags, tests } from './views/lifecycle-world.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleTags, tagRow, tagsDay0 } from './views/tag-histories.ts'

/**
 * Every GET of the served document, asked about the past before and after later events come: with `at`
 * where it takes one, else up to an instant by `to`. What takes neither says here why.
 */

const dayMs = 2 * halfDayMs
/** Between the instants of the changes, and on no day's boundary. */
const askedMs = catalogDay0 + 300 * halfDayMs + 3_600_000
/** When everything has happened. */
const nowMs = catalogDay0 + 640 * halfDayMs

const aboutNow: Readonly<Record<string, string>> = {
  '/': 'a page',
  '/openapi.json': 'this document',
  '/health/live': 'this process',
  '/health/ready': 'this process',
  '/metrics': 'this process',
  '/api/v1/ingest': 'what was taken in, whenever it happened',
  '/api/v1/ttp/techniques/{id}/groups': 'the release of ATT&CK in use',
  '/api/v1/ttp/attack/techniques': 'the release of ATT&CK in use',
}

const ids: Readonly<Record<string, string>> = {
  '/api/v1/ttp/by-identity/{id}': 'i1',
  '/api/v1/ttp/identities/{id}': 'i1',
  '/api/v1/ttp/by-attacker/{id}': 'a1',
  '/api/v1/ttp/by-session/{id}': 's1',
  '/api/v1/ttp/rules/{id}': 'asset-1',
  '/api/v1/ttp/rules/{id}/state': 'asset-1',
  '/api/v1/ttp/rules/{id}/state/history': 'asset-1',
  '/api/v1/detection-lifecycle/confidence/{technique}': 'T1059',
}

/** More ways to ask: each is a question of its own. */
const also: Readonly<Record<string, readonly string[]>> = {
  '/api/v1/ttp/identities/{id}': ['', 'of=i9'],
  '/api/v1/ttp/export/navigator': ['', 'identity=i1', 'score=count'],
  '/api/v1/metrics/operational/mttr': ['', 'rounds=all'],
  '/api/v1/metrics/operational/trend': ['', 'as_of=week_end&period=1y'],
  '/api/v1/detection-lifecycle/assets': ['', 'adoption=candidate'],
  '/api/v1/detection-lifecycle/assets/{id}/techniques': ['', 'removed=true'],
}

interface Question {
  readonly path: string
  readonly url: (atMs: number) => string
}

const questions = Object.entries(documentOf(testApp()).paths).flatMap(([path, { get }]) => {
  if (get === undefined || path in aboutNow) return []
  const names = get.parameters.filter((one) => one.in === 'query').map(({ name }) => name)
  const [until] = ['at', 'to'].filter((name) => names.includes(name))
  expect(until, `${path} takes neither at nor to, and no reason is given`).toBeDefined()
  return (also[path] ?? ['']).map((more): Question => {
    const asked = new URLSearchParams(more)
    const id = asked.get('of') ?? ids[path] ?? 'always'
    asked.delete('of')
    if (names.includes('limit')) asked.set('limit', '1000')
    // Of a regression: since when.
    if (path.endsWith('/regression')) asked.set('from', seconds(askedMs - 100 * dayMs))
    return {
      path,
      url(atMs) {
        asked.set(until ?? '', seconds(atMs))
        return `${path.replace(/{[^}]+}/, encodeURIComponent(id))}?${asked}`
      },
    }
  })
})

function seconds(ms: number): string {
  return String(ms / 1000)
}

/** Who is who, some of it told later: i9 is heard of only then. And an asset that is there throughout. */
const always = catalogRows(
  [
    told('detection_asset', 'always', -200, { name: 'A', asset_type: 'sigma', rule_content: 'a' }),
    told('mapping', 'always/T1059', -200, { asset_id: 'always', technique_id: 'T1059' }),
    told('validation', 'always-1', -50, { asset_id: 'always', validation_result: 'detected' }),
    told('decay_request', 'always-1', -50, {}),
    told('mapping', 'always/T1059', 5, { asset_id: 'always', technique_id: 'T1078' }),
    told('validation', 'always-2', 6, { asset_id: 'always', validation_result: 'not_detected' }),
    told('detection_asset', 'always', 7, { name: 'B', asset_type: 'sigma', rule_content: 'b' }),
    told('decay_request', 'always-2', 8, {}),
    told('rule_state', 'asset-1', -3, { state: 'shadow', reason: 'new' }),
    told('rule_state', 'asset-1', 3, { state: 'disabled', reason: 'noisy' }),
    told('merge', 'm1', -3, { entity_kind: 'identity', loser_id: 'i1', winner_id: 'i2' }),
    told('membership', 'b1', -3, { identity_id: 'i1', attacker_id: 'a1' }),
    told('merge', 'm2', 2, { entity_kind: 'identity', loser_id: 'i2', winner_id: 'i3' }),
    told('membership', 'b2', 2, { identity_id: 'i1', attacker_id: 'a2' }),
    told('membership', 'b3', 2, { identity_id: 'i9', attacker_id: 'a3' }),
  ],
  { firstOffset: 80_000 },
)

function told(kind: string, id: string, days: number, entity: Record<string, string>): Change {
  return { kind, id, event_time: askedMs + days * dayMs, entity }
}

const rule: RuleSummary = {
  id: 'asset-1',
  name: 'Rule',
  description: '',
  version: '1~00000000',
  language: 'native',
  severity: 'high',
  kinds: ['command'],
  logsource: {},
  ruleHash: 'a'.repeat(64),
  logicHash: 'b'.repeat(64),
  emits: [],
}

/** Around the instant asked about, of the one rule that is loaded. */
const seenTags = sampleTags(seed, 400).map(({ tag_id: _, source_id: __, ...tag }) =>
  tagRow({
    ...tag,
    offset: 10_000 + tag.offset,
    rule_id: rule.id,
    event_time: tag.event_time - tagsDay0 + askedMs - 2 * dayMs,
  }),
)

let store: ApiStore

beforeAll(async () => {
  printSeed('answers about the past')
  store = await startApiStore({ clock: { now: () => nowMs }, rules: () => [rule] })
}, 240_000)
afterAll(() => store.close())

async function answersAt(atMs: number, asked = questions): Promise<Map<string, unknown>> {
  const answers = new Map<string, unknown>()
  const left = [...asked]
  // As many at a time as the API's sessions answer side by side.
  const ask = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { status, body } = await store.send(next.url(atMs))
      answers.set(next.url(atMs), { status, body: status === 200 ? body : '' })
    }
  }
  await Promise.all([ask(), ask(), ask()])
  return answers
}

test('no answer about the past moves when only later events come', async () => {
  const world = [
    part('catalog_events', [...catalog, ...always, ...decay], askedMs, (row) =>
      isLaterRecord(row, askedMs),
    ),
    part('alert_events', alerts, askedMs),
    part('test_events', tests, askedMs),
    part('tags', [...tags, ...seenTags], askedMs),
    part('commands', commands, askedMs),
  ]
  for (const { loadEarlier } of world) await loadEarlier()
  const before = await answersAt(askedMs)
  for (const { loadLater } of world) await loadLater()
  const after = await answersAt(askedMs)
  for (const [url, answer] of before) expect.soft(after.get(url), url).toEqual(answer)
  // Not for want of anything to tell: of each path the answer about the present is another.
  const firsts = [...new Map(questions.toReversed().map((one) => [one.path, one])).values()]
  const present = await answersAt(nowMs, firsts)
  for (const { path, url } of firsts) {
    const answer = present.get(url(nowMs))
    expect.soft(answer, path).toMatchObject({ status: 200 })
    expect.soft(answer, path).not.toEqual(after.get(url(askedMs)))
  }
}, 600_000)

/** Of the technique that is asked about, too. */
const decay = sampleDecay(seed, 10, 60_000).map((row) => {
  const asked = (text: string) => text.replaceAll(`"${decayTechniques(0)[0]}"`, '"T1059"')
  return { ...row, entity: asked(row.entity), derived: asked(row.derived) }
})

function part<Name extends TableName>(...of: Parameters<typeof earlierAndLater<Name>>) {
  const [table] = of
  const { earlier, later } = earlierAndLater(...of)
  return {
    loadEarlier: () => store.insert(table, earlier),
    loadLater: () => store.insert(table, later),
  }
}
