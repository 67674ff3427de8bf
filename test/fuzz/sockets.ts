/**
 * A running product under broken requests: frames to the dev broker, HTTP to the ClickHouse front and to
 * the API. Afterwards each must answer well, the API's own count of answers may hold no 5xx but 503, and
 * the engine must still turn a record into exactly one tag.
 */

import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../core/error.ts'
import { Dice } from '../dice.ts'
import {
  command,
  type OperationsStack,
  startOperationsStack,
  wordRule,
} from '../operations-stack.ts'
import { mutate } from './mutate.ts'

const answerMsMax = 10_000
/** Every second case waits so long for its answer before it hangs up; the others hang up at once. */
const patienceMs = 50
const sideBySide = 8

/** Resolves to the number of findings. */
export async function fuzzSockets(seed: number, cases: number): Promise<number> {
  const stack = await startOperationsStack()
  try {
    stack.writeRule('one.yaml', wordRule('fuzz.one', 'T1033', 'whoami'))
    await stack.startEngine()
    const { TTPSTREAM_KAFKA_BROKERS: broker = '', TTPSTREAM_CLICKHOUSE_URL: front = '' } =
      stack.environment
    const tries = [
      [
        'broker',
        () =>
          fuzzServer(seed + 1, cases, broker, frames, async () => {
            await stack.send('ttp.commands', [command('ls')])
          }),
      ],
      [
        'ClickHouse front',
        () =>
          fuzzServer(seed + 2, cases, new URL(front).host, httpOf(frontRequests), () =>
            stack.rows('SELECT 1'),
          ),
      ],
      [
        'API',
        () =>
          fuzzServer(seed + 3, cases, new URL(stack.api).host, httpOf(apiRequests), () =>
            assertApi(stack),
          ),
      ],
    ] as const
    let findings = 0
    for (const [name, run] of tries) {
      const begun = Date.now()
      try {
        await run()
        process.stdout.write(
          `${name}: ${cases} cases in ${((Date.now() - begun) / 1000).toFixed(1)} s\n`,
        )
      } catch (thrown) {
        findings += 1
        process.stdout.write(`FINDING ${name}, seed ${seed}: ${messageOf(thrown)}\n`)
      }
    }
    return findings
  } finally {
    await stack.close()
  }
}

/** A frame that joined the engine's group by chance holds it up until its session ends, 30 s later. */
async function untilReady(stack: OperationsStack): Promise<void> {
  let state = ''
  for (let leftMs = 60_000; leftMs > 0; leftMs -= 100) {
    const ready = await fetch(`${stack.api}/health/ready`)
    state = await ready.text()
    if (ready.ok) return
    await sleep(100)
  }
  throw new Error(`not ready: ${state}`)
}

async function assertApi(stack: OperationsStack): Promise<void> {
  await untilReady(stack)
  await stack.send('ttp.commands', [command('whoami', { event_id: 'after-the-storm' })])
  await stack.finished()
  const [row] = await stack.rows<{ n: number }>(
    `SELECT count() AS n FROM tags WHERE source_id = 'after-the-storm'`,
  )
  if (row?.n !== 1) throw new Error(`the record gave ${row?.n} tags`)
  for (const [series, count] of await stack.metrics()) {
    const [, status = ''] = /^ttpstream_api_requests_total .*status="(5\d\d)"/.exec(series) ?? []
    if (status !== '' && status !== '503') throw new Error(`${count} answers of ${series}`)
  }
}

/** Sends every case on a connection of its own; a server may answer or hang up, not stay silent. */
async function fuzzServer(
  seed: number,
  cases: number,
  address: string,
  make: (dice: Dice) => Buffer,
  isWell: () => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    for (;;) {
      const number = next
      next += 1
      if (number >= cases) return
      await exchange(address, make(new Dice(seed + number * 104_729)), number)
    }
  }
  await Promise.all(Array.from({ length: sideBySide }, worker))
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('no good answer after the cases')), answerMsMax * 10).unref()
  })
  await Promise.race([isWell(), late])
}

/** Our side ends: a server that waits for more, or works in vain, sees it and must let go. */
function exchange(address: string, request: Buffer, number: number): Promise<void> {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port: Number(port) })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`case ${number}: neither an answer nor an end within ${answerMsMax} ms`))
    }, answerMsMax)
    const hangUp = setTimeout(() => socket.end(), number % 2 === 0 ? 0 : patienceMs)
    const done = () => {
      clearTimeout(timer)
      clearTimeout(hangUp)
      socket.destroy()
      resolve()
    }
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ECONNREFUSED') return done()
      clearTimeout(timer)
      clearTimeout(hangUp)
      reject(new Error(`case ${number}: the server is gone`))
    })
    socket.on('data', done)
    socket.on('close', done)
    socket.write(request)
  })
}

/** `size, key, version, correlation, client`, then a body: rarely right. */
function frames(dice: Dice): Buffer {
  const body = mutate(dice, bodies, 4_096)
  const head = Buffer.alloc(14)
  const isHonest = !dice.once(8)
  head.writeInt32BE(isHonest ? body.length + 10 : dice.below(2 ** 31) - 2 ** 30, 0)
  head.writeInt16BE(dice.below(70), 4)
  head.writeInt16BE(dice.below(13), 6)
  head.writeInt32BE(dice.below(1_000_000), 8)
  head.writeInt16BE(dice.once(4) ? dice.below(100) : -1, 12)
  return Buffer.concat([head, body])
}

const bodies = [
  Buffer.from([0, 0, 0, 1, 0, 12, ...Buffer.from('ttp.commands'), 0, 0, 0, 1, 0, 0, 0, 0]),
  Buffer.from([0, 1, 0, 0, 3, 232, 0, 0, 0, 1, 0, 12, ...Buffer.from('ttp.commands')]),
  Buffer.from([0, 9, ...Buffer.from('ttpstream'), 0, 0, 117, 48, 0, 0, 117, 48, 0, 0]),
  Buffer.from([255, 255, 255, 255]),
  Buffer.alloc(64, 0x7f),
]

interface HttpSamples {
  readonly methods: readonly string[]
  readonly paths: readonly Buffer[]
  readonly bodies: readonly Buffer[]
}

const texts = (...list: string[]) => list.map((text) => Buffer.from(text))

const frontRequests: HttpSamples = {
  methods: ['GET', 'POST', 'POST', 'PUT', 'HEAD', 'OPTIONS'],
  paths: texts(
    '/?query=SELECT%201&database=ttpstream',
    '/?query=SELECT+{a:String}&param_a=x&default_format=JSONEachRow',
    '/?database=ttpstream&session_id=s1&session_timeout=1&max_execution_time=1',
    '/ping',
    '/?query=INSERT+INTO+nowhere+FORMAT+RowBinary&compress=1&decompress=1',
  ),
  bodies: texts(
    'SELECT 1',
    'SELECT * FROM tags LIMIT 1 FORMAT JSON',
    'INSERT INTO x VALUES (1)',
    '',
    '/* x',
  ),
}

const apiRequests: HttpSamples = {
  methods: ['GET', 'GET', 'GET', 'POST', 'PATCH', 'DELETE', 'PUT'],
  paths: texts(
    '/api/v1/ttp/tags?limit=5&min_confidence=0.5&from=2026-01-01T00:00:00Z',
    '/api/v1/ttp/techniques?cursor=abc&to=2026-01-01T00:00:00Z',
    '/api/v1/ttp/by-identity/actor-1?limit=1',
    '/api/v1/ttp/rules/fuzz.one/state',
    '/api/v1/ttp/export/navigator?scope=fleet',
    '/api/v1/metrics/operational/mttd?platform=windows',
    '/health/ready',
    '/metrics',
  ),
  bodies: texts(
    '{"state":"disabled","reason":"x"}',
    '{"state":"clipped","confidence_max":0.5}',
    '[]',
    '',
    '{"a":{"b":[1]}}',
  ),
}

function httpOf(samples: HttpSamples): (dice: Dice) => Buffer {
  return (dice) => {
    const path = mutate(dice, samples.paths, 4_096)
    const body = mutate(dice, samples.bodies, 16_384)
    const target = dice.once(10)
      ? path
      : Buffer.from(path.toString('latin1').replaceAll(/[^!-~]/g, '%'))
    const head = `Host: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n`
    const length = dice.once(20) ? dice.below(100_000) : body.length
    return Buffer.concat([
      Buffer.from(`${dice.pick(samples.methods)} `),
      target,
      Buffer.from(` HTTP/1.1\r\n${head}Content-Length: ${length}\r\n\r\n`),
      body,
    ])
  }
}
