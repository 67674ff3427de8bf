import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { silentLog } from '../core/log.ts'
import { type RuleFolder, type RuleSetChange, watchRules } from './folder.ts'
import { isRuleFileName, readRuleFolders } from './folder-listing.ts'
import { ruleContext } from './language/context.ts'
import { buildRuleSet } from './rule-set.ts'

const context = ruleContext()
const opened: { folder: string; watcher: RuleFolder }[] = []

afterAll(async () => {
  for (const { folder, watcher } of opened.splice(0)) {
    await watcher.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

function ruleText(id: string, value = 'x'): string {
  return `rule_id: ${id}
rule_version: 1
name: ${id}
applies_to: [command]
match: { s: { command_text|contains: '${value}' }, condition: s }
emits: [{ technique_id: T1033, confidence: 0.5 }]
`
}

interface Rig {
  readonly root: string
  readonly watcher: RuleFolder
  readonly path: (name: string) => string
  readonly log: string[]
  /** Waits until what is in force is `rules`, then for silence; gives the changes since the last call. */
  readonly settled: (...rules: string[]) => Promise<readonly string[]>
}

async function follow(
  files: Record<string, string>,
  { isFolderThere = true, settleMs = 60 } = {},
): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'ttpstream-rules-'))
  const root = join(folder, 'rules')
  if (isFolderThere) mkdirSync(root)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text)
  const log: string[] = []
  const onChange = ({ changes }: RuleSetChange) => {
    for (const { change, ruleId } of changes) log.push(`${change} ${ruleId}`)
  }
  const watcher = await watchRules([root], {
    context,
    log: silentLog,
    onChange,
    settleMs,
    debounceMs: 10,
  })
  opened.push({ folder, watcher })
  const settled = async (...rules: string[]) => {
    await until(
      () => inForce(watcher).join() === rules.join(),
      () => `${inForce(watcher)} is not ${rules}`,
    )
    await silence(() => log.length, 4 * settleMs)
    expect(inForce(watcher)).toEqual(rules)
    expectFresh(root, watcher)
    return log.splice(0)
  }
  return { root, watcher, path: (name) => join(root, name), log, settled }
}

function inForce(watcher: RuleFolder): readonly string[] {
  return watcher.ruleSet.rules.map(({ id, condition }) =>
    condition.op === 'contains' ? `${id}=${condition.value}` : id,
  )
}

/** But for rules that are kept, what is in force is what a fresh start would load. */
function expectFresh(root: string, watcher: RuleFolder): void {
  const fresh = buildRuleSet(readRuleFolders([root]), context)
  if (watcher.ruleSet.rejections.length > 0) return
  expect(watcher.ruleSet.rules).toEqual(fresh.rules)
  expect(watcher.ruleSet.diagnostics).toEqual(fresh.diagnostics)
  expect(watcher.ruleSet.revision.id).toBe(fresh.revision.id)
}

async function until(isTrue: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (isTrue()) return
    await pause(20)
  }
  throw new Error(`waited 8 s: ${what()}`)
}

/** Nothing new for longer than anything is held back. */
async function silence(count: () => number, ms: number): Promise<void> {
  for (let quietMs = 0, last = count(); quietMs < ms; quietMs += 20) {
    await pause(20)
    if (count() !== last) quietMs = 0
    last = count()
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

test.concurrent('a folder is loaded before anything is followed', async () => {
  const { watcher, log } = await follow({
    'a.yaml': ruleText('a'),
    'b.yml': ruleText('b'),
    'c.txt': ruleText('c'),
  })
  expect(inForce(watcher)).toEqual(['a=x', 'b=x'])
  expect(log).toEqual([])
})

const saves: Record<string, (path: string, text: string) => void> = {
  'written in place': (path, text) => writeFileSync(path, text),
  'truncated, then written in pieces': (path, text) => {
    truncateSync(path, 0)
    const file = openSync(path, 'w')
    for (let at = 0; at < text.length; at += 40) writeSync(file, text.slice(at, at + 40))
    closeSync(file)
  },
  'written beside and renamed over': (path, text) => {
    writeFileSync(`${path}.tmp`, text)
    renameSync(`${path}.tmp`, path)
  },
  'moved to a backup and written anew': (path, text) => {
    renameSync(path, `${path}~`)
    writeFileSync(path, text)
    unlinkSync(`${path}~`)
  },
  'removed and created': (path, text) => {
    unlinkSync(path)
    writeFileSync(path, text)
  },
}

test.concurrent.each(Object.keys(saves))('a file that is %s is one change', async (style) => {
  const { path, settled } = await follow({
    'a.yaml': ruleText('a', 'one'),
    'b.yaml': ruleText('b'),
  })
  saves[style]?.(path('a.yaml'), ruleText('a', 'two'))
  expect(await settled('a=two', 'b=x')).toEqual(['reloaded a'])
  saves[style]?.(path('a.yaml'), ruleText('a', 'three'))
  expect(await settled('a=three', 'b=x')).toEqual(['reloaded a'])
})

test.concurrent('a save with a pause in its middle is one change', async () => {
  const files = { 'a.yaml': ruleText('a', 'one') }
  const { path, settled } = await follow(files, { settleMs: 500 })
  const text = ruleText('a', 'two')
  writeFileSync(path('a.yaml'), '')
  await pause(60)
  writeFileSync(path('a.yaml'), text.slice(0, 60))
  await pause(60)
  appendFileSync(path('a.yaml'), text.slice(60))
  expect(await settled('a=two')).toEqual(['reloaded a'])
})

test.concurrent('saves that follow one another closely are each taken at once', async () => {
  // Whatever no event tells of is found a settling time later: not within this test.
  const files = { 'a.yaml': ruleText('a', '0') }
  const { path, watcher } = await follow(files, { settleMs: 600_000 })
  for (let n = 1; n <= 10; n += 1) {
    writeFileSync(path('a.yaml'), ruleText('a', String(n)))
    await until(
      () => inForce(watcher).join() === `a=${n}`,
      () => `save ${n} was not seen: ${inForce(watcher)}`,
    )
  }
})

test.concurrent('files come, go and move', async () => {
  const { root, path, settled } = await follow({ 'a.yaml': ruleText('a') })
  writeFileSync(path('b.yaml'), ruleText('b'))
  expect(await settled('a=x', 'b=x')).toEqual(['loaded b'])
  renameSync(path('b.yaml'), path('c.yaml'))
  expect(await settled('a=x', 'b=x')).toEqual(['reloaded b'])
  renameSync(path('c.yaml'), join(root, '..', 'out.yaml'))
  expect(await settled('a=x')).toEqual(['removed b'])
  renameSync(join(root, '..', 'out.yaml'), path('in.yaml'))
  expect(await settled('a=x', 'b=x')).toEqual(['loaded b'])
  unlinkSync(path('a.yaml'))
  expect(await settled('b=x')).toEqual(['removed a'])
  renameSync(path('in.yaml'), path('in.yaml.off'))
  expect(await settled()).toEqual(['removed b'])
})

test.concurrent('an emptied file has no rules, a broken one keeps its last good version', async () => {
  const { path, settled, watcher } = await follow({
    'a.yaml': ruleText('a', 'one'),
    'b.yaml': ruleText('b'),
  })
  writeFileSync(path('a.yaml'), ruleText('a', 'two').replace('T1033', 'T9999'))
  await until(
    () => watcher.ruleSet.rejections.length === 1,
    () => 'nothing was rejected',
  )
  expect(await settled('a=one', 'b=x')).toEqual(['rejected a'])
  writeFileSync(path('a.yaml'), ruleText('a', 'three'))
  expect(await settled('a=three', 'b=x')).toEqual(['reloaded a'])
  truncateSync(path('a.yaml'), 0)
  expect(await settled('b=x')).toEqual(['removed a'])
})

test.concurrent('an id that changes, or is there twice, is what a fresh start would make of it', async () => {
  const { path, settled, watcher } = await follow({ 'a.yaml': ruleText('a') })
  writeFileSync(path('a.yaml'), ruleText('other'))
  expect(await settled('other=x')).toEqual(['loaded other', 'removed a'])
  writeFileSync(path('b.yaml'), ruleText('other', 'second'))
  await until(
    () => watcher.ruleSet.rejections.length === 1,
    () => 'nothing was rejected',
  )
  expect(await settled('other=x')).toEqual(['rejected other'])
  unlinkSync(path('a.yaml'))
  expect(await settled('other=second')).toEqual(['reloaded other'])
})

test.concurrent('a file that cannot be read keeps its rules and is reported', async () => {
  const { path, settled, watcher } = await follow({ 'a.yaml': ruleText('a', 'one') })
  writeFileSync(path('a.yaml'), Buffer.from([0xff, 0xfe, 0x80]))
  await until(
    () => watcher.ruleSet.rejections.length === 1,
    () => 'nothing was rejected',
  )
  expect(await settled('a=one')).toEqual(['rejected '])
  writeFileSync(path('a.yaml'), ruleText('a', 'two'))
  expect(await settled('a=two')).toEqual(['reloaded a'])
  if (process.getuid?.() === 0) return // Nothing is forbidden to root.
  chmodSync(path('a.yaml'), 0)
  await until(
    () => watcher.ruleSet.rejections.length === 1,
    () => 'nothing was rejected',
  )
  expect(await settled('a=two')).toEqual(['rejected '])
})

test.concurrent('editors’ own files are never rules', async () => {
  const names = [
    '.a.yaml.swp',
    '.#a.yaml',
    '#a.yaml#',
    'a.yaml~',
    '4913',
    'a.yaml.tmp',
    'a.yaml___jb_tmp___',
    '.hidden.yaml',
    'sedXy12',
    'a.json',
  ]
  expect(names.filter(isRuleFileName)).toEqual([])
  const { path, settled } = await follow({ 'a.yaml': ruleText('a') })
  for (const name of names) writeFileSync(path(name), ruleText('ghost'))
  expect(await settled('a=x')).toEqual([])
})

test.concurrent('a ConfigMap that is swapped by its link is one change a rule', async () => {
  const { root, path, settled } = await follow({})
  const version = (name: string, value: string) => {
    mkdirSync(path(name))
    writeFileSync(join(root, name, 'a.yaml'), ruleText('a', value))
    writeFileSync(join(root, name, 'b.yaml'), ruleText('b'))
  }
  version('..2026_1', 'one')
  symlinkSync('..2026_1', path('..data'))
  symlinkSync('..data/a.yaml', path('a.yaml'))
  symlinkSync('..data/b.yaml', path('b.yaml'))
  expect(await settled('a=one', 'b=x')).toEqual(['loaded a', 'loaded b'])
  for (const [next, last, value] of [
    ['..2026_2', '..2026_1', 'two'],
    ['..2026_3', '..2026_2', 'three'],
  ] as const) {
    version(next, value)
    symlinkSync(next, path('..data_tmp'))
    renameSync(path('..data_tmp'), path('..data'))
    rmSync(path(last), { recursive: true })
    expect(await settled(`a=${value}`, 'b=x')).toEqual(['reloaded a'])
  }
})

test.concurrent('a folder that is removed and restored is followed again', async () => {
  const { root, path, settled } = await follow({ 'a.yaml': ruleText('a') })
  rmSync(root, { recursive: true })
  expect(await settled()).toEqual(['removed a'])
  mkdirSync(root)
  writeFileSync(path('a.yaml'), ruleText('a', 'again'))
  expect(await settled('a=again')).toEqual(['loaded a'])
  writeFileSync(path('b.yaml'), ruleText('b'))
  expect(await settled('a=again', 'b=x')).toEqual(['loaded b'])
})

test.concurrent('a folder replaced by another at once is followed too', async () => {
  const { root, path, settled } = await follow({ 'a.yaml': ruleText('a') })
  mkdirSync(`${root}.new`)
  writeFileSync(join(`${root}.new`, 'a.yaml'), ruleText('a', 'new'))
  renameSync(root, `${root}.old`)
  renameSync(`${root}.new`, root)
  expect(await settled('a=new')).toEqual(['reloaded a'])
  writeFileSync(path('a.yaml'), ruleText('a', 'newer'))
  expect(await settled('a=newer')).toEqual(['reloaded a'])
})

test.concurrent('a folder that is not there yet is waited for', async () => {
  const { root, path, settled } = await follow({}, { isFolderThere: false })
  mkdirSync(root)
  writeFileSync(path('a.yaml'), ruleText('a'))
  expect(await settled('a=x')).toEqual(['loaded a'])
})

test.concurrent('folders within come, move and go', async () => {
  const { root, path, settled } = await follow({ 'a.yaml': ruleText('a') })
  mkdirSync(path('deep/er'), { recursive: true })
  writeFileSync(path('deep/er/b.yaml'), ruleText('b'))
  expect(await settled('a=x', 'b=x')).toEqual(['loaded b'])
  renameSync(path('deep'), path('0deep'))
  expect(await settled('b=x', 'a=x')).toEqual(['reloaded b'])
  mkdirSync(join(root, '..', 'elsewhere'))
  writeFileSync(join(root, '..', 'elsewhere', 'c.yaml'), ruleText('c'))
  symlinkSync(join(root, '..', 'elsewhere'), path('linked'))
  symlinkSync(root, path('circle'))
  expect(await settled('b=x', 'a=x', 'c=x')).toEqual(['loaded c'])
  rmSync(path('0deep'), { recursive: true })
  expect(await settled('a=x', 'c=x')).toEqual(['removed b'])
})

test('a thousand files at once are a thousand changes, each once', async () => {
  const { path, settled, watcher } = await follow({ 'a.yaml': ruleText('a') })
  const names = Array.from({ length: 1000 }, (_, n) => `r${String(n).padStart(4, '0')}`)
  for (const name of names) writeFileSync(path(`${name}.yaml`), ruleText(name, '1'))
  await until(
    () => watcher.ruleSet.rules.length === 1001,
    () => `${watcher.ruleSet.rules.length} rules`,
  )
  const loaded = await settled('a=x', ...names.map((name) => `${name}=1`))
  expect(loaded.toSorted()).toEqual(names.map((name) => `loaded ${name}`))
  for (const name of names) {
    writeFileSync(path('tmp'), ruleText(name, '2'))
    renameSync(path('tmp'), path(`${name}.yaml`))
  }
  const reloaded = await settled('a=x', ...names.map((name) => `${name}=2`))
  expect(reloaded.toSorted()).toEqual(names.map((name) => `reloaded ${name}`))
  for (const name of names) unlinkSync(path(`${name}.yaml`))
  expect((await settled('a=x')).toSorted()).toEqual(names.map((name) => `removed ${name}`))
}, 30_000)

test.concurrent('a touched file, or one with the same text, is no change', async () => {
  const { path, settled } = await follow({ 'a.yaml': ruleText('a') })
  writeFileSync(path('a.yaml'), ruleText('a'))
  copyFileSync(path('a.yaml'), path('keep.txt'))
  renameSync(path('keep.txt'), path('a.yaml'))
  expect(await settled('a=x')).toEqual([])
})

test.concurrent('a change that no event told of is found by looking', async () => {
  const { watcher, path } = await follow({ 'a.yaml': ruleText('a', 'one') })
  writeFileSync(path('a.yaml'), ruleText('a', 'two'))
  watcher.refresh()
  expect(inForce(watcher)).toEqual(['a=two'])
})
