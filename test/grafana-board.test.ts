import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createClickHouse } from '../cli/clickhouse.ts'
import { type DevStack, startDevStack } from '../cli/dev-stack.ts'

/** The board asks the live views: a column that is gone fails here, not on somebody's wall; and only v1_ views. */

const boardSchema = z.object({
  panels: z.array(
    z.object({ title: z.string(), targets: z.array(z.object({ rawSql: z.string() })).min(1) }),
  ),
})
const file = new URL('../deploy/grafana/dashboards/ttpstream.json', import.meta.url)
const { panels } = boardSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
const folder = mkdtempSync(join(tmpdir(), 'ttpstream-board-'))
let stack: DevStack

beforeAll(async () => {
  stack = await startDevStack({ dataDir: folder, hasUsualPorts: false })
}, 60_000)

afterAll(async () => {
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}, 30_000)

test.each(panels.map(({ title, targets }) => ({ title, targets })))(
  'the panel $title is answered by the views as they are',
  async ({ targets }) => {
    const store = createClickHouse(stack.config)
    const now = Math.floor(Date.now() / 1000)
    for (const { rawSql } of targets) {
      const query = rawSql
        .replaceAll(/\$\{__to:date:seconds\}/g, String(now))
        .replaceAll(/\$\{__from:date:seconds\}/g, String(now - 86_400))
      expect(query).not.toContain('${')
      expect(query).toMatch(/FROM v1_/)
      expect(query).not.toMatch(/(FROM|(?<!ARRAY )JOIN) (?!v1_|\()/)
      const answer = await store.query({ query, format: 'JSON' })
      const { meta } = await answer.json()
      expect(meta?.length).toBeGreaterThan(0)
    }
    await store.close()
  },
)
