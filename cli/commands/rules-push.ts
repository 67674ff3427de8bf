import { userInfo } from 'node:os'
import { basename, dirname, relative } from 'node:path'
import { type Config, readConfig } from '../../core/config.ts'
import { formatDiagnostic } from '../../core/diagnostic.ts'
import { ConfigError } from '../../core/error.ts'
import { silentLog } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { CatalogFollower } from '../../processors/engine/catalog-follower.ts'
import { KafkaSink } from '../../processors/engine/kafka-sink.ts'
import { type PushedFile, PushedFiles } from '../../processors/pushed-rules.ts'
import { type PushPlan, planPush, pushRecords } from '../../processors/rule-push.ts'
import { ruleContext } from '../../rules/language/context.ts'
import type { RuleFile } from '../../rules/loaded-file.ts'
import type { RuleSet } from '../../rules/rule-set.ts'
import { checkRules } from '../../rules/tools/check.ts'
import type { Command } from '../command.ts'
import { createKafka } from '../kafka.ts'
import { packFolders } from '../rule-folders.ts'
import { readRules } from '../rules-input.ts'

/** Makes the rule files of some folders the whole set that workers with TTPSTREAM_RULES=log run. */
export const rulesPush: Command = {
  name: 'rules push',
  usage: '[FOLDER …]',
  summary:
    'Publish rules to the log: each file that is new or changed, and a deletion for each that is gone. ' +
    'The folders named, else the packs that ship, are the whole set. Exit 2 if a rule has errors.',
  options: {
    'dry-run': { type: 'boolean', doc: 'Say what would be published, and publish nothing.' },
    json: { type: 'boolean', doc: 'For machines.' },
  },
  async run({ rest, options }, io) {
    const folders = rest.length === 0 ? packFolders() : rest
    const files = readRules(folders)
    const { ruleSet, errors } = checkRules(files, ruleContext())
    if (errors > 0) {
      const found = ruleSet.diagnostics.filter(({ severity }) => severity === 'error')
      io.err(`${found.map(formatDiagnostic).join('\n')}\nNothing was published.\n`)
      return 2
    }
    const wanted = wantedFiles(files, ruleSet, folders)
    const config = readConfig()
    const plan = await publish(config, wanted, options['dry-run'] === true)
    io.out(options['json'] === true ? `${toJson(plan)}\n` : format(plan))
    return 0
  },
}

async function publish(
  config: Config,
  wanted: ReadonlyMap<string, PushedFile>,
  isDryRun: boolean,
): Promise<PushPlan> {
  const kafka = createKafka(config, silentLog)
  const topic = config.text('TTPSTREAM_TOPIC_CATALOG')
  const held = new PushedFiles()
  const follower = new CatalogFollower(kafka, {
    topic,
    groupId: `${config.text('TTPSTREAM_KAFKA_GROUP')}-push-${systemRandom.uuid()}`,
    batchBytesMax: config.count('TTPSTREAM_BATCH_BYTES_MAX'),
    log: silentLog,
    onRecord: (record) => held.take(record),
  })
  const sink = new KafkaSink(kafka)
  try {
    await follower.start()
    const plan = planPush(held.byId(), wanted)
    if (!isDryRun) await sink.send(pushRecords(plan, topic, userInfo().username))
    return plan
  } finally {
    await Promise.all([follower.close(), sink.close()])
  }
}

/**
 * By record id: the rule's own where a file holds one, so that its history reads as the rule's; the
 * path where it holds several. Paths begin with the name of the folder that was given.
 */
function wantedFiles(
  files: readonly RuleFile[],
  ruleSet: RuleSet,
  folders: readonly string[],
): ReadonlyMap<string, PushedFile> {
  const wanted = new Map<string, PushedFile>()
  const paths = new Set<string>()
  for (const file of files) {
    const loaded = ruleSet.files.get(file.path)
    if (loaded === undefined || !('text' in file)) continue
    const { rules, filters, correlations, overlays } = loaded
    const items = [...rules, ...filters, ...correlations, ...overlays]
    if (items.length === 0) continue
    const path = pushedPath(file.path, folders)
    if (paths.has(path)) {
      throw new ConfigError('duplicate-path', `Two files would be published as ${path}.`)
    }
    paths.add(path)
    const [first] = items
    const id = items.length === 1 && first !== undefined ? first.id : path
    wanted.set(id, { path, content: file.text })
  }
  return wanted
}

function pushedPath(file: string, folders: readonly string[]): string {
  const folder = folders.find((candidate) => !relative(candidate, file).startsWith('..'))
  if (folder === undefined || folder === file) return basename(file)
  return relative(dirname(folder), file).replaceAll('\\', '/')
}

function format({ puts, deletes, unchanged }: PushPlan): string {
  const lines = [
    ...puts.map(({ path, id, isNew }) => `${isNew ? 'new    ' : 'changed'}  ${path} (${id})`),
    ...deletes.map((id) => `removed  ${id}`),
    `${puts.length} to publish, ${deletes.length} to remove, ${unchanged} unchanged`,
  ]
  return `${lines.join('\n')}\n`
}

function toJson({ puts, deletes, unchanged }: PushPlan): string {
  const published = puts.map(({ id, path, isNew }) => ({ id, path, new: isNew }))
  return JSON.stringify({ published, removed: deletes, unchanged }, null, 2)
}
