/**
 * Keeps the catalog's assets equal to the rules in force, from one worker of the group: the one that
 * holds the catalog's partition.
 *
 * Contract: a record is sent once. Nothing is sent while records sent before have not come back on
 * the catalog; a worker that loses the partition stops, whoever has it then compares for itself. Two
 * that overlap for a moment send equal records, which change nothing.
 */

import type { Clock } from '../core/clock.ts'
import { messageOf } from '../core/error.ts'
import type { LogRecord, OutRecord } from '../core/kafka.ts'
import type { Log } from '../core/log.ts'
import { missingRuleAssets, RuleAssetHoldings } from '../processors/rule-assets.ts'
import type { Rule } from '../rules/rule.ts'

export interface RuleAssetPublisherOptions {
  readonly topic: string
  readonly folders: readonly string[]
  readonly rules: () => readonly Rule[]
  readonly send: (records: readonly OutRecord[]) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

const pauseMs = 50
/** After this long a record that has not come back is taken for lost, and compared anew. */
const echoMsMax = 10_000
const retryMs = 1_000

export class RuleAssetPublisher {
  readonly #options: RuleAssetPublisherOptions
  readonly #holdings = new RuleAssetHoldings()
  readonly #unseen = new Set<string>()
  #isHolder: () => boolean = () => false
  #timer: NodeJS.Timeout | null = null
  #isSending = false
  #isClosed = false
  #settle: () => void = () => {}
  /** Resolves when the catalog was found equal to the rules for the first time. */
  readonly settled: Promise<void>
  /** Records sent so far. */
  sent = 0

  constructor(options: RuleAssetPublisherOptions) {
    this.#options = options
    this.settled = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** This worker holds the catalog's partition for as long as `isHolder` says so. */
  hold(isHolder: () => boolean): void {
    this.#isHolder = isHolder
    this.#schedule(0)
  }

  /** Takes a record of the catalog, in log order. */
  take(record: LogRecord): void {
    const change = this.#holdings.apply(record)
    if (change === null) return
    if (change.isOurs) this.#unseen.delete(change.key)
    if (this.#unseen.size === 0) this.#schedule(pauseMs)
  }

  /** The rules in force have changed. */
  rulesChanged(): void {
    if (this.#unseen.size === 0) this.#schedule(pauseMs)
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #schedule(waitMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    if (this.#isClosed) return
    this.#timer = setTimeout(() => void this.#publish(), waitMs)
    this.#timer.unref()
  }

  async #publish(): Promise<void> {
    if (this.#isSending || !this.#isHolder()) return
    const { topic, folders, rules, clock, log, send } = this.#options
    const records = missingRuleAssets(rules(), this.#holdings, folders, clock.now())
    this.#unseen.clear()
    if (records.length === 0) {
      this.#settle()
      return
    }
    this.#isSending = true
    for (const { kind, id } of records) this.#unseen.add(`${kind}:${id}`)
    try {
      await send(
        records.map((record) => {
          return { topic, key: `${record.kind}:${record.id}`, value: JSON.stringify(record) }
        }),
      )
      this.sent += records.length
      log.info({ records: records.length }, 'rules published as detection assets')
      // All of it may be back already.
      this.#schedule(this.#unseen.size === 0 ? pauseMs : echoMsMax)
    } catch (cause) {
      log.warn({ error: messageOf(cause) }, 'rules not published as detection assets')
      this.#schedule(retryMs)
    } finally {
      this.#isSending = false
    }
  }
}
