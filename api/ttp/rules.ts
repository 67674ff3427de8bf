import { createRoute, z } from '@hono/zod-openapi'
import { cursor, nextCursor, page } from '../cursor.ts'
import { earliestS, id, latestS, limit, range, techniqueId } from '../parameters.ts'
import { notFound } from '../problem.ts'
import {
  json,
  type Resource,
  type RuleStateSummary,
  type RuleSummary,
  type Services,
  timestamp,
} from '../resource.ts'
import { ruleState, ruleStateNames, toRuleState } from './rule-state.ts'

/** The rules in force in this process, each with its state and how often it tagged. */

const rule = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    version: z
      .string()
      .openapi({ description: 'Declared version ~ first 8 hex of its logic hash.' }),
    language: z.enum(['native', 'sigma']),
    severity: z.string(),
    kinds: z.array(z.string()).nullable().openapi({ description: 'null: routed by log source.' }),
    logsource: z.object({
      product: z.string().nullable(),
      service: z.string().nullable(),
      category: z.string().nullable(),
    }),
    rule_hash: z.string(),
    logic_hash: z.string(),
    techniques: z.array(
      z.object({
        technique_id: z
          .string()
          .nullable()
          .openapi({ description: 'null: a field of the event names it.' }),
        sub_technique_id: z.string().nullable(),
        tactics: z.array(z.string()),
        confidence: z.number(),
        in_release: z.boolean(),
      }),
    ),
    state: ruleState,
    hits: z
      .int()
      .nonnegative()
      .openapi({ description: 'Tags within the range asked for, of every version of the rule.' }),
    hits_of_version: z.int().nonnegative().openapi({ description: 'Tags of the running version.' }),
    last_hit: timestamp.nullable(),
    counters: z
      .object({
        events: z.int().openapi({ description: 'Events that the rule met.' }),
        candidates: z.int().openapi({ description: 'Times that it was evaluated.' }),
        hits: z.int(),
        errors: z.int(),
        evaluation_ms: z.number().openapi({ description: 'Estimated from a sample of events.' }),
        tags: z
          .record(z.string(), z.int())
          .openapi({ description: 'By outcome: written, or the reason why not.' }),
      })
      .nullable()
      .openapi({ description: 'Of the process that answers, since it began; null: met no event.' }),
  })
  .openapi('Rule')

const ruleExample: z.input<typeof rule> = {
  id: 'linux-shell.wget-pipe-shell',
  name: 'Download piped into a shell',
  description: 'A downloader whose output a shell runs.',
  version: '3~9f86d081',
  language: 'native',
  severity: 'high',
  kinds: ['command'],
  logsource: { product: null, service: null, category: null },
  rule_hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  logic_hash: '60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752',
  techniques: [
    {
      technique_id: 'T1105',
      sub_technique_id: null,
      tactics: ['TA0011'],
      confidence: 0.8,
      in_release: true,
    },
  ],
  state: {
    state: 'clipped',
    confidence_max: 0.5,
    expires_at: '2026-12-01T00:00:00.000Z',
    reason: 'noisy after the proxy change',
    set_by: 'u-12',
    set_at: '2026-11-20T09:00:00.000Z',
  },
  hits: 42,
  hits_of_version: 17,
  last_hit: '2026-11-20T10:41:07.123Z',
  counters: {
    events: 51_200,
    candidates: 310,
    hits: 42,
    errors: 0,
    evaluation_ms: 3.6,
    tags: { written: 41, below_floor: 1 },
  },
}

const listRoute = createRoute({
  method: 'get',
  path: '/api/v1/ttp/rules',
  tags: ['ttp'],
  summary: 'Rules in force',
  description: 'The running revision’s rules in the order of their ids, with state and hits.',
  request: {
    query: z.strictObject({
      language: z
        .enum(['native', 'sigma'])
        .optional()
        .openapi({ description: 'Only rules of this language.', example: 'sigma' }),
      state: z
        .enum(ruleStateNames)
        .optional()
        .openapi({ description: 'Only rules in this state.', example: 'disabled' }),
      technique: techniqueId.optional(),
      ...range,
      limit: limit(100),
      cursor: cursor('rules', z.tuple([z.string()])),
    }),
  },
  responses: {
    200: json(
      z
        .object({ data: z.array(rule), next_cursor: nextCursor, total: z.int() })
        .openapi('RulePage'),
      'Rules with state and hits.',
      { data: [ruleExample], next_cursor: null, total: 1 },
    ),
  },
})

const oneRoute = createRoute({
  method: 'get',
  path: '/api/v1/ttp/rules/{id}',
  tags: ['ttp'],
  summary: 'One rule in force',
  description: '404 when the running revision does not hold it.',
  request: {
    params: z.strictObject({ id: id('A rule id.', 'linux-shell.wget-pipe-shell') }),
    query: z.strictObject(range),
  },
  responses: { 200: json(rule, 'The rule.', ruleExample) },
})

export const rules: Resource = (app, services) => {
  app.openapi(listRoute, async (c) => {
    const query = c.req.valid('query')
    const after = query.cursor?.[0]
    const states = services.ruleStates()
    const found = services
      .rules()
      .filter((summary) => query.language === undefined || summary.language === query.language)
      .filter((summary) => query.state === undefined || stateOf(summary, states) === query.state)
      .filter((summary) => query.technique === undefined || canEmit(summary, query.technique))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const rest = found.filter((summary) => after === undefined || summary.id > after)
    const hits = await hitsByRule(services, query)
    const cut = page('rules', rest, query.limit, (summary) => [summary.id])
    const data = cut.data.map((summary) => toRule(summary, states, hits))
    return c.json({ ...cut, data, total: found.length }, 200)
  })
  app.openapi(oneRoute, async (c) => {
    const wanted = c.req.valid('param').id
    const summary = services.rules().find((candidate) => candidate.id === wanted)
    if (summary === undefined) throw notFound(`Rule ${wanted}`)
    const hits = await hitsByRule(services, c.req.valid('query'))
    return c.json(toRule(summary, services.ruleStates(), hits), 200)
  })
}

/** A row of `rule_hits`. */
interface HitsRow {
  readonly rule_id: string
  readonly rule_version: string
  readonly count: number
  readonly last_seen: string
}

async function hitsByRule(
  { views }: Services,
  window: { readonly from?: number | undefined; readonly to?: number | undefined },
): Promise<ReadonlyMap<string, readonly HitsRow[]>> {
  const rows = await views.select<HitsRow>('rule_hits', {
    from_s: window.from ?? earliestS,
    to_s: window.to ?? latestS,
  })
  const byRule = new Map<string, HitsRow[]>()
  for (const row of rows) {
    const versions = byRule.get(row.rule_id)
    if (versions === undefined) byRule.set(row.rule_id, [row])
    else versions.push(row)
  }
  return byRule
}

type States = ReadonlyMap<string, RuleStateSummary>

function stateOf(summary: RuleSummary, states: States): RuleStateSummary['state'] {
  return states.get(summary.id)?.state ?? 'enabled'
}

/** By parent, every sub-technique counts; by sub-technique, only itself. */
function canEmit(summary: RuleSummary, technique: string): boolean {
  return summary.emits.some(
    (emit) => emit.techniqueId === technique || emit.subTechniqueId === technique,
  )
}

function toRule(
  summary: RuleSummary,
  states: States,
  hits: ReadonlyMap<string, readonly HitsRow[]>,
): z.input<typeof rule> {
  const { logsource } = summary
  const counted = hits.get(summary.id) ?? []
  const ofVersion = counted.find((row) => row.rule_version === summary.version)
  return {
    id: summary.id,
    name: summary.name,
    description: summary.description,
    version: summary.version,
    language: summary.language,
    severity: summary.severity,
    kinds: summary.kinds === null ? null : [...summary.kinds],
    logsource: {
      product: logsource.product ?? null,
      service: logsource.service ?? null,
      category: logsource.category ?? null,
    },
    rule_hash: summary.ruleHash,
    logic_hash: summary.logicHash,
    techniques: summary.emits.map((emit) => ({
      technique_id: emit.techniqueId === '' ? null : emit.techniqueId,
      sub_technique_id: emit.subTechniqueId === '' ? null : emit.subTechniqueId,
      tactics: [...emit.tactics],
      confidence: emit.confidence,
      in_release: emit.inRelease,
    })),
    state: toRuleState(states.get(summary.id)),
    hits: counted.reduce((sum, row) => sum + row.count, 0),
    hits_of_version: ofVersion?.count ?? 0,
    last_hit:
      counted
        .map((row) => row.last_seen)
        .toSorted()
        .at(-1) ?? null,
    counters: countersOf(summary),
  }
}

function countersOf({ counters }: RuleSummary): z.input<typeof rule>['counters'] {
  if (counters === undefined) return null
  const { evaluationMs, tags, ...counts } = counters
  return { ...counts, evaluation_ms: evaluationMs, tags: { ...tags } }
}
