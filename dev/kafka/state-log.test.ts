import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { silentLog } from '../../core/log.ts'
import { StateLog } from './state-log.ts'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-log-'))
  file = join(folder, 'state.log')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('entries come back in order', () => {
  const { log } = open()
  log.append([{ n: 1 }, { n: 2 }])
  log.append([{ n: 3 }])
  log.close()
  expect(open().entries).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
})

test('a file cut at any byte gives the entries before the cut, and takes new ones', () => {
  const { log } = open()
  const entries = [{ n: 1 }, { n: 22, text: 'line\nbreak ü' }, { n: 333 }]
  log.append(entries)
  log.close()
  const whole = readFileSync(file)
  for (let bytes = 0; bytes < whole.length; bytes += 1) {
    writeFileSync(file, whole.subarray(0, bytes))
    const cut = open()
    expect(cut.entries).toEqual(entries.slice(0, cut.entries.length))
    expect(cut.entries.length).toBe(whole.subarray(0, bytes).filter((byte) => byte === 10).length)
    cut.log.append([{ n: 4 }])
    cut.log.close()
    expect(open().entries).toEqual([...cut.entries, { n: 4 }])
  }
})

test('a damaged line ends what is believed', () => {
  const { log } = open()
  log.append([{ n: 1 }, { n: 2 }])
  log.close()
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(12) ^ 1, 12)
  writeFileSync(file, bytes)
  expect(open().entries).toEqual([])
  appendFileSync(file, 'no line of ours\n')
  expect(open().entries).toEqual([])
})

test('a file that has grown is rewritten from a snapshot', () => {
  const { log } = open()
  const pad = 'x'.repeat(100_000)
  for (let n = 0; n < 30; n += 1) {
    log.append([{ n, pad }])
    log.compact(() => [{ n, pad }])
  }
  log.append([{ n: 99 }])
  log.close()
  expect(statSync(file).size).toBeLessThan(1_200_000)
  const { entries } = open()
  expect(entries.at(-1)).toEqual({ n: 99 })
  expect(entries.at(-2)).toEqual({ n: 29, pad })
})

interface Entry {
  readonly n: number
  readonly text?: string
  readonly pad?: string
}

function open(): { log: StateLog<Entry>; entries: Entry[] } {
  const entries: Entry[] = []
  const log = StateLog.open<Entry>(file, (entry) => entries.push(entry), silentLog)
  return { log, entries }
}
