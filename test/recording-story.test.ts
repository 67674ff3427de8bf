import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { missing, recordings } from './sigma/sigma-hq.ts'

/**
 * The labelled recordings as tests, SigmaHQ's rules as adopted assets, one of them edited: the whole
 * story through broker, engine, ClickHouse and API, as `ttpstream coverage --story` tells it.
 */

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))
const archive = fileURLToPath(
  new URL('../../shared/data/sigmahq-rules-2026-08.tgz', import.meta.url),
)

const standing = { coveragePct: z.number(), status: z.string(), score: z.number() }
const told = z.object({
  recordings: z.array(
    z.object({
      id: z.string(),
      technique: z.string(),
      isDetected: z.boolean(),
      seconds: z.number().nullable(),
      missReason: z.string().nullable(),
    }),
  ),
  events: z.number(),
  deadLetters: z.number(),
  rules: z.number(),
  detected: z.object({ share: z.number() }),
  coverage: z.object({ validated: z.number(), coverage_pct: z.number() }),
  adopted: z.number(),
  story: z.object({
    ruleId: z.string(),
    technique: z.string(),
    tests: z.array(
      z.object({
        test_id: z.string(),
        detected_seconds: z.number().nullable(),
        miss_reason: z.string().nullable(),
      }),
    ),
    before: z.object(standing),
    commented: z.object({ ...standing, assetsPublished: z.number() }),
    edited: z.object({
      ...standing,
      validationsFallen: z.number(),
      losses: z.array(
        z.object({
          technique_id: z.string(),
          asset_id: z.string(),
          cause: z.string(),
          rule_version_from: z.string(),
          rule_version_to: z.string(),
          rule_file_path: z.string(),
        }),
      ),
    }),
    revalidated: z.object({ ...standing, detected: z.number(), replayed: z.number() }),
  }),
})

test.skipIf(missing !== undefined || !existsSync(archive))(
  'recordings are detected or missed with a reason; an edited rule loses its validation until it is replayed',
  { timeout: 280_000 },
  async () => {
    const { recordings: tests, story, ...all } = told.parse(JSON.parse(await tell()))
    expect(all).toMatchObject({ events: 330_366, deadLetters: 0, rules: 3_752, adopted: 3_752 })
    expect(tests.length).toBeGreaterThanOrEqual(59)

    const detected = tests.filter(({ isDetected }) => isDetected)
    expect(detected.length).toBeGreaterThanOrEqual(30)
    expect(all.detected.share).toBeCloseTo(detected.length / tests.length, 2)
    expect(detected.every(({ seconds }) => seconds !== null && seconds >= 0)).toBe(true)
    const reasons = tests.filter(({ isDetected }) => !isDetected).map((one) => one.missReason)
    expect(new Set(reasons)).toEqual(new Set(['no_rule_matched']))
    expect(all.coverage.validated).toBeGreaterThanOrEqual(20)
    // The API tells the same of the same tests.
    const shown = new Map(story.tests.map((one) => [one.test_id, one.detected_seconds]))
    for (const { id, technique, seconds } of tests) {
      expect(shown.get(`recording:${id}/${technique}`)).toBe(seconds)
    }

    const { before, commented, edited, revalidated, ruleId, technique } = story
    expect(before.status).toBe('validated')
    expect(commented).toEqual({ ...before, assetsPublished: 0 })
    expect(edited.validationsFallen).toBeGreaterThanOrEqual(1)
    expect(edited.status).toBe('none')
    expect(edited.score).toBeLessThan(before.score)
    expect(edited.coveragePct).toBeLessThan(before.coveragePct)
    const loss = edited.losses.find(({ technique_id }) => technique_id === technique)
    expect(loss).toMatchObject({ asset_id: `rule:${ruleId}`, cause: 'rule_changed' })
    expect(loss?.rule_version_from).toMatch(/~[0-9a-f]{8}$/)
    expect(loss?.rule_version_to).not.toBe(loss?.rule_version_from)
    expect(loss?.rule_file_path).toMatch(/\.yml$/)
    expect(revalidated).toMatchObject({
      ...before,
      detected: edited.validationsFallen,
      replayed: edited.validationsFallen,
    })
  },
)

/** What the command prints for machines. */
async function tell(): Promise<string> {
  const words = ['coverage', '--recordings', recordings, '--rules', archive, '--story', '--json']
  const command = spawn(process.execPath, ['--import', 'tsx', main, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(command, 'exit')
  let out = ''
  for await (const part of command.stdout) out += String(part)
  expect(await exited).toEqual([0, null])
  return out
}
