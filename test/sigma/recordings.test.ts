import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ruleContext } from '../../rules/language/context.ts'
import { naiveRevision } from '../../rules/language/naive-revision.ts'
import { compileRevision } from '../../rules/matcher/revision.ts'
import type { Rule } from '../../rules/rule.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import { recordedEvents } from './recorded-event.ts'
import { differences } from './recording-differences.ts'
import { missing, recordings, sigmaFiles } from './sigma-hq.ts'

const skip = missing !== undefined
/** DEEP=1 for the long runs. */
const isDeep = process.env['DEEP'] === '1'
const suffix = '.ndjson.gz'

/** What the other engine was given: everything under `rules/`. */
function rules(): readonly Rule[] {
  const files = sigmaFiles().filter(({ path }) => path.startsWith('rules/'))
  return buildRuleSet(files, ruleContext()).rules
}

function recordingFiles(): string[] {
  return readdirSync(recordings).filter((name) => name.endsWith(suffix))
}

type Counts = Readonly<Record<string, number>>

test.skipIf(skip)(
  'on 59 recordings every rule matches as often as in an independent engine',
  { timeout: 600_000 },
  async () => {
    const text = readFileSync(`${recordings}matches-by-another-engine.json`, 'utf8')
    const theirs: Readonly<Record<string, Counts>> = JSON.parse(text)
    const explained = new Set(differences.map(({ ruleId }) => ruleId))
    const revision = compileRevision(rules())
    const total = new Map<string, { ours: number; theirs: number }>()
    const unexplained: string[] = []
    let events = 0
    for (const file of recordingFiles()) {
      const id = file.slice(0, -suffix.length)
      const counts: Record<string, number> = {}
      for await (const event of recordedEvents(recordings + file)) {
        events += 1
        for (const rule of revision.match(event)) counts[rule.id] = (counts[rule.id] ?? 0) + 1
      }
      for (const ruleId of new Set([...Object.keys(counts), ...Object.keys(theirs[id] ?? {})])) {
        const [mine, other] = [counts[ruleId] ?? 0, theirs[id]?.[ruleId] ?? 0]
        const sum = total.get(ruleId) ?? { ours: 0, theirs: 0 }
        total.set(ruleId, { ours: sum.ours + mine, theirs: sum.theirs + other })
        if (mine !== other && !explained.has(ruleId)) {
          unexplained.push(`${id} ${ruleId}: ${mine}, theirs ${other}`)
        }
      }
    }
    expect(events).toBe(330_366)
    expect(unexplained).toEqual([])
    for (const { ruleId, ours, theirs: other } of differences) {
      expect([ruleId, total.get(ruleId)]).toEqual([ruleId, { ours, theirs: other }])
    }
    expect(revision.totals().alwaysEvaluated).toEqual([])
  },
)

test.skipIf(skip)(
  'on a sample of the recordings the index finds what evaluating all rules finds',
  { timeout: 600_000 },
  async () => {
    const perRecording = isDeep ? 120 : 20
    const set = rules()
    const indexed = compileRevision(set)
    const naive = naiveRevision(set)
    let matches = 0
    let compared = 0
    for (const [place, file] of recordingFiles().entries()) {
      let read = 0
      const left = { sampled: perRecording, matching: perRecording / 4 }
      for await (const event of recordedEvents(recordings + file)) {
        read += 1
        const given = indexed.match(event).map((rule) => rule.id)
        // Every 17th, from another one in each recording; and some of the few that match.
        const why = (read + place) % 17 === 0 ? 'sampled' : 'matching'
        if (why === 'matching' && given.length === 0) continue
        left[why] -= 1
        if (left[why] < 0) {
          if (why === 'sampled') break
          continue
        }
        expect(given).toEqual(naive.match(event).map((rule) => rule.id))
        matches += given.length
        compared += 1
      }
    }
    process.stderr.write(
      `matcher soundness: ${compared} real events × ${set.length} rules, ${matches} matches\n`,
    )
    expect(compared).toBeGreaterThan(isDeep ? 5_000 : 1_000)
    expect(matches).toBeGreaterThan(50)
  },
)
