/**
 * The five families of errors. Whether to retry is a property of the error, never a guess by the
 * caller: a `TransientError` repeats the same block, a `RecordError` becomes a dead letter, anything
 * else stops the process with the block uncommitted.
 */

export abstract class TtpstreamError extends Error {
  abstract readonly family: 'config' | 'rule' | 'record' | 'transient'
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { details?: Readonly<Record<string, unknown>>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = new.target.name
    this.code = code
    this.details = options.details ?? {}
  }
}

/** The operator must fix a setting. Exit code 3. */
export class ConfigError extends TtpstreamError {
  readonly family = 'config'
}

/** The author must fix a rule. Exit code 2. */
export class RuleError extends TtpstreamError {
  readonly family = 'rule'
}

/** This record is bad: dead-letter it and go on. */
export class RecordError extends TtpstreamError {
  readonly family = 'record'
}

/** A server is unwell: back off and retry the same block. */
export class TransientError extends TtpstreamError {
  readonly family = 'transient'
}

/** A broken invariant is ours to answer for: crash, keep the offset uncommitted. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
