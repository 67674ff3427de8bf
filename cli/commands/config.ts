import { names, readConfig, settings } from '../../core/config.ts'
import type { Command } from '../command.ts'

export const config: Command = {
  name: 'config',
  summary: 'List every setting: its environment variable, value in force and meaning.',
  options: { json: { type: 'boolean', doc: 'Values as JSON, secrets masked.' } },
  async run({ options }, io) {
    const values = readConfig().masked()
    if (options['json'] === true) {
      io.out(`${JSON.stringify(values, null, 2)}\n`)
      return 0
    }
    for (const name of names()) {
      const { doc, default: fallback } = settings[name]
      const value = values[name] ?? ''
      const note = value === fallback ? '' : `   (default: ${fallback || 'empty'})`
      io.out(`${name}=${value}${note}\n    ${doc}\n`)
    }
    return 0
  },
}
