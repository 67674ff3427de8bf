import { helpOf } from '../cli/command.ts'
import { commands } from '../cli/commands.ts'
import { names, settings } from '../core/config.ts'
import { metricSpecs } from '../core/metrics.ts'
import { readV1Views, v1ViewsPage } from './v1-views.ts'

/** The pages of docs/reference/, made from the declarations: file name → text. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['settings.md', settingsPage()],
    ['metrics.md', metricsPage()],
    ['views.md', v1ViewsPage(readV1Views())],
    ['commands.md', commandsPage()],
  ])
}

const made = 'This page is made from the declarations by `npm run docs`.'

function commandsPage(): string {
  const parts = commands.map(
    (command) => `## ${command.name}\n\n\`\`\`\n${helpOf(command)}\n\`\`\`\n`,
  )
  const codes = 'Exit codes: 0 well, 1 the answer is no, 2 a rule is wrong, 3 a setting is wrong.'
  return ['# Commands', '', `${made} ${codes}`, '', parts.join('\n')].join('\n')
}

function settingsPage(): string {
  const rows = names().map((name) => {
    const { type, default: fallback, doc } = settings[name]
    const value = fallback === '' ? '' : `\`${fallback}\``
    return `| \`${name}\` | ${types[type]} | ${value} | ${cell(doc)} |`
  })
  return [
    '# Settings',
    '',
    `Environment variables. ${made}`,
    '',
    'Each may be given as `NAME_FILE` too: the path of a file that holds the value, which is how secrets are',
    'mounted. Secrets are printed as `***`. A variable that begins with `TTPSTREAM_` and is none of these is',
    'refused at the start. `ttpstream config` prints what is in force.',
    '',
    '| setting | value | default | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

const types = {
  text: 'text',
  texts: 'list, by commas',
  count: 'whole number',
  flag: 'true or false',
  secret: 'secret',
} as const

function metricsPage(): string {
  const rows = Object.entries(metricSpecs).map(([name, spec]) => {
    const labels = spec.labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${kindOf(name, spec)} | ${labels} | ${cell(spec.help)} |`
  })
  return [
    '# Metrics',
    '',
    `Prometheus, at \`/metrics\`. ${made}`,
    '',
    'Counters begin at 0 with every process: use `rate` and `increase`. Alert rules for them are in',
    '[docs/operations/alerts.yaml](../operations/alerts.yaml).',
    '',
    '| metric | kind | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function kindOf(name: string, spec: object): string {
  if ('buckets' in spec) return 'histogram'
  return name.endsWith('_total') ? 'counter' : 'gauge'
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
