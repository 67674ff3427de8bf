import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readConfig, type SettingName } from '../core/config.ts'
import { metricSpecs } from '../core/metrics.ts'
import { referencePages } from './reference-pages.ts'

const docs = new URL('../docs/', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, docs), 'utf8')

test.each([...referencePages()])(
  'docs/reference/%s says what the declarations say',
  (name, text) => {
    expect(read(`reference/${name}`), 'run `npm run docs`').toBe(text)
  },
)

const alertsSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Ttpstream[A-Za-z]+$/),
          expr: z.string().min(1),
          for: z
            .string()
            .regex(/^\d+[smh]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['info', 'warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
})

test('alert rules use only metrics and labels that exist', () => {
  const { groups } = alertsSchema.parse(load(read('operations/alerts.yaml')))
  const rules = groups.flatMap((group) => group.rules)
  expect(rules.length).toBeGreaterThan(8)
  const specs = new Map<string, readonly string[]>(
    Object.entries(metricSpecs).map(([name, { labels }]) => [name, labels]),
  )
  for (const { alert, expr, annotations } of rules) {
    const used = [...expr.matchAll(/ttpstream_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    )
    expect(used, alert).not.toEqual([])
    for (const name of used) expect(specs.has(name), `${alert}: ${name}`).toBe(true)
    const known = new Set(used.flatMap((name) => specs.get(name) ?? []))
    for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.([a-z]+)/g)) {
      expect(known.has(label), `${alert}: ${label}`).toBe(true)
    }
  }
})

test('settings that the operations page names exist, and no secret is printed', () => {
  const page = read('operations.md')
  const named = [...page.matchAll(/TTPSTREAM_[A-Z_]+[A-Z]/g)].map(([name]) => name)
  const known = Object.keys(readConfig({}).masked())
  for (const name of named)
    expect(known.includes(name) || known.includes(name.replace(/_FILE$/, '')), name).toBe(true)
  const secrets = ['KAFKA_SASL_PASSWORD', 'CLICKHOUSE_PASSWORD', 'INTEGRITY_KEY'] as const
  const environment = Object.fromEntries(secrets.map((name) => [`TTPSTREAM_${name}`, 'hunter2']))
  const config = readConfig(environment)
  expect(JSON.stringify(config.masked())).not.toContain('hunter2')
  for (const name of secrets)
    expect(config.text(`TTPSTREAM_${name}` satisfies SettingName)).toBe('hunter2')
})
