/**
 * One worker: live rules, rule state from the catalog, the engine, and the API on top. What `run`,
 * `dev` and `demo` start.
 */

import { readFileSync } from 'node:fs'
import { createApp, type ResponseFacts } from '../api/app.ts'
import type { Auth } from '../api/auth.ts'
import { parseAuthFile } from '../api/auth-file.ts'
import { assertSafeBinding } from '../api/binding.ts'
import type { Publish } from '../api/catalog-writer.ts'
import { type ApiServer, startApi } from '../api/server.ts'
import { systemClock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { messageOf } from '../core/error.ts'
import { signer } from '../core/hash.ts'
import type { OutRecord } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import { createMetrics, type Metrics } from '../core/metrics.ts'
import { systemRandom } from '../core/random.ts'
import { createReadiness, type Readiness } from '../core/readiness.ts'
import { CatalogFollower } from '../processors/engine/catalog-follower.ts'
import { countSources } from '../processors/source-metrics.ts'
import { loadAttack } from '../schemas/attack.ts'
import { CatalogDuties } from './catalog-duties.ts'
import { closeInTime } from './close-in-time.ts'
import { type ComposedEngine, composeEngine } from './compose-engine.ts'
import { LiveRules, type LiveRulesOptions } from './live-rules.ts'
import { createProcessors, createPublisher } from './processors.ts'
import { areRulesFromLog, ruleFolders } from './rule-folders.ts'
import { startTraces, traceResponse } from './traces.ts'
import { createViews } from './views.ts'

export interface Worker {
  readonly api: ApiServer
  readonly rules: LiveRules
  readonly duties: CatalogDuties
  readonly metrics: Metrics
  readonly readiness: Readiness
  /** Resolves when the engine stops; rejects with what stopped it. */
  readonly running: Promise<void>
  /** Ends it within 10 s, whether its servers answer or not. */
  close(): Promise<void>
}

/** Kafka's topics and the migrated database must be there. */
export async function startWorker(config: Config, log: Log): Promise<Worker> {
  const auth = readAuth(config)
  const host = config.text('TTPSTREAM_API_HOST')
  assertSafeBinding(host, auth)
  const metrics = createMetrics()
  const readiness = createReadiness((isReady) =>
    metrics.set('ttpstream_ready', {}, isReady ? 1 : 0),
  )
  readiness.set('catalog', 'the catalog is being read')
  const traces = await startTraces(config, { log, metrics })
  let send: Send = () => {}
  const rules = createLiveRules(config, {
    log,
    metrics,
    readiness,
    onRules: () => duties.ruleAssets.rulesChanged(),
    send: (record) => send(record),
  })
  const engine = composeEngine(config, {
    log,
    metrics,
    readiness,
    tracer: traces.tracer,
    processors: createProcessors(config),
    publish: createPublisher(config),
    rules: () => rules.current(),
    onFinished: (outcome, timeMs) => {
      rules.finished(outcome, timeMs)
      countSources(metrics, outcome.rows.commands ?? [], timeMs)
    },
    onAssigned: (at, lease) => duties.assigned(at, lease),
  })
  const views = createViews(config)
  const duties = new CatalogDuties({ config, log, metrics, rules, sink: engine.sink, views })
  send = sender(engine, log)
  await rules.start()
  const follower = createFollower(config, { engine, log, rules, duties })
  await follower.start()
  readiness.set('catalog', null)
  const api = await startApi({
    host,
    port: config.count('TTPSTREAM_API_PORT'),
    app: createApp({
      auth,
      log,
      views,
      attack: loadAttack(),
      clock: systemClock,
      rules: () => rules.summaries(),
      ruleStates: () => rules.current().states,
      health: { isAlive: () => true, readiness: () => readiness.state() },
      metrics: () => rules.metricsText(),
      ...signing(config),
      onResponse: (response) => {
        countResponse(metrics, response)
        traceResponse(traces.tracer, response)
      },
      publish: catalogSender(config, engine),
    }),
  })
  const running = engine.run()
  return {
    api,
    rules,
    duties,
    metrics,
    readiness,
    running,
    async close() {
      duties.close()
      const closers = [
        () => api.close(),
        () => allEnded([engine.stop(), follower.close(), rules.close()]),
        ...[traces, views].map((one) => () => one.close()),
      ]
      await closeInTime(closers, () => engine.hurry())
    },
  }
}

async function allEnded(works: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(works)
}

interface FollowerParts {
  readonly engine: ComposedEngine
  readonly log: Log
  readonly rules: LiveRules
  readonly duties: CatalogDuties
}

function createFollower(config: Config, parts: FollowerParts): CatalogFollower {
  const { engine, log, rules, duties } = parts
  return new CatalogFollower(engine.kafka, {
    topic: config.text('TTPSTREAM_TOPIC_CATALOG'),
    groupId: `${config.text('TTPSTREAM_KAFKA_GROUP')}-catalog-${systemRandom.uuid()}`,
    batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
    log,
    onRecord: (record) => {
      rules.takeCatalog(record)
      duties.take(record)
    },
    onCaughtUp: () => {
      rules.settle()
      duties.caughtUp()
    },
  })
}

function countResponse(metrics: Metrics, { method, route, status, seconds }: ResponseFacts): void {
  metrics.count('ttpstream_api_requests_total', { method, route, status })
  metrics.observe('ttpstream_api_request_seconds', { route }, seconds)
}

function catalogSender(config: Config, engine: ComposedEngine): Publish {
  const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
  return (record) => {
    const key = `${record.kind}:${record.id}`
    return engine.sink.sendOne({ topic, key, value: JSON.stringify(record) })
  }
}

function signing(config: Config): { readonly sign?: (text: string) => string } {
  const key = config.text('TTPSTREAM_INTEGRITY_KEY')
  return key === '' ? {} : { sign: signer(key) }
}

function readAuth(config: Config): Auth {
  const file = config.text('TTPSTREAM_API_TOKENS_FILE')
  return file === '' ? { kind: 'open' } : parseAuthFile(readFileSync(file, 'utf8'), file)
}

type Send = (record: OutRecord) => void

type RuleParts = Pick<LiveRulesOptions, 'log' | 'metrics' | 'readiness' | 'onRules'> & {
  readonly send: Send
}

function createLiveRules(config: Config, { send, ...parts }: RuleParts): LiveRules {
  const events = config.text('TTPSTREAM_TOPIC_RULE_EVENTS')
  const catalog = config.text('TTPSTREAM_TOPIC_CATALOG')
  return new LiveRules({
    ...parts,
    folders: areRulesFromLog(config) ? 'log' : ruleFolders(config),
    clock: systemClock,
    quarantine: {
      matchesMin: config.count('TTPSTREAM_QUARANTINE_MATCHES'),
      windowMs: config.count('TTPSTREAM_QUARANTINE_WINDOW_MS'),
      quarantineMs: config.count('TTPSTREAM_QUARANTINE_MS'),
    },
    // One record a change, never batched.
    onEvent(event) {
      const value = JSON.stringify({ ...event, at: new Date(systemClock.now()).toISOString() })
      send({ topic: events, key: event.rule_id, value })
    },
    onQuarantine: (record) => send(record(catalog)),
  })
}

/** What cannot be sent is logged: the rules are in force anyway. */
function sender(engine: ComposedEngine, log: Log): Send {
  return (record) => {
    engine.sink.send([record]).catch((cause: unknown) => {
      log.warn({ topic: record.topic, key: record.key, error: messageOf(cause) }, 'not sent')
    })
  }
}
