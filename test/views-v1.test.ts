import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import type { Parameter } from '../core/clickhouse.ts'
import { readSqlFiles } from '../core/sql-files.ts'
import { parametersOf, readV1Views, type V1Parameter } from '../scripts/v1-views.ts'
import { sampleAlerts } from './views/alert-histories.ts'
import { catalogDay0, sampleCatalog } from './views/catalog-histories.ts'
import { commandRow } from './views/command-row.ts'
import { openViewsDatabase, type ViewsDatabase } from './views/database.ts'
import { load } from './views/load.ts'
import { printSeed, seed } from './views/seed.ts'
import { snapshotRow } from './views/snapshot-row.ts'
import { sampleTags, tagsDay0 } from './views/tag-histories.ts'
import { sampleTests } from './views/test-histories.ts'

/** What the v1_ views answer, and every view of `views/` as something that can be asked. */

const views = readV1Views()
const tags = sampleTags(seed, 200)
let database: ViewsDatabase

beforeAll(async () => {
  printSeed('v1 views')
  database = await openViewsDatabase()
  await load(database, 'catalog_events', sampleCatalog(seed), { blocks: 2 })
  const reports = [snapshotRow(1, { coverage_pct: 12.5 }), snapshotRow(2, { coverage_pct: null })]
  await load(database, 'catalog_events', reports, { blocks: 1 })
  await load(database, 'alert_events', sampleAlerts(seed, 100), { blocks: 2 })
  await load(database, 'test_events', sampleTests(seed, 200), { blocks: 1 })
  await load(database, 'tags', tags, { blocks: 2 })
  const commands = [1, 2, 3].map((offset) => commandRow({ offset, event_time: tagsDay0 + offset }))
  await load(database, 'commands', commands, { blocks: 1 })
  await database.store.insert('dead_letters', [letter], 'letter')
  await database.store.insert('ingest_progress', [block], 'block')
  await findBestCovered()
}, 60_000)
afterAll(() => database.close())

/** Taken in years from now: a dead letter ends some months later. */
const ingest_time = Date.UTC(2040, 0, 1)
const place = { log: 'l1', topic: 'ttp.commands', partition: 0, offset: 7, ingest_time }
const letter = {
  ...place,
  record_time: tagsDay0,
  last_offset: 7,
  records: 1,
  code: 'invalid-json',
  reason: 'no JSON',
  value_sha256: 'ab',
  value_bytes: 3,
  head: '{"a',
}
const block = {
  ...place,
  last_offset: 9,
  store: 's',
  revision: 'r',
  crc: 1,
  records: 3,
  events: 2,
  dead_letters: 1,
  deletions: 0,
  tags: 4,
  dropped: '{}',
}

const answerSchema = z.object({
  meta: z.array(z.object({ name: z.string(), type: z.string() })),
  data: z.array(z.record(z.string(), z.unknown())),
})

async function ask(name: string, parameters: readonly V1Parameter[]) {
  const list = parameters.map((one) => `${one.name} = ${JSON.stringify(valueFor(one, name))}`)
  const answer = await database.client.query({
    query: `SELECT * FROM ${name}${list.length === 0 ? '' : `(${list.join(', ')})`}`,
    format: 'JSON',
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  })
  return answerSchema.parse(await answer.json())
}

/** When the most is validated: so something falls until everything has expired. */
let bestCoveredS = 0

async function findBestCovered(): Promise<void> {
  let best = 0
  for (let day = 30; day < 360; day += 30) {
    const at_s = catalogDay0 / 1000 + day * 86_400
    const [row] = await database.views.select<{ coverage_pct: number }>('coverage_share', { at_s })
    if (row === undefined || row.coverage_pct <= best) continue
    best = row.coverage_pct
    bestCoveredS = at_s
  }
}

/** A value that a view can be asked with: from the middle of the catalogue's year on, everything. */
function valueFor({ name, type }: V1Parameter, view: string): Parameter {
  const known: Readonly<Record<string, Parameter>> = {
    from_s: view === 'v1_coverage_regression' ? bestCoveredS : catalogDay0 / 1000 + 150 * 86_400,
    to_s: 4_102_444_800,
    at_s: 1_800_000_000,
    before_time_s: 4_102_444_800,
    before_id: '00000000-0000-0000-0000-000000000000',
    rounds: 'latest',
    metric: 'mttd',
  }
  if (name in known) return known[name] ?? null
  if (type.startsWith('Array')) return []
  return type === 'String' ? '' : 1
}

test.each(views)('$name answers as it declares, and what is not known is null', async (view) => {
  const { meta, data } = await ask(view.name, view.parameters)
  expect(meta).toEqual(view.columns.map(({ name, type }) => ({ name, type })))
  expect(data.length).toBeGreaterThan(0)
  for (const row of data) {
    for (const [column, value] of Object.entries(row)) {
      if (column === 'group_value' && row['group_kind'] === 'all') continue
      expect(value, column).not.toBe('')
      if (typeof value === 'string') expect(value, column).not.toMatch(/^1970-/)
    }
  }
})

test('the server shows the comments of every v1 view to those who look there', async () => {
  const answer = await database.client.query({
    query: `SELECT table, name, comment FROM system.columns
      WHERE database = currentDatabase() AND startsWith(table, 'v1_') ORDER BY table, position`,
    format: 'JSONEachRow',
  })
  const shown = views
    .filter(({ parameters }) => parameters.length === 0)
    .flatMap(({ name, columns }) =>
      columns.map((one) => ({ table: name, name: one.name, comment: one.comment })),
    )
  expect(await answer.json()).toEqual(shown)
})

test('v1 tags add up: by tag, by day, and against what was written', async () => {
  const { data } = await ask('v1_tags', [])
  expect(data).toHaveLength(tags.length)
  const daily = (await ask('v1_tags_daily', [])).data
  expect(daily.reduce((sum, row) => sum + Number(row['tags']), 0)).toBe(tags.length)
  const subs = tags.filter((tag) => tag.sub_technique_id !== '').length
  expect(data.filter((row) => row['sub_technique_id'] !== null)).toHaveLength(subs)
  const known = new Set((await ask('v1_techniques', [])).data.map((row) => row['technique_id']))
  for (const row of data) expect(known).toContain(row['attack_id'])
})

test('MTTD and MTTR of v1_test_times are the means of v1_tests', async () => {
  const [view] = views.filter(({ name }) => name === 'v1_test_times')
  const times = (await ask('v1_test_times', view?.parameters ?? [])).data
  const rows = (await ask('v1_tests', [])).data
  for (const metric of ['mttd', 'mttr']) {
    const hours = rows.map((row) => row[`${metric}_hours`]).filter((value) => value !== null)
    const row = times.find((one) => one['metric'] === metric)
    expect(row?.['sample_size'], metric).toBe(hours.length)
    const mean = hours.reduce<number>((sum, value) => sum + Number(value), 0) / hours.length
    if (hours.length > 0) expect(Math.abs(Number(row?.['mean_hours']) - mean)).toBeLessThan(0.051)
  }
})

test('a daily snapshot is what was reported that day, null where there was nothing to cover', async () => {
  const { data } = await ask('v1_coverage_daily', [])
  expect(data.toSorted((a, b) => (String(a['day']) < String(b['day']) ? -1 : 1))).toMatchObject([
    { day: '2026-10-02', coverage_pct: 12.5, total: 691, attack_release: '18.1' },
    { day: '2026-10-03', coverage_pct: null },
  ])
  expect((await ask('v1_confidence_daily', [])).data).toMatchObject([
    { technique_id: 'T1003', status: 'validated', level: 'medium', score: 61.5 },
    { technique_id: 'T1003' },
  ])
})

test('every view of views/reads can be asked', async () => {
  const root = fileURLToPath(new URL('../views', import.meta.url))
  const files = (await readSqlFiles(root)).objects.filter((file) => file.folder === 'reads')
  expect(files.length).toBeGreaterThan(50)
  const broken: string[] = []
  for (const { path, statements } of files) {
    const name = path.replace(/^.*\/|\.sql$/g, '')
    const code = statements.join('\n').replaceAll(/^\s*--.*$/gm, '')
    const parameters = parametersOf(code).map((one) => [one.name, valueFor(one, name)] as const)
    await database.views.select(name, Object.fromEntries(parameters)).catch((error: unknown) => {
      broken.push(`${path}: ${error}`)
    })
  }
  expect(broken).toEqual([])
}, 60_000)
