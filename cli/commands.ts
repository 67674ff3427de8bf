import type { Command } from './command.ts'
import { config } from './commands/config.ts'
import { migrate } from './commands/migrate.ts'
import { run } from './commands/run.ts'

/** Every command, in the order of the overview. */
export const commands: readonly Command[] = [run, migrate, config]
