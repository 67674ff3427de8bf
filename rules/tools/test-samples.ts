import type { RuleContext } from '../language/context.ts'
import { sampleProblem } from '../language/sample.ts'
import type { Rule } from '../rule.ts'

/** `rules test`: every rule against the samples in its own file, through the reference evaluator. */
export interface SampleResult {
  readonly ruleId: string
  readonly file: string
  /** Of the sample. */
  readonly line: number
  /** Undefined when the rule does what the sample says. */
  readonly problem?: string
}

export interface SampleRun {
  readonly results: readonly SampleResult[]
  readonly passed: number
  readonly failed: number
  /** Ids of rules without a sample that must match, or without one that must not. */
  readonly untested: readonly string[]
}

/** Rules that failed to load are not here; `checkRules` reports them. */
export function testSamples(rules: readonly Rule[], context: RuleContext): SampleRun {
  const results = rules.flatMap((rule) =>
    rule.samples.map((sample): SampleResult => {
      const fields = context.prepare(sample.kind, sample.fields)
      const event = { kind: sample.kind, logsource: sample.logsource, fields }
      const problem = sampleProblem(rule, sample, event, context.attack)
      const { id: ruleId, file } = rule
      return { ruleId, file, line: sample.line, ...(problem === undefined ? {} : { problem }) }
    }),
  )
  const failed = results.filter(({ problem }) => problem !== undefined).length
  const native = rules.filter((rule) => rule.language === 'native')
  const untested = native.filter(
    ({ samples }) =>
      !samples.some(({ emits }) => emits.length > 0) ||
      !samples.some(({ emits }) => emits.length === 0),
  )
  return {
    results,
    passed: results.length - failed,
    failed,
    untested: untested.map((rule) => rule.id),
  }
}

export function formatSamples(run: SampleRun): string {
  const failures = run.results.flatMap(({ file, line, ruleId, problem }) =>
    problem === undefined ? [] : [`${file}:${line}: ${ruleId}: ${problem}`],
  )
  const untested = run.untested.map(
    (id) => `${id}: needs a sample that matches and one that does not`,
  )
  return [...failures, ...untested, `${run.passed} samples pass, ${run.failed} fail`].join('\n')
}
