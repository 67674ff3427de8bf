/** The author's tools: what a person who writes rules asks of them. */

import { formatDiagnostic } from '../../core/diagnostic.ts'
import { ConfigError } from '../../core/error.ts'
import { compileRules } from '../../rules/compile.ts'
import { emitsOf } from '../../rules/emit.ts'
import { ruleContext } from '../../rules/language/context.ts'
import { backtest, formatBacktest } from '../../rules/tools/backtest.ts'
import { checkRules, checkToJson, formatCheck } from '../../rules/tools/check.ts'
import { formatCoverage, ruleCoverage } from '../../rules/tools/coverage.ts'
import { explain, formatExplanation } from '../../rules/tools/explain.ts'
import { importReport } from '../../rules/tools/import-report.ts'
import { lintRules } from '../../rules/tools/lint.ts'
import { fileLines, runFile } from '../../rules/tools/run.ts'
import { formatSamples, testSamples } from '../../rules/tools/test-samples.ts'
import { loadAttack } from '../../schemas/attack.ts'
import { isRefusal } from '../../schemas/source.ts'
import { builtinSources } from '../../schemas/source-set.ts'
import { type Arguments, type Command, textOption } from '../command.ts'
import { readRecord, recordsFile } from '../records-input.ts'
import { loadRules, loadVersion, readRules } from '../rules-input.ts'
import { rulesPush } from './rules-push.ts'
import { rulesRevalidate } from './rules-revalidate.ts'

const json = { type: 'boolean', doc: 'For machines.' } as const
const rulesOption = {
  type: 'string',
  value: 'FOLDER',
  doc: 'Rules; those that ship unless given.',
} as const
const eventsOption = {
  type: 'string',
  value: 'FILE',
  doc: 'Records, one JSON object a line; .gz too.',
} as const

const check: Command = {
  name: 'rules check',
  usage: '[FOLDER or FILE …]',
  summary:
    'Check rules: every problem with file, line, column and what to do. Exit 2 if there are errors.',
  options: { json },
  async run({ rest, options }, io) {
    const result = checkRules(readRules(rest), ruleContext())
    io.out(`${options['json'] === true ? checkToJson(result) : formatCheck(result)}\n`)
    return result.errors > 0 ? 2 : 0
  },
}

const test: Command = {
  name: 'rules test',
  usage: '[FOLDER or FILE …]',
  summary: 'Run every rule against the samples in its own file. Exit 1 if one fails.',
  options: { json },
  async run({ rest, options }, io) {
    const run = testSamples(loadRules(rest), ruleContext())
    io.out(`${options['json'] === true ? JSON.stringify(run, null, 2) : formatSamples(run)}\n`)
    return run.failed > 0 ? 1 : 0
  },
}

const lint: Command = {
  name: 'rules lint',
  usage: '[FOLDER or FILE …]',
  summary: 'Point at what is allowed and rarely meant. Exit 1 if there is any.',
  options: {},
  async run({ rest }, io) {
    const findings = lintRules(loadRules(rest))
    for (const finding of findings) io.out(`${formatDiagnostic(finding)}\n`)
    io.out(`${findings.length} findings\n`)
    return findings.length > 0 ? 1 : 0
  },
}

const explainCommand: Command = {
  name: 'rules explain',
  usage: 'RULE-ID',
  summary: 'Say why a rule matches an event, or why not: every condition with the value it met.',
  options: {
    rules: rulesOption,
    event: { type: 'string', value: 'FILE', doc: 'One record as JSON; - for standard input.' },
    line: { type: 'string', value: 'N', doc: 'Of a file of records, the one on this line.' },
  },
  async run(args, io) {
    const [id] = args.rest
    const file = required(explainCommand, args, 'event')
    const rule = rulesOf(explainCommand, args).find((candidate) => candidate.id === id)
    if (rule === undefined)
      throw new ConfigError('unknown-rule', `No rule has the id ${id ?? '(none given)'}.`)
    const { json, record } = readRecord(file, textOption(explainCommand, args, 'line'))
    const at = { log: 'cli', topic: 'cli', partition: 0, offset: 0, recordTimeMs: 0, json }
    const event = builtinSources().read(record, at)
    if (isRefusal(event)) throw new ConfigError(event.refused, event.reason)
    const explanation = explain(rule, event)
    io.out(`${formatExplanation(explanation)}\n`)
    return explanation.isMatch ? 0 : 1
  },
}

const coverage: Command = {
  name: 'rules coverage',
  usage: '[FOLDER or FILE …]',
  summary: 'Which ATT&CK techniques the rules can emit.',
  options: { json },
  async run({ rest, options }, io) {
    const result = ruleCoverage(loadRules(rest), loadAttack())
    io.out(
      `${options['json'] === true ? JSON.stringify(result, null, 2) : formatCoverage(result)}\n`,
    )
    return 0
  },
}

const importCommand: Command = {
  name: 'rules import-report',
  usage: 'FOLDER …',
  summary: 'What of a foreign rule collection loads, what is refused and why, what tags nothing.',
  options: {},
  async run({ rest }, io) {
    const { ruleSet } = checkRules(readRules(rest), ruleContext())
    io.out(`${JSON.stringify(importReport(ruleSet), null, 2)}\n`)
    return 0
  },
}

const run: Command = {
  name: 'rules run',
  summary: 'Run rules over a file of records: one line per match, or a summary.',
  options: {
    rules: rulesOption,
    events: eventsOption,
    json: { type: 'boolean', doc: 'One JSON object a match.' },
  },
  async run(args, io) {
    const file = recordsFile(required(run, args, 'events'))
    const revision = compileRules(rulesOf(run, args))
    const isJson = args.options['json'] === true
    const result = await runFile(file, revision, builtinSources(), {
      onMatch: (rules, event, line) => {
        if (!isJson) return
        for (const rule of rules) {
          const techniques = emitsOf(rule, event).map(
            ({ techniqueId, subTechniqueId }) => subTechniqueId || techniqueId,
          )
          io.out(
            `${JSON.stringify({ rule_id: rule.id, event: line, technique_ids: techniques })}\n`,
          )
        }
      },
    })
    if (!isJson) {
      const { records, events, matched, hits, techniques, refused } = result
      io.out(
        `${JSON.stringify({ records, events, matched, refused, hits, techniques }, null, 2)}\n`,
      )
    }
    return 0
  },
}

const backtestCommand: Command = {
  name: 'rules backtest',
  usage: 'OLD NEW',
  summary: 'Two versions of a rule set (folders, or git refs as REF:PATH) over the same records.',
  options: { events: eventsOption, json },
  async run(args, io) {
    const [before, after] = args.rest
    if (before === undefined || after === undefined) {
      throw new ConfigError(
        'bad-arguments',
        'Give two versions: `rules backtest OLD NEW --events FILE`.',
      )
    }
    const file = recordsFile(required(backtestCommand, args, 'events'))
    const [old, next] = [loadVersion(before), loadVersion(after)]
    const result = await backtest(old, next, fileLines(file), builtinSources())
    io.out(
      `${args.options['json'] === true ? JSON.stringify(result, null, 2) : formatBacktest(result)}\n`,
    )
    return 0
  },
}

export const ruleCommands: readonly Command[] = [
  check,
  test,
  lint,
  explainCommand,
  coverage,
  run,
  backtestCommand,
  importCommand,
  rulesPush,
  rulesRevalidate,
]

function rulesOf(command: Command, args: Arguments) {
  const folder = textOption(command, args, 'rules')
  return loadRules(folder === '' ? [] : [folder])
}

function required(command: Command, args: Arguments, name: string): string {
  const value = textOption(command, args, name)
  if (value === '')
    throw new ConfigError(
      'bad-arguments',
      `--${name} is missing; see \`ttpstream ${command.name} --help\`.`,
    )
  return value
}
