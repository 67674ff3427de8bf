import type { Kafka } from 'kafkajs'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { ConfigError } from '../core/error.ts'
import type { RulesInForce } from '../processors/engine/engine.ts'
import { Erasures } from '../processors/erasures.ts'
import { PushedRules } from '../processors/pushed-rules.ts'
import { RuleStates } from '../processors/rule-states.ts'
import { correlatedRules, runnableCorrelations } from '../rules/correlated-rule.ts'
import { ruleContext } from '../rules/language/context.ts'
import { buildRuleSet, type RuleSet } from '../rules/rule-set.ts'
import { foldCatalog } from './catalog-fold.ts'
import { areRulesFromLog } from './rule-folders.ts'
import { readRules } from './rules-input.ts'

export interface RulesOfToday {
  readonly rules: RulesInForce
  readonly erasures: Erasures
}

/**
 * The rules of the folders or of the log under the states of the catalog, as a worker that starts now
 * has them. Throws ConfigError where there are none.
 */
export async function rulesOfToday(kafka: Kafka, config: Config): Promise<RulesOfToday> {
  const pushed = new PushedRules(ruleContext(), [])
  const states = new RuleStates()
  const erasures = new Erasures()
  await foldCatalog(kafka, config, (record) => {
    pushed.take(record)
    states.apply(record)
    erasures.apply(record)
  })
  states.expire(systemClock.now())
  const ruleSet = areRulesFromLog(config)
    ? pushed.build()?.ruleSet
    : buildRuleSet(readRules([]), ruleContext())
  if (ruleSet === undefined || ruleSet.rules.length === 0) {
    throw new ConfigError('no-rules', 'No rules are loaded.')
  }
  return { rules: inForce(ruleSet, states.snapshot()), erasures }
}

/** A rule set with what its correlations ask of it. */
export function inForce(
  { revision, rules, correlations }: RuleSet,
  states: RulesInForce['states'] = new Map(),
): RulesInForce {
  const correlated = correlatedRules(runnableCorrelations(correlations, rules))
  return { revision, states, correlated }
}
