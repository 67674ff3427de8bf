import type { Command } from './command.ts'
import { assetsAdopt } from './commands/assets.ts'
import { attackCommands } from './commands/attack.ts'
import { config } from './commands/config.ts'
import { coverage } from './commands/coverage.ts'
import { deadLetterCommands } from './commands/dead-letters.ts'
import { decayRun } from './commands/decay.ts'
import { demo } from './commands/demo.ts'
import { dev } from './commands/dev.ts'
import { erase } from './commands/erase.ts'
import { migrate, migrateBackfill } from './commands/migrate.ts'
import { replay } from './commands/replay.ts'
import { ruleCommands } from './commands/rules.ts'
import { run } from './commands/run.ts'
import { testsImport } from './commands/tests.ts'

/** Every command, in the order of the overview. */
export const commands: readonly Command[] = [
  dev,
  demo,
  coverage,
  run,
  migrate,
  migrateBackfill,
  decayRun,
  replay,
  erase,
  ...deadLetterCommands,
  testsImport,
  assetsAdopt,
  ...ruleCommands,
  ...attackCommands,
  config,
]
