import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Parameter } from '../core/clickhouse.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { isoTime, load } from './views/load.ts'
import {
  byRule,
  byTechnique,
  identityState,
  isInWindow,
  isOfIdentity,
  oneWith,
  pathOf,
  type Window,
} from './views/oracle/tags.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleActors, sampleTags, type TagRow, tagsDay0 } from './views/tag-histories.ts'

/** Rollups and lists of tags against a count one by one. */

const tags = sampleTags(seed, 1500)
const actors = sampleActors(seed, 24)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('views of tags')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', actors, { blocks: 1 })
  await load(database, 'tags', tags, { blocks: 4 })
}, 60_000)
afterAll(() => database.close())

/** Of a tag's versions only the one that stands. */
const current = { all_versions: false }
const ever: Window = { from_s: 0, to_s: 4_102_444_800, min_confidence: 0 }
/** Midnights, a millisecond beside them, and anything between. */
const instant = fc
  .tuple(fc.integer({ min: -1, max: 5 }), fc.constantFrom(0, 1, 86_399_999, 43_200_000, 12_345_678))
  .map(([day, ms]) => (tagsDay0 + day * 86_400_000 + ms) / 1000)
const windows: readonly Window[] = [
  ever,
  ...fc.sample(
    fc.record({
      from_s: instant,
      to_s: fc.oneof(instant, fc.constant(ever.to_s)),
      min_confidence: fc.constantFrom(0, 0.5, 0.85),
    }),
    { seed, numRuns: 25 },
  ),
]

async function read(view: string, parameters: Readonly<Record<string, Parameter>>) {
  return database.views.select<Record<string, unknown>>(view, parameters)
}

function sorted(rows: readonly Record<string, unknown>[], ...keys: string[]) {
  const keyOf = (row: Record<string, unknown>) => JSON.stringify(keys.map((key) => row[key]))
  return rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

test.concurrent('techniques are counted exactly in any window, replays or not', async () => {
  for (const window of windows) {
    const inside = tags.filter((tag) => isInWindow(tag, window))
    const rows = await read('tag_techniques', { ...window, ...current })
    const seen = sorted(rows, 'technique_id', 'sub_technique_id', 'tactic')
    expect(seen, JSON.stringify(window)).toEqual(byTechnique(inside))
  }
})

test.concurrent('techniques of whole months are those of the same window', async () => {
  const [before, first, next] = [8, 9, 10].map((month) => Date.UTC(2026, month) / 1000)
  for (const [from_s = 0, to_s = ever.to_s] of [[], [first], [before, first], [first, next]]) {
    for (const min_confidence of [0, 0.85]) {
      const window = { from_s, to_s, min_confidence }
      const rows = await read('tag_techniques_of_months', { ...window, ...current })
      const seen = sorted(rows, 'technique_id', 'sub_technique_id', 'tactic')
      expect(seen.length).toBeGreaterThan(2)
      expect(seen, JSON.stringify(window)).toEqual(
        byTechnique(tags.filter((tag) => isInWindow(tag, window))),
      )
    }
  }
})

test.concurrent('an identity is all that is merged with it and their attackers, as of the end of any window', async () => {
  const ids = ['i1', 'i2', 'i3', 'i4', 'i5', 'unheard of']
  for (const [index, window] of windows.slice(0, 14).entries()) {
    const atMs = window.to_s * 1000
    for (const id of ids) {
      const where = `${id} ${JSON.stringify(window)}`
      const own = tags.filter(
        (tag) => isOfIdentity(tag, id, actors, atMs) && isInWindow(tag, window),
      )
      const rows = await read('tag_techniques_by_identity', {
        identity_id: id,
        ...window,
        ...current,
      })
      const seen = sorted(rows, 'technique_id', 'sub_technique_id', 'tactic')
      expect(seen, where).toEqual(byTechnique(own))
      const asked = { identity_id: id, at_s: window.to_s }
      const [anchors] = await read('identity_anchors', asked)
      expect(new Set(anchors?.['members'] as string[]), where).toEqual(oneWith(id, actors, atMs))
      expect(await read('identity_path', asked), where).toEqual([
        { path: pathOf(id, actors, atMs) },
      ])
      if (index % 4 === 0) {
        const state = identityState(id, actors, atMs)
        expect(await read('identity_state', asked), where).toEqual([state])
      }
    }
  }
})

test.concurrent.each(['identity', 'attacker', 'session'] as const)(
  'the techniques of one %s are counted exactly in any window',
  async (anchor) => {
    const key = `${anchor}_id` as const
    const ids = [...new Set(tags.map((tag) => tag[key])), 'unheard of'].filter((id) => id !== '')
    for (const [index, window] of windows.entries()) {
      const id = ids[index % ids.length] ?? ''
      const isOwn = (tag: TagRow) =>
        anchor === 'identity' ? isOfIdentity(tag, id, actors, window.to_s * 1000) : tag[key] === id
      const own = tags.filter((tag) => isOwn(tag) && isInWindow(tag, window))
      const rows = await read(`tag_techniques_by_${anchor}`, { [key]: id, ...window, ...current })
      const seen = sorted(rows, 'technique_id', 'sub_technique_id', 'tactic')
      expect(seen, `${id} ${JSON.stringify(window)}`).toEqual(byTechnique(own))
    }
    for (const id of ids) {
      const own = tags.filter((tag) => tag[key] === id).map((tag) => tag.event_time)
      const told = anchor === 'identity' ? tellings(id) : []
      const firstMs = Math.min(...own, ...told)
      for (const atMs of [ever.to_s * 1000, firstMs, firstMs - 1, tagsDay0 + 43_200_000]) {
        if (!Number.isFinite(atMs)) continue
        const asked = { [key]: id, at_s: atMs / 1000 }
        expect(await read(`${anchor}_seen`, asked), `${id} ${atMs}`).toEqual([
          { seen: firstMs <= atMs },
        ])
      }
    }
  },
)

/** When the catalogue told of an identity: in merges of identities and as whom an attacker is. */
function tellings(id: string): number[] {
  return actors.flatMap(({ op, entity, event_time }) => {
    // Checked: the processor writes JSON objects.
    const told = JSON.parse(entity) as Record<string, unknown>
    const isOfIdentity = op === 'put' && told['entity_kind'] !== 'campaign'
    const names = [told['identity_id'], told['loser_id'], told['winner_id']]
    return isOfIdentity && names.includes(id) ? [event_time] : []
  })
}

test.concurrent('hits are counted by rule and version in any window', async () => {
  for (const window of windows) {
    const inside = tags.filter((tag) => isInWindow(tag, { ...window, min_confidence: 0 }))
    const rows = await read('rule_hits', { from_s: window.from_s, to_s: window.to_s })
    expect(sorted(rows, 'rule_id', 'rule_version'), JSON.stringify(window)).toEqual(byRule(inside))
  }
})

const anyEntity = { identity_id: '', attacker_id: '', session_id: '' }

test.concurrent('pages of tags hold each tag that was asked for once, newest first', async () => {
  const filters: readonly Partial<TagRow>[] = [
    {},
    { technique_id: 'T1003', host: 'h1' },
    { technique_id: 'T1003.006' },
    { session_id: 's2', rule_id: 'r1' },
    { identity_id: 'i1', attacker_id: 'a2' },
    { identity_id: 'i1' },
    { attacker_id: 'a2', technique_id: 'T1003' },
    { session_id: 's2' },
    { session_id: 'unheard of' },
  ]
  for (const [index, filter] of filters.entries()) {
    const window = windows[index] ?? ever
    const anyTag = { technique_id: '', host: '', rule_id: '' }
    const isAnchored = Object.keys(anyEntity).some((key) => key in filter)
    const view = isAnchored ? 'tag_list_of_entity' : 'tag_list'
    const anchors = isAnchored ? anyEntity : {}
    const asked = { ...current, ...anyTag, ...anchors, ...window, ...filter }
    const seen: string[] = []
    let before: [number, string] = [ever.to_s, 'ffffffff-ffff-ffff-ffff-ffffffffffff']
    // Short pages of what an anchor narrows down: they end among tags of one instant.
    const limit_rows = 'identity_id' in filter || 'attacker_id' in filter ? 7 : 100
    for (let page = 0; page < 500; page++) {
      const [before_time_s, before_id] = before
      const rows = await read(view, { ...asked, before_time_s, before_id, limit_rows })
      for (const row of rows) seen.push(`${row['event_time']} ${row['tag_id']}`)
      const last = rows.at(-1)
      if (rows.length < limit_rows || last === undefined) break
      before = [Date.parse(String(last['event_time'])) / 1000, String(last['tag_id'])]
    }
    const expected = tags.filter((tag) => isInWindow(tag, window) && isAsked(tag, filter))
    const message = JSON.stringify(asked)
    expect(
      seen.map((line) => line.slice(0, 24)),
      message,
    ).toEqual(
      seen
        .map((line) => line.slice(0, 24))
        .toSorted()
        .toReversed(),
    )
    expect(seen.toSorted(), message).toEqual(
      expected.map((tag) => `${isoTime(tag.event_time)} ${tag.tag_id}`).toSorted(),
    )
  }
})

test.concurrent('the list of an entity has every column as the table has it', async () => {
  const page = { before_time_s: ever.to_s, before_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }
  const asked = { ...ever, technique_id: '', host: '', rule_id: '', limit_rows: 5000, ...page }
  const rows = await read('tag_list', { ...asked, all_versions: true })
  for (const [column, entity] of [
    ['identity_id', 'i1'],
    ['attacker_id', 'a2'],
    ['session_id', 's3'],
  ] as const) {
    const own = { ...asked, ...anyEntity, [column]: entity, all_versions: true }
    const seen = await read('tag_list_of_entity', own)
    expect(seen.length).toBeGreaterThan(100)
    expect(seen.map(({ tag, ...row }) => Object.assign(row, tag))).toEqual(
      rows.filter((row) => row[column] === entity),
    )
  }
})

function isAsked(tag: TagRow, filter: Partial<TagRow>): boolean {
  return Object.entries(filter).every(([key, value]) =>
    key === 'technique_id'
      ? [tag.technique_id, tag.sub_technique_id].includes(String(value))
      : Object.entries(tag).some(([column, held]) => column === key && held === value),
  )
}

test.concurrent('days are UTC days whatever the time zone of the session', async () => {
  const [from_s, to_s] = [(tagsDay0 + 3_600_000) / 1000, tagsDay0 / 1000 + 3 * 86_400 + 60]
  const inside = tags.filter((tag) => isInWindow(tag, { ...ever, from_s, to_s }))
  for (const view of ['tag_techniques', 'rule_hits']) {
    const answer = await database.client.query({
      query: `SELECT sum(count) AS tags FROM ${view}(from_s = ${from_s}, to_s = ${to_s}${
        view === 'rule_hits' ? '' : ', min_confidence = 0, all_versions = false'
      })`,
      format: 'JSONEachRow',
      clickhouse_settings: { session_timezone: 'America/New_York' },
    })
    const [row] = await answer.json<{ tags: unknown }>()
    expect(Number(row?.tags)).toBe(inside.length)
  }
})
