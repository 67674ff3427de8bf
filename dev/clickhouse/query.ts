import { createReadStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import type { ChdbResult, Session } from 'chdb'
import type { Answer, Summary } from './answer.ts'
import { Body, decode } from './body.ts'
import { decodeBlocks } from './compressed-blocks.ts'
import { type ConnectionPool, type Job, quoted } from './connection-pool.ts'
import { asException, errorCodes, exception } from './exception.ts'
import type { HttpSessions } from './http-sessions.ts'
import type { QueryRequest } from './request.ts'
import type { Spool } from './spool.ts'
import { parseStatement, type Statement } from './statement.ts'

/** The life of one query: body → statement → chDB → answer. */
export interface QueryContext {
  readonly pool: ConnectionPool
  readonly sessions: HttpSessions
  readonly spool: Spool
  readonly bodyBytesMax: number
}

type Insert = Extract<Statement, { kind: 'insert' }>
type Select = Extract<Statement, { kind: 'select' }>
type Work<T> = (session: Session) => Promise<T>

interface RunOptions {
  readonly signal?: AbortSignal
  /** In the place of the request's. */
  readonly settings?: ReadonlyMap<string, string>
}

type Run = <T>(isReusable: boolean, work: Work<T>, options?: RunOptions) => Promise<T>

/** ClickHouse's default for max_query_size: the statement has to end (or its data begin) within. */
const queryBytesDefault = 262_144
const queryBytesMax = 64 * 1024 * 1024
const tokenName = 'insert_deduplication_token'

export async function runQuery(
  context: QueryContext,
  request: QueryRequest,
  message: IncomingMessage,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> {
  const run: Run = (isReusable, work, { signal: own, settings = request.settings } = {}) => {
    const { database, parameters } = request
    const stop = own === undefined ? signal : AbortSignal.any([signal, own])
    const job: Job = { database, parameters, settings, signal: stop }
    return request.session === undefined
      ? context.pool.run(job, isReusable, work)
      : context.sessions.run(request.session, job, work)
  }
  await withBody(context, request, message, run, async (body) => {
    const bytesMax = queryBytes(request.settings)
    const sql = request.sql === '' ? [] : [Buffer.from(`${request.sql}\n`)]
    const head = Buffer.concat([...sql, await body.head(bytesMax)])
    const statement = parseStatement(head)
    if (statement.kind === 'insert') {
      await runInsert(context, run, statement, { head, body }, request, answer)
      return
    }
    // One more read tells whether the body ended just here.
    const more = head.length > bytesMax || (await body.head(1)).length > 0
    if (more || head.length > bytesMax + request.sql.length) throw tooLong(bytesMax)
    if (statement.kind === 'empty') throw exception('SYNTAX_ERROR', 'Syntax error: Empty query')
    if (statement.kind === 'select') {
      await runSelect(context, run, statement, request, answer)
      return
    }
    const format = statement.format ?? request.defaultFormat
    const result = await run(!statement.leavesState, (session) =>
      session.queryAsync(statement.sql, { format: request.defaultFormat }),
    )
    await answer.sendBytes(result.bytes(), { format, summary: summaryOf(result) })
  })
}

/** chDB parses the spooled rows in several threads, and puts them in one block. */
async function runInsert(
  { spool }: QueryContext,
  run: Run,
  insert: Insert,
  { head, body }: { head: Buffer; body: Body },
  request: QueryRequest,
  answer: Answer,
): Promise<void> {
  const rest = body.isEnded ? undefined : body.rest()
  const { clause, settings } = settingsOf(insert, request)
  const result = await spool.withBody(head.subarray(insert.dataStart), rest, (path) => {
    const sql = `${insert.head} FROM INFILE ${quoted(path)} ${clause} FORMAT ${insert.format}`
    return run(true, (session) => session.queryAsync(sql), { settings })
  })
  const summary = summaryOf(result)
  await answer.sendBytes(new Uint8Array(), {
    format: insert.format,
    summary: { ...summary, writtenRows: summary.readRows, writtenBytes: summary.readBytes },
  })
}

/** The token differs from one insert to the next: it goes with the statement, so that the session's settings stay. */
function settingsOf(insert: Insert, request: QueryRequest) {
  const token = request.settings.get(tokenName)
  if (token === undefined || insert.settings !== '') {
    return { clause: insert.settings, settings: request.settings }
  }
  const settings = new Map(request.settings)
  settings.delete(tokenName)
  return { clause: `SETTINGS ${tokenName} = ${quoted(token)}`, settings }
}

async function runSelect(
  { spool }: QueryContext,
  run: Run,
  select: Select,
  request: QueryRequest,
  answer: Answer,
): Promise<void> {
  const format = select.format ?? request.defaultFormat
  if (!request.waitsForEnd) {
    await run(true, (session) => {
      let summary: Summary | undefined
      const chunks = spool.pipes.read(async (path) => {
        summary = await writeResult(session, select, format, path)
      })
      return answer.sendChunks(chunks, format, () => summary)
    })
    return
  }
  await spool.withResult(async (path, signal) => {
    const work: Work<Summary> = (session) => writeResult(session, select, format, path)
    const summary = await run(true, work, { signal })
    await answer.sendFile(path, { format, summary })
  })
}

/** A syntax error is told of the statement as it came, without what is added here. */
async function writeResult(
  session: Session,
  { head, tail }: Select,
  format: string,
  path: string,
): Promise<Summary> {
  const into = `INTO OUTFILE ${quoted(path)} APPEND FORMAT ${format}`
  try {
    return summaryOf(await session.queryAsync(`${head}\n${into} ${tail}`))
  } catch (error) {
    if (asException(error).code === errorCodes.SYNTAX_ERROR) {
      await session.queryAsync(`${head} ${tail}`, { format })
    }
    throw error
  }
}

/** The decoded body. zstd and lz4, which Node cannot decode, go through chDB and a second file. */
async function withBody<T>(
  { spool, bodyBytesMax }: QueryContext,
  { decompresses }: QueryRequest,
  message: IncomingMessage,
  run: Run,
  work: (body: Body) => Promise<T>,
): Promise<T> {
  const coding = (message.headers['content-encoding'] ?? '').toLowerCase()
  if (coding !== 'zstd' && coding !== 'lz4') {
    const decoded = decode(message, coding)
    return await work(new Body(decompresses ? decodeBlocks(decoded) : decoded, bodyBytesMax))
  }
  const encoded = new Body(message, bodyBytesMax)
  return await spool.withBody(new Uint8Array(), encoded.rest(), (from) =>
    spool.withFile(async (to) => {
      const file = `file(${quoted(from)}, 'RawBLOB', 'raw String', ${quoted(coding)})`
      const sql = `SELECT raw FROM ${file} INTO OUTFILE ${quoted(to)} FORMAT RawBLOB`
      await run(true, (session) => session.queryAsync(sql))
      return await work(new Body(createReadStream(to), bodyBytesMax))
    }),
  )
}

function queryBytes(settings: ReadonlyMap<string, string>): number {
  const asked = Number(settings.get('max_query_size') ?? queryBytesDefault)
  return asked >= 1 && asked <= queryBytesMax ? asked : queryBytesDefault
}

function tooLong(bytesMax: number): Error {
  const why = `Syntax error: Max query size exceeded (${bytesMax} bytes; can be increased with the \`max_query_size\` setting)`
  return exception('SYNTAX_ERROR', why)
}

function summaryOf(result: ChdbResult): Summary {
  return {
    readRows: result.rowsRead,
    readBytes: result.bytesRead,
    writtenRows: 0,
    writtenBytes: 0,
    elapsedSeconds: result.elapsed,
  }
}
