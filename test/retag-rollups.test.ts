import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Parameter } from '../core/clickhouse.ts'
import type { TagVersion } from '../processors/engine/retag.ts'
import { ClickHouseTagVersions } from '../processors/engine/tag-versions.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { byTechnique, isInWindow, type Window } from './views/oracle/tags.ts'
import { printSeed, seed } from './views/seed.ts'
import { sampleTags, type TagRow, tagsDay0 } from './views/tag-histories.ts'
import { countedRollups, heldRollups } from './views/tag-rollups.ts'

/** Tags superseded and reinstated in random ranges, against flags kept one by one. */

const rounds = 10
const tags = sampleTags(seed, 1_200)
/** Offsets of the tags that are superseded. */
const superseded = new Set<number>()
let database: ViewsDatabase
let versions: ClickHouseTagVersions
let loaded = 900
let timeMs = tagsDay0 + 86_400_000 * 30

const at = { log: 'l1', topic: 'ttp.commands', partition: 0 }
const rules = [
  ['r1', '1~aa'],
  ['r1', '2~bb'],
  ['r2', '1~cc'],
] as const

beforeAll(async () => {
  printSeed('superseded tags')
  database = await openViewsDatabase()
  versions = new ClickHouseTagVersions(database.client)
  await load(database, 'tags', tags.slice(0, loaded), { blocks: 4 })
}, 60_000)
afterAll(() => database.close())

/** One retag of a block, cut off at one of its places and begun again there, or not. */
const retag = fc.record({
  first: fc.integer({ min: 0, max: tags.length }),
  size: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 200, max: 1_200 })),
  rule: fc.constantFrom(...rules),
  isBack: fc.boolean(),
  /** Of the block's tags of the rule, every so many are spared. */
  spared: fc.constantFrom(0, 2, 7),
  repeats: fc.constantFrom('nothing', 'change', 'follow', 'both'),
  isTidied: fc.boolean(),
  inserted: fc.integer({ min: 0, max: 15 }),
})

test('whatever is superseded and reinstated, counts are exact at once, and ends after tidying', async () => {
  const plans = fc.sample(retag, { seed, numRuns: rounds })
  for (const [index, plan] of plans.entries()) {
    timeMs += 1
    const { first, size, repeats } = plan
    const range = { ...at, first, last: first + size }
    const [id, version] = plan.rule
    const own = tags
      .slice(0, loaded)
      .filter((tag) => tag.rule_id === id && tag.rule_version === version)
      .filter(({ offset }) => offset >= range.first && offset <= range.last)
      .filter((_, place) => plan.spared === 0 || place % plan.spared !== 0)
    const chosen = own.map(({ offset, rule_id, rule_version }) => ({
      offset,
      rule_id,
      rule_version,
    }))
    const none: readonly TagVersion[] = []
    const change = plan.isBack
      ? { supersede: none, reinstate: chosen }
      : { supersede: chosen, reinstate: none }
    if (repeats === 'change' || repeats === 'both') await versions.change(range, timeMs, change)
    // An engine goes on meanwhile.
    await load(database, 'tags', tags.slice(loaded, loaded + plan.inserted), { blocks: 1 })
    loaded += plan.inserted
    await versions.change(range, timeMs, change)
    await versions.follow(range, timeMs)
    if (repeats === 'follow' || repeats === 'both') await versions.follow(range, timeMs)
    for (const { offset } of own) {
      if (plan.isBack) superseded.delete(offset)
      else superseded.add(offset)
    }
    const where = `round ${index}: ${JSON.stringify(plan)}`
    const counts = { isCountOnly: true }
    expect(await heldRollups(database.client, counts), where).toEqual(
      await countedRollups(database.client, counts),
    )
    if (plan.isTidied || index === rounds - 1) {
      await versions.tidy()
      await isExact(where)
    }
  }
  expect(superseded.size).toBeGreaterThan(0)
}, 120_000)

async function isExact(where: string): Promise<void> {
  const { client } = database
  expect(await heldRollups(client), where).toEqual(await countedRollups(client))
  for (const isAll of [false, true]) {
    const there = tags.slice(0, loaded).filter(({ offset }) => isAll || !superseded.has(offset))
    await answers(where, there, isAll)
  }
}

const windows: readonly Window[] = [
  { from_s: 0, to_s: 4_102_444_800, min_confidence: 0 },
  { from_s: tagsDay0 / 1_000 + 43_200, to_s: tagsDay0 / 1_000 + 200_000, min_confidence: 0.5 },
]

async function answers(where: string, there: readonly TagRow[], isAll: boolean): Promise<void> {
  const mode = { all_versions: isAll }
  for (const window of windows) {
    const inside = there.filter((tag) => isInWindow(tag, window))
    const fleet = await ask('tag_techniques', { ...window, ...mode })
    expect(fleet, where).toEqual(byTechnique(inside))
    if (window.from_s === 0) {
      expect(await ask('tag_techniques_of_months', { ...window, ...mode }), where).toEqual(fleet)
    }
    for (const anchor of ['attacker_id', 'session_id'] as const) {
      const id = anchor === 'attacker_id' ? 'a2' : 's1'
      const view = `tag_techniques_by_${anchor.replace('_id', '')}`
      const seen = await ask(view, { [anchor]: id, ...window, ...mode })
      expect(seen, where).toEqual(byTechnique(inside.filter((tag) => tag[anchor] === id)))
    }
    const named = there.filter((tag) => tag.identity_id === 'i1' && isInWindow(tag, window))
    const seen = await ask('tag_techniques_by_identity', { identity_id: 'i1', ...window, ...mode })
    expect(seen, where).toEqual(byTechnique(named))
  }
  for (const [view, anchor] of [
    ['tag_list', {}],
    ['tag_list_of_entity', { identity_id: '', attacker_id: '', session_id: 's1' }],
  ] as const) {
    const listed = await database.views.select<{ tag_id: string }>(view, {
      ...{ technique_id: '', host: '', rule_id: '' },
      ...{ from_s: 0, to_s: 4_102_444_800, min_confidence: 0, limit_rows: 40 },
      ...{ before_time_s: 4_102_444_800, before_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' },
      ...mode,
      ...anchor,
    })
    const own = there.filter((tag) => !('session_id' in anchor) || tag.session_id === 's1')
    expect(listed.length, where).toBe(Math.min(40, own.length))
    expect(
      listed.every(({ tag_id }) => own.some((tag) => tag.tag_id === tag_id)),
      where,
    ).toBe(true)
  }
}

async function ask(view: string, parameters: Readonly<Record<string, Parameter>>) {
  const answer = await database.views.select<Record<string, unknown>>(view, parameters)
  const keyOf = (row: Record<string, unknown>) =>
    JSON.stringify([row['technique_id'], row['sub_technique_id'], row['tactic']])
  return answer.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}
