/**
 * kafkajs keeps what it has of an answer when its connection is cut, and puts the first bytes of the
 * next connection behind it: from then on it takes content for lengths, which ends the process or
 * hangs the connection. Here each connection begins with nothing, and hears nothing more of the one
 * before; `docs/decisions/undecodable-batches.md` tells why in this place.
 */

import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

/** kafkajs's connection, as far as it is used here. */
interface Connection {
  readonly socket?: EventEmitter
  chunks: Buffer[]
  bytesBuffered: number
  /** Of the answer that is being read, its length's own bytes among them. */
  bytesNeeded: number
  isConnected(): boolean
  connect(): Promise<boolean>
  processData(bytes: Buffer): void
}

const require = createRequire(import.meta.url)
const installed = Symbol.for('ttpstream connection')
const lengthBytes = 4

/** For every Kafka client of this process. */
export function installConnectionRules(): void {
  // Checked by the tests, which cut connections: kafkajs's version is pinned.
  const connection = require('kafkajs/src/network/connection.js').prototype as Connection
  if (Object.hasOwn(connection, installed)) return
  Object.defineProperty(connection, installed, { value: true })
  const { connect, processData } = connection
  connection.connect = function (this: Connection) {
    if (!this.isConnected()) {
      this.socket?.removeAllListeners('data')
      this.chunks = []
      this.bytesBuffered = 0
      this.bytesNeeded = lengthBytes
    }
    return connect.call(this)
  }
  connection.processData = function (this: Connection, bytes) {
    // Behind every answer it keeps a piece of no bytes, and would copy the next answer to join the two.
    if (this.bytesBuffered === 0) this.chunks = []
    processData.call(this, bytes)
  }
}
