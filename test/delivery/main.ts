/**
 * `npm run test:delivery`: every case by name, on Apache Kafka and on the dev broker, against
 * ClickHouse in a process of its own. `test/delivery/README.md` lists them, with what each needs.
 */

import { AssertionError } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../../core/error.ts'
import { spawnDevClickHouse } from '../../dev/clickhouse/spawn.ts'
import type { Broker } from '../brokers/broker.ts'
import { startDevBroker } from '../brokers/dev-broker.ts'
import { provideBrokers } from '../brokers/provide.ts'
import { cases } from './cases.ts'
import { Databases } from './databases.ts'
import type { DeliveryCase } from './delivery-case.ts'
import { Scene } from './scene.ts'

const help = `npm run test:delivery -- [options]

  --broker NAME    apache, dev or both (default: both)
  --only TEXT      only cases whose name contains TEXT
  --jobs N         cases side by side (default: 2)
`

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'both' },
    only: { type: 'string', default: '' },
    jobs: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const noteMax = 160
const chosen = cases.filter(({ name }) => name.includes(values.only))
const counts = { passed: 0, failed: 0, skipped: 0 }
if (values.broker !== 'apache') await runAll('dev', await startDevBroker())
if (values.broker !== 'dev') {
  const provided = await provideBrokers()
  if (provided.kind === 'broker') await runAll('apache', provided.broker)
  else counts.skipped += chosen.filter(({ on }) => on !== 'dev').length
}
process.stdout.write(
  `Tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
)
process.exit(counts.failed > 0 ? 1 : 0)

async function runAll(kind: 'dev' | 'apache', broker: Broker): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-delivery-'))
  const clickhouse = await spawnDevClickHouse({ dataDir, port: 0 })
  const databases = new Databases(clickhouse.url)
  const mine = [...chosen.filter(({ on }) => on === undefined || on === kind).entries()]
  const work = async (queue: Iterable<[number, DeliveryCase]>) => {
    for (const [index, one] of queue) {
      await judge(
        one,
        await Scene.create(`case_${process.pid}_${kind}_${index}`, broker, databases),
      )
    }
  }
  try {
    // One iterator for all: each takes the next case when it is done with one.
    const shared = mine.filter(([, one]) => one.isAlone !== true).values()
    await Promise.all(Array.from({ length: Number(values.jobs) }, () => work(shared)))
    await work(mine.filter(([, one]) => one.isAlone === true))
  } finally {
    await broker.close()
    await clickhouse.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function judge(one: DeliveryCase, scene: Scene): Promise<void> {
  const begun = Date.now()
  const failure = await one.run(scene).then(
    () => null,
    (cause: unknown) => cause,
  )
  await scene.close()
  const { isGood, note } = verdictOn(one, failure)
  counts[isGood ? 'passed' : 'failed'] += 1
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  const verdict = isGood ? 'ok  ' : 'FAIL'
  process.stdout.write(`${verdict} ${scene.broker.name}: ${one.name} ${seconds} s${note}\n`)
  if (isGood || failure === null) return
  const text = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure)
  for (const line of text.split('\n').slice(0, 30)) process.stdout.write(`       ${line}\n`)
}

/** A control is good when the case's own assertion fails, and for the reason it should. */
function verdictOn(
  { mustFail }: DeliveryCase,
  failure: unknown,
): { readonly isGood: boolean; readonly note: string } {
  if (mustFail === undefined) return { isGood: failure === null, note: '' }
  const isFound = failure instanceof AssertionError && mustFail.test(failure.message)
  const found = failure === null ? 'found nothing' : messageOf(failure).slice(0, noteMax)
  return { isGood: isFound, note: ` (must fail: ${found.replaceAll(/\s+/g, ' ')})` }
}
