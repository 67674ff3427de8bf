/**
 * A Kafka cluster that a test started, whichever server it is.
 *
 * Contract: `bootstrap` stays the same over `restart`; what was acknowledged before a `kill` is there
 * after it; `close` may be called twice, ends every process and removes the data.
 */
export interface Broker {
  /** For messages and test names: `Apache Kafka 4.1.0`, `dev broker`. */
  readonly name: string
  /** `host:port`, several joined by commas. */
  readonly bootstrap: string
  /** Holds every node's files; absent where they are not ours. */
  readonly folder?: string
  /** One process per node; empty where the server is not ours to kill. */
  readonly pids: number[]
  /** Sends the signal to one node, or to every. SIGKILL, SIGSTOP and SIGCONT are the useful ones. */
  kill(signal: NodeJS.Signals, node?: number): void
  /** Ends what still runs, starts it again on its old port and data, waits until all are ready. */
  restart(node?: number): Promise<void>
  close(): Promise<void>
}
