import { sha256Hex, uuid5 } from '../../core/hash.ts'
import type { LogSource } from '../../schemas/event.ts'
import type { Rule } from '../rule.ts'
import type { RuleDocument } from './collection.ts'
import {
  type SigmaLevel,
  type SigmaStatus,
  severityOf,
  sigmaConfidence,
  sigmaLevels,
  sigmaStatuses,
} from './confidence.ts'
import type { RuleContext } from './context.ts'
import { parseDetection } from './detection.ts'
import { Keys } from './keys.ts'
import { logicHash, versionText } from './logic-hash.ts'
import type { Report } from './report.ts'
import { parseSigmaTags } from './sigma-emit.ts'
import { didYouMean } from './suggest.ts'

/** A Sigma rule, unmodified. Undefined when it has errors; `report` has all of them. */
export function parseSigma(
  report: Report,
  document: RuleDocument,
  context: RuleContext,
): Rule | undefined {
  const errorsBefore = report.errorCount
  const keys = new Keys(report, document.map, 'a Sigma rule')
  const header = parseHeader(report, keys)
  const logsource = parseLogsource(report, keys)
  const map = keys.require('detection') === undefined ? undefined : keys.map('detection')
  const detection =
    map === undefined
      ? undefined
      : parseDetection(report, map, {
          placeholders: context.placeholders,
          reserved: ['timeframe'],
        })
  const emits = parseSigmaTags(report, keys.texts('tags'), header.confidence, context.attack)
  if (detection === undefined || report.errorCount > errorsBefore) return undefined
  const logic = { kinds: null, logsource, ...detection, emits, evidenceFields: null }
  const hash = logicHash(logic)
  return {
    id: header.id,
    language: 'sigma',
    name: header.title,
    ...(header.name === undefined ? {} : { reference: header.name }),
    description: header.description,
    version: versionText(header.declared, hash),
    ruleHash: sha256Hex(document.text),
    logicHash: hash,
    severity: severityOf(header.level),
    ...logic,
    samples: [],
    file: report.file,
    line: report.line(document.map.start),
  }
}

/** What rules, correlations and filters of Sigma have in common. */
export interface SigmaHeader {
  readonly id: string
  readonly title: string
  /** Sigma's `name`. */
  readonly name: string | undefined
  readonly description: string
  /** `modified`, else `date`, else 0 (G2). */
  readonly declared: string
  readonly level: SigmaLevel
  readonly confidence: number
}

/** Ids for the few rules that have none: they must stay the same when the file moves. */
const namespace = '6b1f0c1e-3f43-5d0c-9a57-0a4f6f1d2c90'

export function parseHeader(report: Report, keys: Keys): SigmaHeader {
  const title = keys.text('title') ?? ''
  const taxonomy = keys.text('taxonomy')
  if (taxonomy !== undefined && taxonomy !== 'sigma') {
    const note = 'field and log source names of another taxonomy would match nothing'
    report.error(
      'taxonomy',
      `the taxonomy \`${taxonomy}\` is not known here`,
      keys.at('taxonomy'),
      note,
    )
  }
  let id = keys.text('id')
  if (id === undefined) {
    if (title === '')
      report.error('missing-key', 'a Sigma rule needs `id` or `title`', keys.at('id'))
    else report.warn('missing-id', 'a rule without `id` is known by its title', keys.at('title'))
    id = uuid5(namespace, title)
  }
  const level = oneOf(report, keys, 'level', sigmaLevels)
  const status = oneOf(report, keys, 'status', sigmaStatuses)
  return {
    id,
    title: title === '' ? id : title,
    name: keys.text('name'),
    description: keys.text('description') ?? '',
    declared: keys.text('modified') ?? keys.text('date') ?? '0',
    level,
    confidence: sigmaConfidence[level][status],
  }
}

function oneOf<T extends SigmaLevel | SigmaStatus>(
  report: Report,
  keys: Keys,
  name: string,
  known: readonly T[],
): T | '' {
  const text = keys.text(name)?.toLowerCase()
  if (text === undefined) return ''
  const found = known.find((one) => one === text)
  if (found !== undefined) return found
  const names = known.filter((one) => one !== '')
  const note = didYouMean(text, names) ?? `it is one of ${names.join(', ')}`
  report.warn(
    `unknown-${name}`,
    `\`${text}\` is not a ${name}`,
    keys.get(name) ?? keys.at(name),
    note,
  )
  return ''
}

/** The three dimensions, lower case. The `definition` is for readers. */
export function parseLogsource(report: Report, keys: Keys): LogSource {
  const map = keys.require('logsource') === undefined ? undefined : keys.map('logsource')
  if (map === undefined) return {}
  const source = new Keys(report, map, 'a log source')
  const product = source.text('product')?.toLowerCase()
  const service = source.text('service')?.toLowerCase()
  const category = source.text('category')?.toLowerCase()
  if (product === undefined && service === undefined && category === undefined) {
    report.warn('open-logsource', 'without a log source this rule meets every event', map)
  }
  return {
    ...(product === undefined ? {} : { product }),
    ...(service === undefined ? {} : { service }),
    ...(category === undefined ? {} : { category }),
  }
}
