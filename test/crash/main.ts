/**
 * `npm run test:crash`: every failpoint × {SIGKILL, freeze past the session} × {same rules, rules
 * edited before recovery}, on Apache Kafka and on the dev broker, and the negative controls, which
 * must fail: without the mechanism they take away, the oracle has to find something.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnDevClickHouse } from '../../dev/clickhouse/spawn.ts'
import { failpoints } from '../../processors/engine/failpoint.ts'
import type { Broker } from '../brokers/broker.ts'
import { startDevBroker } from '../brokers/dev-broker.ts'
import { provideBrokers } from '../brokers/provide.ts'
import { type CrashCase, runCase, type Servers } from './case.ts'
import type { BrokerKind } from './fault-servers.ts'
import { runOverload } from './overload.ts'
import { runRolling } from './rolling.ts'
import { type Counts, runRounds } from './rounds.ts'
import { staleCommit } from './stale-commit.ts'

const help = `npm run test:crash -- [options]

  --broker NAME    apache, dev or both (default: both)
  --only TEXT      only cases whose name contains TEXT
  --every N        every Nth case of the matrix (default: 1)
  --jobs N         cases or rounds side by side (default: 2), rounds on servers of their own
  --no-controls    leave the negative controls out

  --rounds N       N rounds of random faults instead (--broker also apache3: three nodes)
  --seed S         of the first round; each has its own, one more than the one before
  --schedule TEXT  what happens in the round, as a round prints it
  --rolling        a rolling restart of three engines under load instead
  --overload S     ten times what one engine holds for S seconds instead
  --deep           100 rounds on the dev broker, 20 on Apache Kafka with one node and with three
`

const { values } = parseArgs({
  options: {
    broker: { type: 'string', default: 'both' },
    only: { type: 'string', default: '' },
    every: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    'no-controls': { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seed: { type: 'string' },
    schedule: { type: 'string' },
    rolling: { type: 'boolean', default: false },
    overload: { type: 'string' },
    deep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(help)
  process.exit(0)
}

const ended = await otherSuites()
if (ended !== null) process.exit(ended)

const matrix: CrashCase[] = failpoints.flatMap((failpoint) =>
  (['kill', 'stop'] as const).flatMap((action) =>
    [false, true].map((isEdited) => ({
      name: `${failpoint} ${action} ${isEdited ? 'edited' : 'same'}`,
      failpoint,
      action,
      isEdited,
    })),
  ),
)
/** A frozen engine comes back: its leases have ended, and ClickHouse knows its tokens. Either is enough. */
const frozen = { failpoint: 'intent', action: 'stop', isEdited: false } as const
// Alone: what another partition had under way when its process froze may reach ClickHouse after the thaw, and
// only the window knows it then. That is why the product's windows are longer than any freeze.
const pastWindow = { ...frozen, isAlone: true, records: 500, dedupWindow: 10 } as const
const freezes: CrashCase[] = [
  { name: 'freeze past the window', ...pastWindow },
  { name: 'freeze past the session, no leases', ...frozen, control: 'no-lease' },
]
const controls: CrashCase[] = [
  {
    name: 'control: freeze past the window, no leases',
    ...frozen,
    dedupWindow: 2,
    control: 'no-lease',
  },
  { name: 'control: window 0', failpoint: 'tags', action: 'kill', isEdited: false, dedupWindow: 0 },
  {
    name: 'control: no token',
    failpoint: 'tags',
    action: 'kill',
    isEdited: false,
    control: 'no-token',
  },
]

const counts = { passed: 0, failed: 0, skipped: 0 }
for (const broker of await brokers()) {
  try {
    await runAll(broker)
  } finally {
    await broker.close()
  }
}
process.stdout.write(
  `Tests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
)
process.exit(counts.failed > 0 ? 1 : 0)

/** Rounds and other suites on servers of their own; the exit code, or null where none was asked for. */
async function otherSuites(): Promise<number | null> {
  const { rounds, schedule, overload, rolling, deep } = values
  const given = schedule === undefined ? {} : { schedule }
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const totals: Counts = { passed: 0, failed: 0, skipped: 0 }
  const run = (kind: BrokerKind, count: number) =>
    runRounds({ kind, rounds: count, seed, jobs: Number(values.jobs), ...given }, totals)
  if (deep) {
    await run('dev', 100)
    await run('apache', 20)
    await run('apache3', 20)
  } else if (rounds !== undefined) {
    for (const kind of brokerKinds()) await run(kind, Number(rounds))
  } else if (rolling) {
    for (const kind of brokerKinds()) await runRolling(kind, totals)
  } else if (overload !== undefined) {
    for (const kind of brokerKinds()) await runOverload(kind, Number(overload), totals)
  } else {
    return null
  }
  const { passed, failed, skipped } = totals
  process.stdout.write(`Tests: ${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  return failed > 0 ? 1 : 0
}

function brokerKinds(): BrokerKind[] {
  const { broker } = values
  if (broker === 'both') return ['dev', 'apache']
  if (broker === 'dev' || broker === 'apache' || broker === 'apache3') return [broker]
  throw new Error(`--broker ${broker}: there are dev, apache, apache3 and both`)
}

async function brokers(): Promise<Broker[]> {
  const found: Broker[] = []
  if (values.broker !== 'apache') found.push(await startDevBroker())

  if (values.broker !== 'dev') {
    const provided = await provideBrokers()
    if (provided.kind === 'broker') found.push(provided.broker)
    else counts.skipped += matrix.length + freezes.length + controls.length + 1
  }
  return found
}

async function runAll(broker: Broker): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'ttpstream-crash-data-'))
  const clickhouse = await spawnDevClickHouse({ dataDir, port: 0 })
  const every = Number(values.every)
  const chosen = [
    ...matrix.filter((_, index) => index % every === 0),
    ...freezes,
    ...(values['no-controls'] ? [] : controls),
  ].filter(({ name }) => name.includes(values.only))
  const queue = chosen.map((spec, index) => ({ spec, id: `crash_${process.pid}_${index}` }))
  const servers: Servers = { bootstrap: broker.bootstrap, clickhouseUrl: clickhouse.url }
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      await judge(broker.name, next.spec, servers, next.id)
    }
  }
  try {
    await Promise.all(Array.from({ length: Number(values.jobs) }, work))
    if (!values['no-controls'] && 'control: stale commit'.includes(values.only)) {
      await judgeStaleCommit(broker)
    }
  } finally {
    await clickhouse.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function judgeStaleCommit({ name, bootstrap }: Broker): Promise<void> {
  const topic = `stale_${process.pid}`
  const alone = await staleCommit(bootstrap, `${topic}_alone`, 'kafkajs alone')
  const held = await staleCommit(bootstrap, `${topic}_held`, 'with leases')
  const isGood = alone === 0 && held === 10
  counts[isGood ? 'passed' : 'failed'] += 1
  process.stdout.write(
    `${isGood ? 'ok  ' : 'FAIL'} ${name}: control: stale commit (without leases the group goes back ` +
      `to ${alone}, which must be 0; with them it stays at ${held}, which must be 10)\n`,
  )
}

async function judge(broker: string, spec: CrashCase, servers: Servers, id: string): Promise<void> {
  const begun = Date.now()
  const isControl = spec.name.startsWith('control')
  const found = await runCase(spec, servers, id).catch((cause: unknown) => [
    `the case broke: ${cause}`,
  ])
  const isBroken = found.some((line) => line.startsWith('the case broke'))
  const isGood = isControl ? found.length > 0 && !isBroken : found.length === 0
  counts[isGood ? 'passed' : 'failed'] += 1
  const seconds = ((Date.now() - begun) / 1000).toFixed(1)
  const verdict = isGood ? 'ok  ' : 'FAIL'
  const note = isControl ? ` (must fail: ${found[0] ?? 'found nothing'})` : ''
  process.stdout.write(`${verdict} ${broker}: ${spec.name} ${seconds} s${note}\n`)
  if (!isGood) for (const line of found.slice(0, 10)) process.stdout.write(`       ${line}\n`)
}
