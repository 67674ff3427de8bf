import { expect, test } from 'vitest'
import { ruleContext } from '../../rules/language/context.ts'
import { naiveRevision } from '../../rules/language/naive-revision.ts'
import { compileRevision } from '../../rules/matcher/revision.ts'
import type { Rule } from '../../rules/rule.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import type { MatchEvent } from '../../schemas/event.ts'
import { Dice } from '../dice.ts'
import { fieldsFor } from '../event-for-rule.ts'
import { jsonText } from '../json-text.ts'
import { assertSound, soundnessSeed } from '../soundness.ts'
import { missing, sigmaFiles } from './sigma-hq.ts'

const skip = missing !== undefined
const seed = soundnessSeed()
/** DEEP=1 for the long runs. */
const isDeep = process.env['DEEP'] === '1'
/** Evaluating 3,752 rules one by one takes about 10 ms an event. */
const events = isDeep ? 4 * 3_752 : 1_000

function eventFor(rule: Rule, dice: Dice): MatchEvent {
  const { product, service, category } = rule.logsource
  const logsource = {
    ...(product === undefined || dice.once(8) ? {} : { product }),
    ...(service === undefined || dice.once(8) ? {} : { service }),
    ...(category === undefined || dice.once(8) ? {} : { category }),
  }
  const fields = fieldsFor(rule.condition, dice)
  const event: MatchEvent = { kind: 'event', logsource, fields }
  return dice.once(4) ? event : { ...event, json: Buffer.from(jsonText(fields, dice)) }
}

test.skipIf(skip)(
  "events made from SigmaHQ's rules match the same by index as one by one",
  { timeout: 1_200_000 },
  () => {
    const { rules } = buildRuleSet(sigmaFiles(), ruleContext())
    const indexed = compileRevision(rules)
    const naive = naiveRevision(rules)
    const dice = new Dice(seed)
    const hit = new Set<string>()
    for (let made = 0; made < events; made += 1) {
      // Beyond one event a rule, each rule again.
      const rule = events >= rules.length ? rules[made % rules.length] : dice.pick(rules)
      if (rule === undefined) continue
      const event = eventFor(rule, dice)
      const wanted = naive.match(event).map((one) => one.id)
      const given = indexed.match(event).map((one) => one.id)
      expect([JSON.stringify(event.fields), given]).toEqual([JSON.stringify(event.fields), wanted])
      for (const id of wanted) hit.add(id)
    }
    process.stderr.write(
      `matcher soundness: ${events} events made from rules × ${rules.length} rules, ${hit.size} rules hit, seed ${seed}\n`,
    )
    // Most events hit their rule: the comparison is not of empty lists.
    expect(hit.size).toBeGreaterThan(0.5 * Math.min(events, rules.length))
    expect(indexed.counters().filter(({ counters }) => counters.errorsTotal > 0)).toEqual([])
  },
)

test.skipIf(!isDeep)(
  'a million generated pairs of rule and event match the same by index as one by one',
  { timeout: 1_200_000 },
  () => assertSound(1_000_000, seed),
)
