import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { builtinSources, loadSources } from './source-set.ts'

const page = readFileSync(new URL('../docs/sources.md', import.meta.url), 'utf8')

test('the example of the page loads and reads the record it is about', () => {
  const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'ttpstream-docs-'))
  writeFileSync(join(folder, 'example.yaml'), example)
  const loaded = loadSources([folder])
  rmSync(folder, { recursive: true })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics))
  const record = {
    vendor: 'Acme Inc',
    node: 'GW1',
    at: '2026-11-20 06:41:07',
    acme: {
      request_id: 9,
      client: '[2001:DB8::1]:443',
      request: { url: '/%2e%2e', method: 'GET' },
    },
  }
  const json = Buffer.from(JSON.stringify(record))
  const at = { log: 'l', topic: 't', partition: 0, offset: 1, recordTimeMs: 1.8e12, json }
  expect(loaded.value.read(record, at)).toMatchObject({
    source: 'acme-gateway',
    id: `acme:gw1:9:${Date.UTC(2026, 10, 20, 10, 41, 7)}`,
    kind: 'http_request',
    attackerId: '2001:db8::1',
    fields: { raw_url: '/%2e%2e', url_decoded: '/..', method: 'GET' },
  })
})

test('the page names every source there is', () => {
  for (const { name } of builtinSources().sources) expect(page).toContain(`\`${name}\``)
})
