/** The child that runs the cases in process; says where it is four times a second. */

import { setImmediate } from 'node:timers/promises'
import { messageOf } from '../../core/error.ts'
import { Dice } from '../dice.ts'
import { inProcessTargets } from './targets.ts'

/** Names of targets, by commas. */
const [cases = '0', seedText = '0', only = ''] = process.argv.slice(2)
const seed = Number(seedText)
const slowMs = 1_000
const findingsMax = 5
let findings = 0

for (const [index, target] of inProcessTargets(seed).entries()) {
  if (!only.split(',').includes(target.name)) continue
  const begun = Date.now()
  let told = begun
  let slowest = 0
  for (let number = 0; number < Number(cases) && findings < findingsMax; number += 1) {
    const started = performance.now()
    if (Date.now() - told > 250) {
      told = Date.now()
      process.send?.(`${target.name}, case ${number}`)
      await setImmediate()
    }
    try {
      await target.run(new Dice(seed + index * 7_919 + number * 104_729))
    } catch (thrown) {
      findings += 1
      const trace = thrown instanceof Error ? thrown.stack : messageOf(thrown)
      process.stdout.write(`FINDING ${target.name}, seed ${seed}, case ${number}: ${trace}\n`)
    }
    const tookMs = performance.now() - started
    if (tookMs > slowest) slowest = tookMs
    if (tookMs > slowMs) {
      findings += 1
      process.stdout.write(
        `SLOW ${target.name}, seed ${seed}, case ${number}: ${tookMs.toFixed(0)} ms\n`,
      )
    }
  }
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  process.stdout.write(
    `${target.name}: ${cases} cases in ${seconds} s, slowest ${slowest.toFixed(0)} ms\n`,
  )
}
process.exit(findings === 0 ? 0 : 1)
