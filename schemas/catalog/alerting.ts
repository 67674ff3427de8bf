import { z } from 'zod'
import { check } from '../check.ts'
import { freeForm, id, name, names, note } from '../scalar.ts'
import { type Entity, type EntityContract, instantText, textOf } from './entity.ts'

/** Operational alerts: rules, the life of their instances, and webhooks (O1 to O6). */

const percent = z.number().min(0).max(100)
const atLeastOne = z.number().int().min(1).max(1_000_000)
const dayCount = z.number().min(0).max(3_650)

/** What each type of alert rule may be configured with; absent keys take the evaluator's default. */
export const alertRuleConfigs = {
  high_risk: z.strictObject({
    min_risk_score: percent.default(75),
    min_count: atLeastOne.default(1),
  }),
  stale_technique: z.strictObject({
    days_stale: dayCount.default(30),
    min_count: atLeastOne.default(1),
  }),
  coverage_regression: z.strictObject({ min_drop_pct: percent.default(5) }),
  low_coverage: z.strictObject({ max_coverage_pct: percent.default(30) }),
  expiry_wave: z.strictObject({ min_pending_count: atLeastOne.default(15) }),
  new_technique: z.strictObject({
    lookback_days: dayCount.default(7),
    min_count: atLeastOne.default(1),
  }),
  orphan_spike: z.strictObject({ min_orphan_count: atLeastOne.default(20) }),
} as const

export type AlertRuleType = keyof typeof alertRuleConfigs

const alertRuleTypes = [
  'high_risk',
  'stale_technique',
  'coverage_regression',
  'low_coverage',
  'expiry_wave',
  'new_technique',
  'orphan_spike',
] as const satisfies readonly AlertRuleType[]

const severity = z.enum(['critical', 'high', 'medium', 'low', 'info'])

export const alertRule: EntityContract = {
  schema: z.looseObject({
    name: z.string().min(1).max(500),
    description: note.nullish(),
    rule_type: z.enum(alertRuleTypes),
    severity,
    config: freeForm.default({}),
    is_system: z.boolean().default(false),
    is_enabled: z.boolean().default(true),
    cooldown_hours: z.number().min(0).max(8_760).default(24),
    notify_in_app: z.boolean().default(true),
    notify_webhook: z.boolean().default(false),
    webhook_id: id.nullish(),
  }),
  derivedFields: ['last_fired_at', 'created_by', 'created_at', 'updated_at'],
  verify(entity) {
    const checked = check(configOf(entity), entity['config'])
    if (checked.ok) return []
    return checked.problems.map(({ path, message }) => ({
      path: path === '' ? 'config' : `config.${path}`,
      message,
    }))
  },
  derive(entity) {
    const checked = check(configOf(entity), entity['config'])
    return checked.ok ? { config: checked.value } : {}
  },
}

function configOf(entity: Entity): (typeof alertRuleConfigs)[AlertRuleType] {
  const type = alertRuleTypes.find((known) => known === entity['rule_type']) ?? 'high_risk'
  return alertRuleConfigs[type]
}

/** A firing (`to: open`, with what it says) or a later step. Legality is decided in log order. */
export const alertTransition: EntityContract = {
  schema: z
    .looseObject({
      instance_id: id,
      to: z.enum(['open', 'acknowledged', 'resolved', 'dismissed']),
      rule_id: id.nullish(),
      rule_name: name.nullish(),
      rule_type: name.nullish(),
      severity: severity.nullish(),
      title: name.nullish(),
      message: note.nullish(),
      details: freeForm.nullish(),
      notes: note.nullish(),
    })
    .refine((value) => value.to !== 'open' || (value.title && value.rule_type && value.severity), {
      error: 'a firing needs rule_type, severity and title',
    }),
  derivedFields: ['at', 'by'],
  undeletable: 'a transition is a fact: publish the next one',
  derive: (_entity, facts) => ({ at: instantText(facts.eventTimeMs), by: facts.actor }),
}

/** The log is kept for ever: a secret is named here, and lives in the environment or a file. */
export const webhook: EntityContract = {
  schema: z.looseObject({
    name: name.nullish(),
    url: z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }),
    events: names.default(['alert.fired']),
    secret_env: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{0,127}$/, { error: 'must be the name of an environment variable' })
      .nullish(),
    secret_file: name.nullish(),
    is_active: z.boolean().default(true),
  }),
  derivedFields: ['created_by', 'created_at', 'updated_at'],
  verify: (entity) =>
    ['secret', 'token', 'password']
      .filter((field) => textOf(entity, field) !== '')
      .map((path) => ({
        path,
        message: 'must not travel on the log; name it in secret_env or secret_file',
      })),
}
