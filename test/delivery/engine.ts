/**
 * An engine as the product composes it, inside the test's process, so that a case sees its log,
 * readiness and metrics, and can put something between it and its servers.
 */

import { composeEngine, type EngineParts } from '../../cli/compose-engine.ts'
import { createProcessors, createPublisher } from '../../cli/processors.ts'
import { ruleFolders } from '../../cli/rule-folders.ts'
import { inForce } from '../../cli/rules-in-force.ts'
import { readConfig } from '../../core/config.ts'
import type { Log } from '../../core/log.ts'
import type { FailpointName } from '../../processors/engine/failpoint.ts'
import { readRuleFolders } from '../../rules/folder-listing.ts'
import { ruleContext } from '../../rules/language/context.ts'
import { buildRuleSet } from '../../rules/rule-set.ts'
import { inThread } from '../crash/thread.ts'
import type { PlainTask } from './plain-kafkajs.ts'
import type { Scene } from './scene.ts'

export type EngineChanges = Partial<
  Pick<EngineParts, 'wrapStore' | 'wrapSource' | 'wrapSink' | 'failpoint' | 'processors'>
>

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export class TestEngine {
  readonly lines: LogLine[] = []
  /** Resolves to what stopped it: null when it was asked to. */
  readonly ended: Promise<unknown>
  readonly #composed: ReturnType<typeof composeEngine>
  #hasEnded = false

  constructor(settings: Readonly<Record<string, string>>, changes: EngineChanges = {}) {
    const config = readConfig(settings)
    const rules = inForce(buildRuleSet(readRuleFolders(ruleFolders(config)), ruleContext()))
    this.#composed = composeEngine(config, {
      log: this.#log(),
      processors: createProcessors(config),
      publish: createPublisher(config),
      rules: () => rules,
      ...changes,
    })
    this.ended = this.#composed
      .run()
      .then(
        () => null,
        (cause: unknown) => cause,
      )
      .finally(() => {
        this.#hasEnded = true
      })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  get metrics() {
    return this.#composed.metrics
  }

  /** Why it is not ready; none when it is. */
  get reasons(): readonly string[] {
    return this.#composed.readiness.state().reasons
  }

  said(message: string): readonly LogLine[] {
    return this.lines.filter((line) => line.message.includes(message))
  }

  async stop(): Promise<void> {
    await this.#composed.stop()
  }

  #log(): Log {
    const write = (level: LogLine['level']) => (fields: object, message: string) => {
      this.lines.push({ level, fields: { ...fields }, message })
      if (process.env['DELIVERY_VERBOSE'] && level !== 'debug') {
        process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`)
      }
    }
    return {
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    }
  }
}

/** Stops an engine where it stands at the nth passing of a place, as a crash would. */
export function stopAt(name: FailpointName, nth = 1): (passed: FailpointName) => void {
  let left = nth
  return (passed) => {
    if (passed !== name) return
    left -= 1
    if (left === 0) throw new StoppedHere(name)
  }
}

export class StoppedHere extends Error {
  override readonly name = 'StoppedHere'
}

/** What kafkajs does with the commands of a scene where nobody has changed it. */
export function plainKafkajs(scene: Scene, what: PlainTask['what']): Promise<unknown> {
  const task: PlainTask = {
    what,
    brokers: scene.broker.bootstrap.split(','),
    groupId: scene.id,
    topic: scene.topics.commands,
  }
  return inThread(new URL('./plain-kafkajs.ts', import.meta.url), task)
}
